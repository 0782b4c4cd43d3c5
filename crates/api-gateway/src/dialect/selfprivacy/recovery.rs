//! `/auth/recovery_token`: eighteen words for the day on which every device is lost.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{GetRecoveryKeyRequest, IssueRecoveryKeyRequest, UseRecoveryKeyRequest};
use http::StatusCode;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    message,
    parameters::{Parameters, Typed},
    require_factor_of_people,
};
use crate::{
    app::App,
    gate::Caller,
    middleware::ClientAddress,
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// `GET /auth/recovery_token`.
pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, Problem> {
    caller.require_unscoped()?;
    let key = of_auth(app.upstream.devices().get_recovery_key(GetRecoveryKeyRequest {}).await)?;
    Ok(Json(json!({
        "exists": key.exists,
        "valid": key.valid,
        "date": view::time(key.created_at.as_ref()),
        "expiration": view::time(key.expires_at.as_ref()),
        "uses_left": key.uses_left,
    })))
}

/// `POST /auth/recovery_token`. What cannot be used leaves the words before as they are.
pub(super) async fn issue(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    require_factor_of_people(&app, &caller).await?;
    let expires_at = match parameters.text("expiration").map(|text| parse_time(&text)) {
        Some(None) => {
            return Err(Problem::bad_request("Invalid expiration date. Use YYYY-MM-DDTHH:MM:SS.SSSZ"));
        }
        Some(Some(at)) if at <= Timestamp::now() => {
            return Ok(message(StatusCode::BAD_REQUEST, "Expiration date cannot be in the past"));
        }
        other => other.flatten(),
    };
    let uses = match parameters.value("uses").map(|value| parse_uses(&value)) {
        Some(None) => return Err(Problem::bad_request("uses is not a number")),
        Some(Some(..1)) => return Ok(message(StatusCode::BAD_REQUEST, "Uses must be greater than 0")),
        other => other.flatten().map(|uses| u32::try_from(uses).unwrap_or(u32::MAX)),
    };
    let request = IssueRecoveryKeyRequest {
        user_id: caller.principal.user_id.clone(),
        expires_at: expires_at
            .map(|at| prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }),
        uses,
    };
    let mut devices = app.upstream.devices();
    let issued = app.finish(async move { of_auth(devices.issue_recovery_key(request).await) }).await?;
    Ok(Json(json!({ "token": issued.words })).into_response())
}

/// `POST /auth/recovery_token/use`, by the new device.
pub(super) async fn redeem(
    State(app): State<Arc<App>>,
    Extension(client): Extension<ClientAddress>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Typed { words, device } = match parameters.typed("Mnemonic recovery token") {
        Ok(typed) => typed,
        Err(missing) => return Ok(*missing),
    };
    let request = UseRecoveryKeyRequest { words, device, client_address: client.to_string() };
    let mut devices = app.upstream.devices();
    match app.finish(async move { of_auth(devices.use_recovery_key(request).await) }).await {
        Ok(made) => Ok(Json(json!({ "token": made.secret })).into_response()),
        // Other than for a new device, the text is in `error`.
        Err(problem) if problem.kind() == Kind::NotFound => Err(problem.with_message("Token not found")),
        Err(problem) => Err(problem),
    }
}

/// A time as clients write it: with or without a fraction, with `Z`, an offset, or nothing, which is UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

/// A whole number, also written as a text.
fn parse_uses(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_clients_write_them() {
        for text in
            ["2030-01-02T03:04:05.000Z", "2030-01-02T03:04:05Z", "2030-01-02T03:04:05", "2030-01-02T05:04:05.5+02:00"]
        {
            let at = parse_time(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at.as_second(), 1_893_553_445, "{text}");
        }
        for text in ["", "tomorrow", "2030-13-01T00:00:00Z"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(parse_uses(&json!(3)), Some(3));
        assert_eq!(parse_uses(&json!("3")), Some(3));
        assert_eq!(parse_uses(&json!(-1)), Some(-1));
        assert_eq!(parse_uses(&json!(1.5)), None);
        assert_eq!(parse_uses(&json!("three")), None);
        assert_eq!(parse_uses(&json!(true)), None);
    }
}
