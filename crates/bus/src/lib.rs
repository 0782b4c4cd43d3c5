//! The event bus: every event goes to everyone who asked for its topic, and nobody waits for anybody.
//!
//! [`broker`] decides who gets what; it knows no transport. Two edges stand in front of it on one socket,
//! `<state>/api/eventbus.sock`, because its existing clients come in two generations: `rpc` speaks gRPC, `json` one JSON
//! object a line, and `sniff` tells them apart. Events cross from each to the other. `report` tells on the bus itself who
//! missed something.
//!
//! A third one, `homeport.bus.v1`, is on the same socket for those who must not miss anything: every event has an id, `log`
//! keeps those of the platform's topics on disk, and a reader goes on where it was. `door` limits the sockets that are made
//! for one client each.
//!
//! The bus is part of the one binary, and also a small one of its own: it is the process that everything else waits for,
//! and it takes no more memory than what it is made of.

pub mod broker;
mod config;
mod door;
mod error;
mod json;
mod latency;
mod log;
mod own_log;
mod report;
mod rpc;
mod sniff;

use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

pub use config::{ClientSection, Config, SocketSection, StoreSection, SubscriberSection};
use futures::future;
use homeport_service::{Context, Entry, StartError, rpc::Server, telemetry};

use crate::{
    broker::{Broker, Event, Keep},
    door::Door,
    json::JsonLines,
    log::{Groups, Log, Writer},
    rpc::Parts,
};

/// The service's name, which is also that of its settings.
pub const NAME: &str = "bus";

/// The largest event, encoded. Existing clients know this number, and refuse to read more.
pub const MAX_EVENT_BYTES: usize = homeport_bus_wire::EVENT_MAX;

/// The bus as a service, on a thread of its own: it hands events from task to task and computes next to nothing.
pub fn entry() -> Entry {
    Entry::new(NAME, run).on_its_own_thread()
}

/// Runs the bus until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config: Config = context.config()?;
    let parts = parts(&context, &config).await?;
    context.spawn("report", report::run(parts.broker.clone(), context.drain().clone()));
    // By this name the log knows not to tell of its own telling.
    let records = telemetry::records(NAME, module_path!());
    context.spawn("bus-log", own_log::run(records, parts.broker.clone(), context.drain().clone()));
    context.spawn("writer", Writer::new(Arc::clone(&parts.log), parts.broker.clone(), &config.store).run());
    context.spawn("drain", drain(parts.broker.clone(), context.clone()));
    let common = (context.socket(), Door::default());
    let own = |client: &ClientSection| (context.paths().state.join(&client.socket), Door::of(client));
    let sockets = std::iter::once(common).chain(config.client.iter().map(own));
    future::try_join_all(sockets.map(|(path, door)| serve(&context, &config, parts.clone(), path, door))).await?;
    Ok(())
}

/// The broker and its log. The log's directory is closed to others, because clients may have the one above it mounted.
async fn parts(context: &Context, config: &Config) -> Result<Parts, StartError> {
    let directory = context.socket().with_file_name("bus");
    std::fs::create_dir_all(&directory)?;
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
    let log = Arc::new(Log::open(&directory.join("bus.db")).await?);
    let keep = Keep {
        prefixes: config.store.prefixes.clone(),
        ring_events: config.store.ring_events,
        ring_bytes: config.store.ring_bytes,
        last_id: log.last_id(),
        ..Keep::default()
    };
    let broker = Broker::keeping(config.subscriber.limits(), keep);
    let groups = Arc::new(Groups::load(Arc::clone(&log)).await?);
    Ok(Parts { broker, log, groups, latencies: Arc::default() })
}

/// Serves all protocols on one socket.
async fn serve(context: &Context, config: &Config, parts: Parts, path: PathBuf, door: Door) -> Result<(), StartError> {
    let drain_limit = config.drain_limit();
    let stall_limit = config.subscriber.stall_limit();
    let (broker, latencies) = (parts.broker.clone(), Arc::clone(&parts.latencies));
    let json_lines = JsonLines {
        broker: broker.clone(),
        door: door.clone(),
        latencies: Arc::clone(&latencies),
        stall_limit,
        drain_limit,
    };
    let (reflection, reflection_alpha) = rpc::reflection()?;
    Server::new(context, config.socket.clone().into())
        .at(path)
        .drain_limit(drain_limit)
        .direct(rpc::pubsub(broker.clone(), door.clone(), latencies))
        .direct(rpc::bus(parts, door))
        .service(reflection)
        .service(reflection_alpha)
        .serve_through(context, |connections| {
            sniff::grpc(connections, broker, |stream| json_lines.serve(stream, context))
        })
        .await?;
    Ok(())
}

/// Says goodbye, lets every queue run dry and ends the streams.
async fn drain(broker: Broker, context: Context) {
    context.drain().cancelled().await;
    let value = serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }).to_string();
    // Refused only if the broker drains already; then there is nobody left to tell.
    drop(broker.publish(Event::new("service:bus:stopped", value)));
    broker.drain();
}
