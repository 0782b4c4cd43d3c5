//! The event bus: every event goes to everyone who asked for its topic, and nobody waits for anybody.
//!
//! [`broker`] decides who gets what; it knows no transport. Two edges stand in front of it on one socket,
//! `<state>/api/eventbus.sock`, because its existing clients come in two generations: `rpc` speaks gRPC, `json` one JSON
//! object a line, and `sniff` tells them apart. Events cross from each to the other. `report` tells on the bus itself who
//! missed something. Nothing is stored: who is not there when an event is published does not get it.

pub mod broker;
mod config;
mod error;
mod json;
mod report;
mod rpc;
mod sniff;

pub use config::{Config, SocketSection, SubscriberSection};
use homeport_service::{Context, StartError, rpc::Server};

use crate::{
    broker::{Broker, Event},
    json::JsonLines,
};

/// The largest event, encoded. Existing clients know this number, and refuse to read more.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// Runs the bus until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config: Config = context.config()?;
    let drain_limit = config.drain_limit();
    let broker = Broker::new(config.subscriber.limits());
    let json_lines = JsonLines { broker: broker.clone(), stall_limit: config.subscriber.stall_limit(), drain_limit };
    context.spawn("report", report::run(broker.clone(), context.drain().clone()));
    context.spawn("drain", drain(broker.clone(), context.clone()));
    let (reflection, reflection_alpha) = rpc::reflection()?;
    Server::new(&context, config.socket.into())
        .drain_limit(drain_limit)
        .service(rpc::pubsub(broker))
        .service(reflection)
        .service(reflection_alpha)
        .serve_through(&context, |connections| sniff::grpc(connections, |stream| json_lines.serve(stream, &context)))
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
