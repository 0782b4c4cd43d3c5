//! The event bus: every event goes to everyone who asked for its topic, and nobody waits for anybody.
//!
//! [`broker`] decides who gets what; it knows no transport. `rpc` is its gRPC edge on `<state>/api/eventbus.sock`, as
//! existing clients know it; `report` tells on the bus itself who fell behind. Nothing is stored: who is not there
//! when an event is published does not get it.

pub mod broker;
mod config;
mod error;
mod report;
mod rpc;

pub use config::{Config, SocketSection, SubscriberSection};
use homeport_service::{Context, StartError, rpc::Server};

use crate::broker::{Broker, Event};

/// The largest event, encoded. Existing clients know this number, and refuse to read more.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// Runs the bus until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config: Config = context.config()?;
    let broker = Broker::new(config.subscriber.limits());
    context.spawn("lag-report", report::run(broker.clone(), context.drain().clone()));
    context.spawn("drain", drain(broker.clone(), context.clone()));
    let drain_limit = config.drain_limit();
    let (reflection, reflection_alpha) = rpc::reflection()?;
    Server::new(&context, config.socket.into())
        .drain_limit(drain_limit)
        .service(rpc::pubsub(broker))
        .service(reflection)
        .service(reflection_alpha)
        .serve(&context)
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
