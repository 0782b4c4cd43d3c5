//! `/otp_…`: codes that change every 30 seconds, and the token that proves that one was right.

use std::sync::Arc;

use axum::{Json as Body, extract::State};
use homeport_proto::auth::v1::{
    DeleteFactorRequest, Factor, GetFactorRequest, GetUserRequest, RegisterFactorRequest, Role, TestFactorRequest,
    ValidateFactorRequest, factor,
};
use homeport_service::Secret;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::person::{is_caller, person};
use crate::{
    app::App,
    extract::{Json, Params},
    gate::{Caller, second_factor},
    problem::{Kind, Problem},
    upstream::of_auth,
};

/// What a user has of a second factor.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Status {
    state: &'static str,
    always_on: bool,
    confirmed: bool,
    passkeys: u32,
}

/// A secret, for an application on a telephone.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Registration {
    name: String,
    secret: String,
    confirmed: bool,
    always_on: bool,
    url: String,
    #[serde(rename = "QRCode")]
    qr_code: String,
}

/// Body of a request that shows a code.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Proving {
    name: String,
    code: Secret<String>,
    updatealwayson: bool,
    alwayson: bool,
}

/// `GET /otp_status?name=`. Of others only administrators are told.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    caller: Caller,
    params: Params,
) -> Result<Body<Status>, Problem> {
    let user_id = match params.text("name") {
        Some(name) if !is_caller(&caller, name) => {
            if caller.principal.role() != Role::Admin {
                return Err(Problem::new(Kind::Forbidden, "only administrators may ask about others"));
            }
            let request = GetUserRequest { name: name.to_owned(), ..GetUserRequest::default() };
            let user = of_auth(app.upstream.users().get_user(request).await)?.user;
            user.map(|user| user.id).unwrap_or_default()
        }
        _ => person(&caller)?.to_owned(),
    };
    let factor = of_auth(app.upstream.factors().get_factor(GetFactorRequest { user_id }).await)?.factor;
    Ok(Body(view(&factor.unwrap_or_default())))
}

fn view(factor: &Factor) -> Status {
    let (state, confirmed) = match factor.state() {
        factor::State::Unspecified | factor::State::Unregistered => ("unregistered", false),
        factor::State::Unconfirmed => ("not yet validated", false),
        factor::State::Confirmed => ("registered", true),
    };
    Status { state, confirmed, always_on: factor.always_on, passkeys: factor.passkeys }
}

/// `PUT /otp_register`.
pub(super) async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<Proving>,
) -> Result<Body<Registration>, Problem> {
    let user_id = own(&caller, &body)?;
    // Whoever has passkeys alone has no code, and sends the proof as elsewhere.
    let code = if body.code.expose().is_empty() { second_factor(&headers) } else { body.code };
    let request =
        RegisterFactorRequest { user_id, code: code.expose().clone(), client_address: caller.client().to_string() };
    let mut factors = app.upstream.factors();
    let made = app.finish(async move { of_auth(factors.register_factor(request).await) }).await?;
    let factor = view(&made.factor.unwrap_or_default());
    Ok(Body(Registration {
        name: caller.name().to_owned(),
        secret: made.secret,
        // This secret is not, whether or not there is one before it that is.
        confirmed: false,
        always_on: factor.always_on,
        url: made.url,
        qr_code: made.qr_svg,
    }))
}

/// `DELETE /otp_register`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Proving>,
) -> Result<(), Problem> {
    let user_id = own(&caller, &body)?;
    let request =
        DeleteFactorRequest { user_id, code: body.code.expose().clone(), client_address: caller.client().to_string() };
    let mut factors = app.upstream.factors();
    app.finish(async move { of_auth(factors.delete_factor(request).await) }).await?;
    app.gate.forget();
    Ok(())
}

/// `PUT /otp_validate`.
pub(super) async fn validate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Proving>,
) -> Result<Body<String>, Problem> {
    let user_id = own(&caller, &body)?;
    let request = ValidateFactorRequest {
        user_id,
        code: body.code.expose().clone(),
        client_address: caller.client().to_string(),
        always_on: body.updatealwayson.then_some(body.alwayson),
    };
    let mut factors = app.upstream.factors();
    let proof = app.finish(async move { of_auth(factors.validate_factor(request).await) }).await?;
    app.gate.forget();
    Ok(Body(proof.token))
}

/// `PUT /otp_jwt_test`.
pub(super) async fn test(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap) -> Result<(), Problem> {
    let user_id = person(&caller)?.to_owned();
    let token = second_factor(&headers).expose().clone();
    let request = TestFactorRequest { user_id, token, client_address: caller.client().to_string() };
    let answer = of_auth(app.upstream.factors().test_factor(request).await);
    answer.map(drop).map_err(|problem| match problem.kind() {
        Kind::Unauthorized => problem.with_kind(Kind::SecondFactor),
        _ => problem,
    })
}

/// The caller's own account. Existing clients say the name too.
fn own(caller: &Caller, body: &Proving) -> Result<String, Problem> {
    let id = person(caller)?;
    if body.name.is_empty() || is_caller(caller, &body.name) {
        return Ok(id.to_owned());
    }
    Err(Problem::new(Kind::Forbidden, "everybody has a second factor of their own; sign in as whom you name"))
}
