//! SelfPrivacy's API, version 1.2, as its application for telephones knows it: devices and the keys that let others in.

mod devices;
mod new_device;
mod parameters;
mod recovery;
mod routes;
mod version;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::principal::Kind;
use http::StatusCode;
use serde_json::json;

use crate::{app::App, gate::Caller, problem::Problem};

pub(crate) use routes::routes;

/// What lets devices in outlives a session, so a person who has a second factor shows it. A device has none to show.
async fn require_factor_of_people(app: &App, caller: &Caller) -> Result<(), Problem> {
    caller.require_unscoped()?;
    if caller.principal.kind() == Kind::User {
        app.gate.require_factor(&app.upstream, caller).await?;
    }
    Ok(())
}

/// An answer whose text is in `message`. Which ones have it there, and which in `error`, is as clients know it.
fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "message": text }))).into_response()
}

fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Token not found")
}
