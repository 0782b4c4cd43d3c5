//! One connection, from its first byte to its last: silent, then busy, then silent again, until one side has enough.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use homeport_service::Context;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt as _;
use tracing::{Instrument as _, Span};

use super::{
    buffer::Buffer,
    ending::Watch,
    framing,
    lent::{Lent, Loan},
    origin::{Origin, Proxies},
    paced::Paced,
    patience::Patience,
    silence::{Look, Silence},
    traffic::{Counted, Traffic},
};
use crate::{
    app::App,
    config::{Config, ms},
    middleware::{ClientAddress, Scheme},
    plugin::{
        self,
        direct::{self, Talk, Turn},
        front::Settled,
    },
};

/// hyper takes no smaller buffer.
const LEAST_HEADER_BYTES: usize = 8192;
/// Requests at the same time on one connection of HTTP/2, each of which may hold a body in memory.
const STREAMS_MAX: u32 = 64;
/// Silence on a connection of HTTP/2 after which the client is asked whether it is still there, and has as long again
/// to answer.
const SILENCE: Duration = Duration::from_secs(30);

/// After this long without a request, at most twice as long, a connection waits without hyper. Short, because what many
/// connections held at the same time malloc does not give back.
const PARK_AFTER: Duration = Duration::from_millis(100);
/// How long the end of a connection may take to be said, which over TLS has to go out after all else.
const GOODBYE_LIMIT: Duration = Duration::from_millis(250);
/// A connection with an answer that goes on and on is looked at no more often than this.
const LOOK_MOST: Duration = Duration::from_secs(5);

/// What every connection of one port is served with.
#[derive(Debug)]
pub(super) struct Server {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Option<Arc<ServerConfig>>,
    handshake: Duration,
    transport_security: Option<HeaderValue>,
    proxies: Proxies,
    router: Router,
    plugins: Option<Arc<App>>,
    patience: Duration,
    /// For a client that takes nothing of what it is sent.
    write_limit: Duration,
    context: Context,
    /// What lines in the log belong to. What is on the short way enters it only when it has something to say.
    span: Span,
}

impl Server {
    pub(super) fn new(
        config: &Config,
        router: Router,
        plugins: Option<Arc<App>>,
        tls: Option<Arc<ServerConfig>>,
        context: &Context,
    ) -> Self {
        let header_bytes = config.http.max_header_bytes.max(LEAST_HEADER_BYTES);
        // Without `pipeline_flush`: with it hyper never sends the answer to a request that it cannot read.
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(ms(config.http.header_timeout_ms))
            .max_buf_size(header_bytes);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(SILENCE)
            .keep_alive_timeout(SILENCE)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
        let transport_security = match config.tls.hsts_s {
            0 => None,
            seconds => HeaderValue::try_from(format!("max-age={seconds}")).ok(),
        };
        Self {
            http1,
            http2,
            tls,
            handshake: ms(config.tls.handshake_timeout_ms),
            transport_security,
            proxies: Proxies::new(&config.http),
            router,
            plugins,
            patience: ms(config.http.header_timeout_ms),
            write_limit: ms(config.http.write_timeout_ms),
            context: context.clone(),
            span: context.span("connection"),
        }
    }

    pub(super) async fn connection(self: Arc<Self>, stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection stays with delays");
        }
        let stream = Paced::new(stream, self.write_limit);
        let ended = match &self.tls {
            None => self.http1(stream, address, false).await,
            // In a box of its own, like all that is large: there are many plain connections, and each has room for all
            // that it could be.
            Some(tls) => Box::pin(self.secure(tls, stream, address)).instrument(self.span.clone()).await,
        };
        if let Err(error) = ended {
            // Seldom an accident: either somebody tries something, or a client is broken.
            if error.is_parse() {
                tracing::info!(error = %error, client.address = %address, "a malformed request is refused");
                return;
            }
            tracing::debug!(error = %error, client.address = %address, "a connection broke");
        }
    }

    async fn secure(
        self: &Arc<Self>,
        tls: &Arc<ServerConfig>,
        stream: Paced,
        address: SocketAddr,
    ) -> hyper::Result<()> {
        match self.handshake(tls, stream).await {
            Some(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => self.http2(stream, address).await,
            Some(stream) => self.http1(stream, address, true).await,
            None => Ok(()),
        }
    }

    async fn handshake(&self, tls: &Arc<ServerConfig>, stream: Paced) -> Option<TlsStream<Paced>> {
        let handshake = tokio::time::timeout(self.handshake, TlsAcceptor::from(Arc::clone(tls)).accept(stream));
        match self.context.drain().run_until_cancelled(handshake).await? {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "a handshake failed");
                None
            }
            Err(_) => None,
        }
    }

    async fn http1<S>(&self, mut stream: S, address: SocketAddr, https: bool) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut patience, mut input) = (Patience::new(self.patience), Buffer::default());
        let peer_text = address.ip().to_string();
        // For all waits together: to enter and leave the list of those who wait costs a lock each time.
        let mut drained = pin!(self.context.drain().cancelled());
        loop {
            if input.is_empty() {
                // Waits for a request to begin.
                let begun = poll_fn(|cx| match input.poll_read(&mut stream, cx) {
                    Poll::Ready(read) => Poll::Ready(matches!(read, Ok(1..))),
                    Poll::Pending => drained.as_mut().poll(cx).map(|()| false),
                });
                if !patience.within(self.patience, begun).await.unwrap_or_default() {
                    return Ok(());
                }
            }
            let settled = match self.direct(&mut stream, &mut input, &mut patience, (address, &peer_text), https).await
            {
                Turn::Served => continue,
                Turn::Left(settled) => settled,
                Turn::Over => {
                    // Whoever is gone already does not mind, and whoever reads nothing is not waited for.
                    drop(Box::pin(tokio::time::timeout(GOODBYE_LIMIT, stream.shutdown())).await);
                    return Ok(());
                }
            };
            let busy = Box::pin(self.busy(stream, std::mem::take(&mut input), settled, address, https));
            match busy.instrument(self.span.clone()).await? {
                Some(silent) => stream = silent,
                None => return Ok(()),
            }
        }
    }

    /// Tries the short way.
    async fn direct<S>(
        &self,
        stream: &mut S,
        input: &mut Buffer,
        patience: &mut Patience,
        (peer, peer_text): (SocketAddr, &str),
        https: bool,
    ) -> Turn
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(app) = &self.plugins else { return Turn::Left(None) };
        let (proxies, transport_security, span) = (&self.proxies, self.transport_security.as_ref(), &self.span);
        direct::serve(app, Talk { stream, input, patience, peer, peer_text, https, proxies, transport_security, span })
            .await
    }

    /// Serves requests. The stream comes back when it has been silent for a while.
    async fn busy<S>(
        &self,
        stream: S,
        input: Buffer,
        settled: Option<Settled>,
        address: SocketAddr,
        https: bool,
    ) -> hyper::Result<Option<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (traffic, mut watch) = (Arc::new(Traffic::default()), Watch::default());
        let loan = Arc::new(Loan::new(Arc::clone(&traffic)));
        let lent = TokioIo::new(Lent::new(stream, input, Arc::clone(&loan)));
        let (counted, endings) = (Arc::clone(&traffic), watch.endings());
        let settled = Mutex::new(settled);
        let service = service_fn(move |mut request: Request<Incoming>| {
            // It is about the first one.
            if let Some(settled) = settled.lock().unwrap_or_else(PoisonError::into_inner).take() {
                request.extensions_mut().insert(settled);
            }
            let in_flight = counted.begin(!request.body().is_end_stream());
            let endings = Arc::clone(&endings);
            async move {
                let response = self.answer(request, address, https).await;
                Ok::<_, Infallible>(Counted::answer(response, in_flight, &endings))
            }
        });
        let mut connection = Box::pin(self.http1.serve_connection(lent, service).with_upgrades());
        let (mut requests, mut pause, mut is_last) = (0, PARK_AFTER, false);
        loop {
            tokio::select! {
                // The connection first, so that what it begins is watched from the same moment on.
                biased;
                ended = connection.as_mut() => return ended.map(|()| None),
                () = poll_fn(|cx| watch.poll(cx)) => {
                    tracing::info!(client.address = %address, "a connection is cut: its client does not take the end of an answer");
                    return Ok(None);
                }
                () = self.context.drain().cancelled(), if !is_last => {
                    connection.as_mut().graceful_shutdown();
                    is_last = true;
                }
                () = tokio::time::sleep(pause) => {
                    let is_silent = traffic.requests() == requests;
                    if is_silent && !is_last && loan.is_idle() {
                        loan.want();
                        drop(connection);
                        return Ok(loan.take());
                    }
                    pause = if is_silent { (pause * 2).min(LOOK_MOST) } else { PARK_AFTER };
                    requests = traffic.requests();
                }
            }
        }
    }

    async fn http2(self: &Arc<Self>, stream: TlsStream<Paced>, address: SocketAddr) -> hyper::Result<()> {
        let (traffic, mut watch) = (Arc::new(Traffic::default()), Watch::default());
        let (server, counted, endings) = (Arc::clone(self), Arc::clone(&traffic), watch.endings());
        let service = service_fn(move |request: Request<Incoming>| {
            let in_flight = counted.begin(!request.body().is_end_stream());
            let (server, endings) = (Arc::clone(&server), Arc::clone(&endings));
            async move {
                let response = server.answer(as_http1(request), address, true).await;
                Ok::<_, Infallible>(Counted::answer(response, in_flight, &endings))
            }
        });
        let connection = self.http2.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let (mut silence, mut is_last) = (Silence::new(self.patience, self.write_limit, Instant::now()), false);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return ended,
                () = poll_fn(|cx| watch.poll(cx)) => {
                    tracing::info!(client.address = %address, "a connection is cut: its client does not take the end of an answer");
                    return Ok(());
                }
                () = self.context.drain().cancelled(), if !is_last => {
                    connection.as_mut().graceful_shutdown();
                    is_last = true;
                }
                () = tokio::time::sleep(silence.pause()) => match silence.look(&traffic, Instant::now()) {
                    Look::Alive => {}
                    Look::Idle => connection.as_mut().graceful_shutdown(),
                    Look::Stalled => {
                        tracing::debug!(client.address = %address, "a connection is cut: its client takes nothing");
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr, https: bool) -> Response {
        let Origin { address, https } = self.proxies.origin(peer, https, request.headers());
        request.extensions_mut().insert(ClientAddress(address));
        request.extensions_mut().insert(if https { Scheme::Https } else { Scheme::Http });
        let request = request.map(Body::new);
        if let Some(refusal) = framing::refusal(&request) {
            return refusal;
        }
        let is_last = framing::is_last(&request);
        let mut response = self.route(request).await;
        if is_last {
            framing::close(&mut response);
        }
        if https && let Some(value) = &self.transport_security {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value.clone());
        }
        response
    }

    /// Requests to plugins go past the router and its layers: they are most of what there is, and each layer costs.
    async fn route(&self, request: Request<Body>) -> Response {
        if let Some(app) = &self.plugins
            && plugin::front::is_for_plugin(&app.config.plugins.domain, &request)
        {
            return plugin::front::serve(app, request).await;
        }
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// A request of HTTP/2 as one of HTTP/1.1 would be: what comes next reads the `Host` header and the bare path, and a
/// client that sends cookies in several pieces means one.
fn as_http1(mut request: Request<Incoming>) -> Request<Incoming> {
    if let Some(host) = request.uri().authority().and_then(|authority| HeaderValue::try_from(authority.as_str()).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
    join_cookies(request.headers_mut(), &header::COOKIE);
    request
}

fn join_cookies(headers: &mut http::HeaderMap, name: &HeaderName) {
    let crumbs: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(name, whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function returns, which is never called.
    fn size<A, F>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn ten_thousand_silent_connections_are_small() {
        let size =
            size(|(server, stream, address): (Arc<Server>, TcpStream, SocketAddr)| server.connection(stream, address));
        assert!(size < 3 << 10, "{size} bytes");
    }
}
