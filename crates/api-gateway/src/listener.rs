//! Connections: how many, how patient, and how they end.

mod connection;
mod origin;
mod redirect;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use futures::future::join_all;
use homeport_service::Context;
use rustls::ServerConfig;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::task::TaskTracker;

use crate::{
    config::{Config, ms},
    metrics::Held,
};
use connection::Server;
use origin::plain;

pub(crate) use redirect::{CHALLENGE, answer, router as redirect};

/// How long to wait when the process has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The setting is no address.
    #[error("{text:?} is no address to listen on; write it as 127.0.0.1:8080")]
    Address {
        /// The setting.
        text: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The address cannot be had.
    #[error(
        "cannot listen on {address}; is another program there? Set HOMEPORT_HTTP, or what it comes from, to another one"
    )]
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

/// A port that is open, and what is behind it.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    /// None: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// Serves until the context drains, then lets requests under way finish, for as long as the settings allow.
pub(crate) async fn serve(doors: Vec<Door>, config: &Config, context: &Context) {
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(config.http.max_connections.max(1)));
    join_all(doors.into_iter().map(|door| keep_open(door, config, context, &connections, &permits))).await;
    connections.close();
    let limit = ms(config.http.drain_limit_ms);
    if tokio::time::timeout(limit, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests still ran when the drain ended; they are cut");
    }
}

async fn keep_open(
    door: Door,
    config: &Config,
    context: &Context,
    connections: &TaskTracker,
    permits: &Arc<Semaphore>,
) {
    let Door { listener, router, tls } = door;
    let server = Server::new(config, router, tls, context);
    loop {
        // A connection is taken only when there is room for it.
        let permit = tokio::select! {
            () = context.drain().cancelled() => break,
            permit = Arc::clone(permits).acquire_owned() => permit,
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
}
