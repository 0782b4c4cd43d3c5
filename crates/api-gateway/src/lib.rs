//! The gateway: the one process that serves HTTP.
//!
//! A request passes the layers of [`middleware`], is matched against the tables of the [`dialect`]s or belongs to a
//! [`plugin`], and is answered with what a service behind it said. The gateway keeps no state and decides nothing.

mod app;
mod audit;
mod config;
mod dialect;
mod extract;
mod gate;
mod listener;
mod metrics;
mod middleware;
mod openapi;
mod page;
mod path;
mod plugin;
mod problem;
mod revocation;
mod route;
mod router;
mod stream;
mod tls;
mod upstream;
mod view;

use std::{net::SocketAddr, sync::Arc};

use homeport_bus_client::{Publisher, publish_log};
use homeport_service::{
    Context, StartError,
    clock::{Clock as _, SystemClock},
};
use rustls::ServerConfig;
use serde::Serialize;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::task::TaskTracker;

use crate::{
    app::App,
    audit::Recorder,
    config::ms,
    dialect::docksmith::board::{self, Board},
    gate::{Gate, Loopback},
    listener::Door,
    plugin::Registry,
    stream::Hub,
    tls::{Challenges, Keeper, Tls},
    upstream::Upstream,
};

pub use config::{
    AcmeConfig, AuthConfig, Config, DocksmithConfig, EventsConfig, HttpConfig, Network, PluginsConfig, ProxyHeader,
    SupervisorConfig, TlsConfig,
};
pub use listener::ListenError;
pub use route::{Access, RouteInfo};

/// Runs the gateway until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    Gateway::bind(context).await?.serve().await;
    Ok(())
}

/// The routes of the gateway's own, those of plugins apart.
pub fn routes() -> Vec<RouteInfo> {
    dialect::routes().iter().map(RouteInfo::from).collect()
}

/// A gateway that has its port and is ready to serve.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    doors: Doors,
    keeper: Option<Keeper>,
    app: Arc<App>,
}

/// The ports that are open.
#[derive(Debug)]
struct Doors {
    plain: TcpListener,
    secure: Option<(TcpListener, Arc<ServerConfig>)>,
    /// The plain port beside HTTPS, with the port that it sends to.
    redirect: Option<(TcpListener, u16)>,
    /// What existing clients of the device supervisor know.
    supervisor: Vec<TcpListener>,
}

impl Gateway {
    /// Reads the settings, opens the port, loads the plugins and begins to follow the bus.
    pub async fn bind(context: Context) -> Result<Self, StartError> {
        let config = context.config::<Config>()?.with_docksmith_names(context.environment());
        let challenges = Arc::default();
        let (server, keeper, root) = match tls::prepare(&config, &context, &challenges).await? {
            Some(Tls { server, keeper, root }) => (Some(server), Some(keeper), root),
            None => (None, None, None),
        };
        let doors = Doors::open(&config, &context, server).await?;
        let address = doors.plain.local_addr()?;
        let (recorder, inbox) = audit::queue();
        let loopback = match &config.docksmith.loopback_token_file {
            Some(path) => Some(Loopback::read(path).await?),
            None => None,
        };
        let app = build(config, &context, loopback, challenges, root, recorder);
        audit::follow(&app, inbox);
        revocation::follow(&app);
        stream::follow(&context, Arc::clone(&app.hub));
        board::follow(&app);
        plugin::follow(&context, Arc::clone(&app.plugins)).await;
        Ok(Self { address, doors, keeper, app })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for HTTPS.
    pub fn secure_address(&self) -> Option<SocketAddr> {
        self.doors.secure.as_ref()?.0.local_addr().ok()
    }

    /// Where it listens to send whoever comes to HTTPS.
    pub fn redirect_address(&self) -> Option<SocketAddr> {
        self.doors.redirect.as_ref()?.0.local_addr().ok()
    }

    /// Where it listens for clients of the device supervisor.
    pub fn supervisor_addresses(&self) -> Vec<SocketAddr> {
        self.doors.supervisor.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until the context drains, then lets requests under way finish.
    pub async fn serve(self) {
        let secure = self.secure_address();
        let Self { address, doors, keeper, app } = self;
        let context = &app.context;
        let publisher = &app.publisher;
        let version = Version { version: env!("CARGO_PKG_VERSION") };
        publisher.publish("service:gateway:started", &version);
        publish_log(context, module_path!());
        if let Some(keeper) = keeper {
            context.spawn("certificate", keeper.run(publisher.clone(), context.drain().clone()));
        }
        tracing::info!(http.listen = %address, tls.listen = secure.map(tracing::field::display), "listening");
        if let Err(error) = listener::serve(doors.with_routers(&app), &app).await {
            tracing::error!(error = %error, "the threads that serve requests cannot be started");
        }
        app.audit.close().await;
        publisher.publish("service:gateway:stopped", &version);
    }
}

impl Doors {
    async fn open(config: &Config, context: &Context, server: Option<Arc<ServerConfig>>) -> Result<Self, StartError> {
        let listen = context.environment().get("HOMEPORT_HTTP").unwrap_or(&config.http.listen);
        let plain = listener::bind(listen).await?;
        let secure = match server.zip(config.tls.listen.as_ref()) {
            Some((server, listen)) => Some((listener::bind(listen).await?, server)),
            None => None,
        };
        let redirect = match (&secure, &config.tls.redirect_listen) {
            (Some((secure, _)), Some(listen)) => {
                let port = config.tls.public_port.unwrap_or(secure.local_addr()?.port());
                Some((listener::bind(listen).await?, port))
            }
            _ => None,
        };
        let mut supervisor = Vec::new();
        for listen in &config.supervisor.listen {
            supervisor.push(listener::bind(listen).await?);
        }
        Ok(Self { plain, secure, redirect, supervisor })
    }

    fn with_routers(self, app: &Arc<App>) -> Vec<Door> {
        let router = router::build(app);
        let plain = Door { listener: self.plain, router: router.clone(), plugins: Some(Arc::clone(app)), tls: None };
        let secure = self.secure.map(|(listener, tls)| {
            let plugins = Some(Arc::clone(app));
            Door { listener, router, plugins, tls: Some(tls) }
        });
        let redirect = self.redirect.map(|(listener, port)| {
            let router = listener::redirect(Arc::clone(&app.challenges), port);
            Door { listener, router, plugins: None, tls: None }
        });
        let alone = (!self.supervisor.is_empty()).then(|| router::supervisor(app));
        let supervisor = self.supervisor.into_iter().zip(alone.into_iter().cycle());
        let supervisor = supervisor.map(|(listener, router)| Door { listener, router, plugins: None, tls: None });
        std::iter::once(plain).chain(secure).chain(redirect).chain(supervisor).collect()
    }
}

fn build(
    config: Config,
    context: &Context,
    loopback: Option<Loopback>,
    challenges: Arc<Challenges>,
    certificate: Option<String>,
    audit: Recorder,
) -> Arc<App> {
    let events = &config.events;
    let root = config.plugins.root.clone().unwrap_or_else(|| context.paths().state.clone());
    Arc::new(App {
        context: context.clone(),
        upstream: Upstream::new(context.paths()),
        gate: Gate::new(ms(config.auth.cache_ms)),
        loopback,
        audit,
        board: Board::default(),
        hub: Arc::new(Hub::new(hub_limits(events), SystemClock.now())),
        publisher: Publisher::new(context.paths().socket("bus"), context),
        plugins: Arc::new(Registry::new(root, config.plugins.clone())),
        runtime: tokio::runtime::Handle::current(),
        upgraded: TaskTracker::new(),
        tunnels: Arc::new(Semaphore::new(config.plugins.max_tunnels)),
        handshakes: Arc::new(Semaphore::new(events.max_handshakes)),
        replays: Arc::new(Semaphore::new(events.max_replays)),
        challenges,
        certificate,
        config,
    })
}

const fn hub_limits(events: &EventsConfig) -> stream::Limits {
    stream::Limits {
        ring: events.ring,
        ring_bytes: events.ring_bytes,
        queue: events.queue,
        queue_bytes: events.queue_bytes,
        clients: events.max_clients,
    }
}

/// Payload of `service:gateway:started` and `service:gateway:stopped`.
#[derive(Debug, Serialize)]
struct Version {
    /// Version of the gateway.
    version: &'static str,
}
