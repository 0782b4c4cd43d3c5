//! Connections: how many, how patient, and how they end.

mod addresses;
mod buffer;
mod connection;
mod ending;
mod framing;
mod lent;
mod origin;
mod paced;
mod patience;
mod redirect;
mod silence;
mod traffic;
mod worker;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use futures::future::join_all;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;

use crate::{app::App, config::ms, metrics::Held};
use addresses::Addresses;
use connection::Server;
use origin::plain;
use worker::Workers;

pub(crate) use buffer::Buffer;
pub(crate) use ending::Ending;
pub(crate) use origin::{Origin, Proxies};
pub(crate) use patience::Patience;
pub(crate) use redirect::{CHALLENGE, answer, router as redirect};

/// How long to wait when the process has no descriptor left for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long upgraded connections may take to close once the drain has begun and requests have ended.
const FAREWELL: Duration = Duration::from_secs(1);

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
    /// Whose plugins are behind it. None: it has none.
    pub(crate) plugins: Option<Arc<App>>,
    /// None: plain HTTP.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// Serves until the context drains, then lets requests under way finish, for as long as the settings allow.
///
/// Whoever takes a connection hands it to the worker with the fewest: everything about a request then happens on one
/// thread, which costs a third less than letting it wander.
pub(crate) async fn serve(doors: Vec<Door>, app: &Arc<App>) -> io::Result<()> {
    let config = &app.config.http;
    let house = House {
        workers: Workers::start(config.workers)?,
        connections: TaskTracker::new(),
        permits: Arc::new(Semaphore::new(config.max_connections.max(1))),
        addresses: Arc::new(Addresses::new(config)),
        app,
    };
    join_all(doors.into_iter().map(|door| house.keep_open(door))).await;
    let House { workers, connections, .. } = house;
    connections.close();
    let limit = ms(config.drain_limit_ms);
    if tokio::time::timeout(limit, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests still ran when the drain ended; they are cut");
    }
    // These say goodbye by themselves.
    app.upgraded.close();
    if tokio::time::timeout(FAREWELL, app.upgraded.wait()).await.is_err() {
        tracing::warn!(connections = app.upgraded.len(), "upgraded connections are cut");
    }
    workers.stop().await;
    Ok(())
}

/// What all doors share.
struct House<'a> {
    workers: Workers,
    connections: TaskTracker,
    permits: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    app: &'a App,
}

impl House<'_> {
    async fn keep_open(&self, door: Door) {
        let (app, context) = (self.app, &self.app.context);
        let Door { listener, router, plugins, tls } = door;
        let server = Arc::new(Server::new(&app.config, router, plugins, tls, context));
        loop {
            // A connection is taken only when there is room for it.
            let permit = tokio::select! {
                () = context.drain().cancelled() => break,
                permit = Arc::clone(&self.permits).acquire_owned() => permit,
            };
            let accepted = tokio::select! {
                () = context.drain().cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted.and_then(|(stream, address)| Ok((stream.into_std()?, plain(address)))) {
                Ok((stream, address)) => {
                    let Some(seat) = self.addresses.seat(address.ip()) else {
                        // Closed at once: what waited would take a place from somebody else.
                        tracing::debug!(client.address = %address, "a connection is closed: its client has as many as it may");
                        continue;
                    };
                    let server = Arc::clone(&server);
                    self.workers.run(|load| {
                        let connection = async move {
                            let _held = (permit, seat, load, Held::connection());
                            // The worker's own reactor watches it from here on.
                            match TcpStream::from_std(stream) {
                                Ok(stream) => server.connection(stream, address).await,
                                Err(error) => tracing::warn!(error = %error, "a connection could not be served"),
                            }
                        };
                        context.spawn_bare(self.connections.track_future(connection));
                    });
                }
                Err(error) => {
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
