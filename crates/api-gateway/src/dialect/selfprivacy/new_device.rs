//! `/auth/new_device`: twelve words that let in one more device.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{AuthorizeDeviceRequest, CancelDeviceKeyRequest, IssueDeviceKeyRequest};
use serde_json::{Value, json};

use super::{
    not_found,
    parameters::{Parameters, Typed},
    require_factor_of_people,
};
use crate::{
    app::App,
    gate::Caller,
    middleware::ClientAddress,
    problem::{Kind, Problem},
    upstream::of_auth,
};

/// `POST /auth/new_device`.
pub(super) async fn issue(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, Problem> {
    require_factor_of_people(&app, &caller).await?;
    let request = IssueDeviceKeyRequest { user_id: caller.principal.user_id.clone() };
    let mut devices = app.upstream.devices();
    let issued = app.finish(async move { of_auth(devices.issue_device_key(request).await) }).await?;
    Ok(Json(json!({ "token": issued.words })))
}

/// `DELETE /auth/new_device`.
pub(super) async fn cancel(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, Problem> {
    caller.require_unscoped()?;
    let mut devices = app.upstream.devices();
    app.finish(async move { of_auth(devices.cancel_device_key(CancelDeviceKeyRequest {}).await) }).await?;
    Ok(Json(json!({ "token": Value::Null })))
}

/// `POST /auth/new_device/authorize`, by the new device.
pub(super) async fn authorize(
    State(app): State<Arc<App>>,
    Extension(client): Extension<ClientAddress>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Typed { words, device } = match parameters.typed("Mnemonic token to authorize") {
        Ok(typed) => typed,
        Err(missing) => return Ok(*missing),
    };
    let request = AuthorizeDeviceRequest { words, device, client_address: client.to_string() };
    let mut devices = app.upstream.devices();
    match app.finish(async move { of_auth(devices.authorize_device(request).await) }).await {
        Ok(made) => Ok(Json(json!({ "message": "Device authorized", "token": made.secret })).into_response()),
        Err(problem) if problem.kind() == Kind::NotFound => Ok(not_found()),
        Err(problem) => Err(problem),
    }
}
