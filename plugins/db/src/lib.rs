//! A plugin that keeps the bus's events in SQLite and answers questions about them.
//!
//! [`keep`] follows the bus from where it was, [`events`] is the table, [`api`] is HTTP on the plugin's socket.

mod api;
mod config;
mod events;
mod keep;

use homeport_service::{Context, StartError, peer::SocketConfig, rpc::bind};

pub use config::Config;

use events::Events;

/// The plugin: serves its socket and keeps events until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config: Config = context.config()?;
    let directory = context.paths().state.join("plugins/db");
    let events = Events::open(&directory.join("events.db")).await?;
    // The gateway is another user; who cannot reach the directory cannot connect.
    let socket = SocketConfig { mode: "0666".to_owned(), allow_any_uid: true, ..SocketConfig::default() };
    let listener = bind(&directory.join("socket"), &socket)?;
    context.spawn("keep events", keep::run(context.clone(), events.clone(), config));
    let drain = context.drain().clone();
    axum::serve(listener, api::router(events.clone())).with_graceful_shutdown(drain.cancelled_owned()).await?;
    events.close().await;
    Ok(())
}
