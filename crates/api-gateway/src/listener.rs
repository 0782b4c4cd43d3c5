//! Connections: how many, how patient, and how they end.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use homeport_service::Context;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::{
    config::{HttpConfig, ms},
    metrics::Held,
    middleware::ClientAddress,
};

/// hyper takes no smaller buffer.
const LEAST_HEADER_BYTES: usize = 8192;
/// How long to wait when the process has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The setting is no address.
    #[error("{text:?} (HOMEPORT_HTTP or http.listen) is no address to listen on; write it as 127.0.0.1:8080")]
    Address {
        /// The setting.
        text: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}; is another program there? Set HOMEPORT_HTTP to another one")]
    Bind {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Opens the port. `8080` and `:8080` are all addresses of the machine.
pub(crate) async fn bind(text: &str) -> Result<TcpListener, ListenError> {
    let full = match text.rsplit_once(':') {
        None => format!("[::]:{text}"),
        Some(("", port)) => format!("[::]:{port}"),
        Some(_) => text.to_owned(),
    };
    let addresses = tokio::net::lookup_host(&full).await;
    let addresses: Vec<_> =
        addresses.map_err(|source| ListenError::Address { text: text.to_owned(), source })?.collect();
    let listener = TcpListener::bind(addresses.as_slice()).await;
    listener.map_err(|source| ListenError::Bind { address: full, source })
}

/// Serves until the context drains, then lets requests under way finish, for as long as the settings allow.
pub(crate) async fn serve(listener: TcpListener, router: Router, config: &HttpConfig, context: &Context) {
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(config.max_connections.max(1)));
    let server = Server { http: server(config), router, context: context.clone() };
    loop {
        // A connection is taken only when there is room for it.
        let permit = tokio::select! {
            () = context.drain().cancelled() => break,
            permit = Arc::clone(&permits).acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = context.drain().cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let connection = server.clone().connection(stream, plain(address));
                context.spawn(
                    "connection",
                    connections.track_future(async move {
                        let _held = (permit, Held::connection());
                        connection.await;
                    }),
                );
            }
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    let limit = ms(config.drain_limit_ms);
    if tokio::time::timeout(limit, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests still ran when the drain ended; they are cut");
    }
}

/// Without `pipeline_flush`: with it hyper never sends the answer to a request that it cannot read.
fn server(config: &HttpConfig) -> http1::Builder {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(ms(config.header_timeout_ms))
        .max_buf_size(config.max_header_bytes.max(LEAST_HEADER_BYTES));
    server
}

#[derive(Debug, Clone)]
struct Server {
    http: http1::Builder,
    router: Router,
    context: Context,
}

impl Server {
    async fn connection(self, stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection stays with delays");
        }
        let router = self.router;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ClientAddress(address));
            let router = router.clone();
            async move { Ok::<_, Infallible>(answer(router, request).await) }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.context.drain().cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = %error, client.address = %address, "a connection broke");
        }
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> axum::response::Response {
    match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// An IPv4 client of a socket that speaks both is an IPv4 client.
fn plain(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        ip @ IpAddr::V4(_) => ip,
    };
    SocketAddr::new(ip, address.port())
}
