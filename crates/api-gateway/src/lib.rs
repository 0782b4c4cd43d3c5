//! The gateway: the one process that serves HTTP.
//!
//! A request passes the layers of [`middleware`], is matched against the tables of the [`dialect`]s or belongs to a
//! [`plugin`], and is answered with what a service behind it said. The gateway keeps no state and decides nothing.

mod app;
mod config;
mod dialect;
mod extract;
mod gate;
mod listener;
mod metrics;
mod middleware;
mod path;
mod plugin;
mod problem;
mod route;
mod router;
mod stream;
mod upstream;
mod view;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use homeport_bus_client::Publisher;
use homeport_service::{
    Context, StartError,
    clock::{Clock as _, SystemClock},
};
use serde::Serialize;
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    app::App,
    config::ms,
    dialect::docksmith::board::{self, Board},
    gate::Gate,
    metrics::Metrics,
    plugin::Registry,
    stream::Hub,
    upstream::Upstream,
};

pub use config::{AuthConfig, Config, EventsConfig, HttpConfig, PluginsConfig};
pub use listener::ListenError;
pub use route::RouteInfo;

/// Between two times that measurements are sorted in; the exporter's own default.
const UPKEEP: Duration = Duration::from_secs(5);

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
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

impl Gateway {
    /// Reads the settings, opens the port, loads the plugins and begins to follow the bus.
    pub async fn bind(context: Context) -> Result<Self, StartError> {
        let config: Config = context.config()?;
        let listen = context.environment().get("HOMEPORT_HTTP").unwrap_or(&config.http.listen).to_owned();
        let listener = listener::bind(&listen).await?;
        let address = listener.local_addr()?;
        let app = build(config, &context);
        stream::follow(&context, Arc::clone(&app.hub));
        board::follow(&app);
        plugin::follow(&context, Arc::clone(&app.plugins)).await;
        Ok(Self { listener, address, app })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the context drains, then lets requests under way finish.
    pub async fn serve(self) {
        let Self { listener, address, app } = self;
        let context = &app.context;
        let publisher = &app.publisher;
        let version = Version { version: env!("CARGO_PKG_VERSION") };
        publisher.publish("service:gateway:started", &version);
        keep_up(context, app.metrics.clone());
        tracing::info!(http.listen = %address, "listening");
        listener::serve(listener, router::build(&app), &app.config.http, context).await;
        publisher.publish("service:gateway:stopped", &version);
    }
}

fn build(config: Config, context: &Context) -> Arc<App> {
    let events = &config.events;
    let root = config.plugins.root.clone().unwrap_or_else(|| context.paths().state.clone());
    Arc::new(App {
        context: context.clone(),
        upstream: Upstream::new(context.paths()),
        gate: Gate::new(ms(config.auth.cache_ms)),
        board: Board::default(),
        hub: Arc::new(Hub::new(hub_limits(events), SystemClock.now())),
        publisher: Publisher::new(context.paths().socket("bus"), context),
        plugins: Arc::new(Registry::new(root, config.plugins.clone())),
        metrics: Metrics::install(),
        tunnels: Arc::new(Semaphore::new(config.plugins.max_tunnels)),
        handshakes: Arc::new(Semaphore::new(events.max_handshakes)),
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

fn keep_up(context: &Context, metrics: Metrics) {
    let drain = context.drain().clone();
    context.spawn("metrics", async move {
        while tokio::time::timeout(UPKEEP, drain.cancelled()).await.is_err() {
            metrics.upkeep();
        }
    });
}
