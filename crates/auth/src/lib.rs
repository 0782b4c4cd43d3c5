//! Who may do what: the only service that reads credentials.
//!
//! [`run`] assembles it. A request goes [`rpc`] → [`Auth`] → [`store`]; what a credential is made of is in
//! [`credential`], what a [`grant`] covers in [`role`] and [`scope`], how guessing is slowed down in [`lockout`], who is told
//! of what ended in [`revocation`], and what was done in [`audit`].
//!
//! It is a binary of its own, `homeport-auth`, and part of no other: nobody who serves, updates or talks to the engine carries
//! the code that reads credentials, nor its megabytes.

mod address;
mod audit;
mod auth;
mod ceremonies;
mod changes;
mod config;
mod credential;
mod error;
mod events;
mod factor;
mod file_tokens;
mod first_admin;
mod grant;
mod lockout;
mod oidc;
mod revocation;
mod role;
mod rpc;
mod scope;
mod store;
mod token_kind;
mod ui_tokens;
mod uses;

use std::sync::Arc;

use auth::{Auth, Parts};
use credential::session::Signer;
use events::Events;
use file_tokens::FileTokens;
use homeport_bus_client::{Publisher, publish_log};
use homeport_proto::auth::v1::{
    audit_service_server::AuditServiceServer, auth_service_server::AuthServiceServer,
    device_service_server::DeviceServiceServer, factor_service_server::FactorServiceServer,
    oidc_service_server::OidcServiceServer, passkey_service_server::PasskeyServiceServer,
    session_service_server::SessionServiceServer, token_service_server::TokenServiceServer,
    user_service_server::UserServiceServer,
};
use homeport_service::{
    Context, Entry, StartError,
    clock::{Clock as _, SystemClock},
    rpc::{MAX_MESSAGE_BYTES, Server},
};
use homeport_store::{Store, outbox};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use config::Config;

/// The service's name, which is also that of its settings.
pub const NAME: &str = "auth";

/// Auth as a service.
pub fn entry() -> Entry {
    Entry::new(NAME, run)
}

/// Runs the service until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config = context.config::<Config>()?.with(context.environment())?;
    let socket = config.socket.clone();
    let directory = context.state_dir();
    let store = store::open(&directory.join("auth.db")).await?;
    let key = store::signing_key::get_or_make(&store, SystemClock.now()).await?;
    let publisher = Publisher::new(context.paths().socket("bus"), &context);
    publish_log(&context, module_path!());
    context.spawn("outbox", relay(store.clone(), publisher.clone(), context.drain().clone()));
    let auth = Auth::new(Parts {
        signer: Signer::new(&key),
        events: Events::new(publisher.clone()),
        file_tokens: FileTokens::read(&context.paths().configs),
        clock: Arc::new(SystemClock),
        drain: context.drain().clone(),
        initial_password: first_admin::password_file(&directory),
        store: store.clone(),
        config,
    })
    .await?;
    let auth = Arc::new(auth);
    first_admin::ensure(&auth, first_admin::chosen(context.environment())).await?;
    context.spawn("sessions-prune", Arc::clone(&auth).prune_sessions(context.drain().clone()));
    context.spawn("uses", Arc::clone(&auth).write_uses(context.drain().clone()));
    context.spawn("file-tokens", Arc::clone(&auth).follow_files(context.drain().clone()));
    let (recorder, following) = (Arc::clone(&auth), context.clone());
    context.spawn("audit-events", async move { audit::follow::run(recorder.audit(), &following).await });
    publisher.publish("service:auth:started", &Lifecycle::default());
    let served = Server::new(&context, socket)
        .service(AuthServiceServer::from_arc(Arc::clone(&auth)))
        .service(TokenServiceServer::from_arc(Arc::clone(&auth)))
        .service(UserServiceServer::from_arc(Arc::clone(&auth)).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .service(SessionServiceServer::from_arc(Arc::clone(&auth)))
        .service(AuditServiceServer::from_arc(Arc::clone(&auth)))
        .service(FactorServiceServer::from_arc(Arc::clone(&auth)))
        .service(PasskeyServiceServer::from_arc(Arc::clone(&auth)))
        .service(DeviceServiceServer::from_arc(Arc::clone(&auth)))
        .service(OidcServiceServer::from_arc(Arc::clone(&auth)))
        .serve(&context)
        .await;
    publisher.publish("service:auth:stopped", &Lifecycle::default());
    auth.write_uses_now().await;
    store.close().await;
    Ok(served?)
}

/// Takes events from the outbox to the bus.
async fn relay(store: Store, publisher: Publisher, drain: CancellationToken) {
    outbox::relay(store, drain, async |topic, payload| publisher.relay(topic, &payload).await).await;
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
