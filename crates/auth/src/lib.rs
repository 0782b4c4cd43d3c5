//! Who may do what: the only service that reads credentials.
//!
//! [`run`] assembles it. A request goes [`rpc`] → [`Auth`] → [`store`]; what a credential is made of is in
//! [`credential`], what a scope covers in [`scope`], how guessing is slowed down in [`lockout`].

mod audit;
mod auth;
mod config;
mod credential;
mod error;
mod first_admin;
mod lockout;
mod rpc;
mod scope;
mod store;

use std::sync::Arc;

use audit::Audit;
use auth::{Auth, Parts};
use credential::session::Signer;
use homeport_bus_client::Publisher;
use homeport_proto::auth::v1::{auth_service_server::AuthServiceServer, token_service_server::TokenServiceServer};
use homeport_service::{
    Context, StartError,
    clock::{Clock as _, SystemClock},
    rpc::Server,
};
use serde::Serialize;

pub use config::Config;

/// Runs the service until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config: Config = context.config()?;
    let socket = config.socket.clone();
    let directory = context.state_dir();
    let store = store::open(&directory.join("auth.db")).await?;
    let key = store::signing_key::get_or_make(&store, SystemClock.now()).await?;
    let publisher = Publisher::new(context.paths().socket("bus"), &context);
    let auth = Auth::new(Parts {
        signer: Signer::new(&key),
        audit: Audit::new(publisher.clone()),
        clock: Arc::new(SystemClock),
        initial_password: first_admin::password_file(&directory),
        store: store.clone(),
        config,
    })
    .await?;
    let auth = Arc::new(auth);
    first_admin::ensure(&auth, context.environment().get(first_admin::VARIABLE)).await?;
    context.spawn("sessions-prune", Arc::clone(&auth).prune_sessions(context.drain().clone()));
    publisher.publish("service:auth:started", &Lifecycle::default());
    let served = Server::new(&context, socket)
        .service(AuthServiceServer::from_arc(Arc::clone(&auth)))
        .service(TokenServiceServer::from_arc(auth))
        .serve(&context)
        .await;
    publisher.publish("service:auth:stopped", &Lifecycle::default());
    store.close().await;
    Ok(served?)
}

/// Payload of `service:auth:started` and `service:auth:stopped`.
#[derive(Debug, Serialize)]
struct Lifecycle {
    /// Version of the service.
    version: &'static str,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { version: env!("CARGO_PKG_VERSION") }
    }
}
