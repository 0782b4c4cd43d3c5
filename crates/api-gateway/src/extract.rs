//! What handlers take from a request: bodies as forgiving as the clients expect, and query parameters.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    app::App,
    config::ms,
    gate::Caller,
    problem::{Kind, Problem},
};

/// Values deeper than this are not looked into; nothing that a client sends is.
const MAX_DEPTH: usize = 16;
/// Below this key the keys are a client's own, and `Team` is another label than `team`.
const VERBATIM: &str = "labels";

/// A JSON object of any content type whose keys are matched without regard to case. Fields of `T` are written in lower
/// case.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        object(request, app, MAX_DEPTH).await.map(Self)
    }
}

/// JSON of any kind and any content type, exactly as it was sent.
#[derive(Debug)]
pub(crate) struct Verbatim(pub(crate) Value);

impl FromRequest<Arc<App>> for Verbatim {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let http = &app.config.http;
        let bytes = read(request, http.max_body_bytes, ms(http.body_timeout_ms)).await?;
        let invalid = |error: serde_json::Error| Problem::bad_request(format!("invalid request body: {error}"));
        serde_json::from_slice(&bytes).map(Self).map_err(invalid)
    }
}

/// The same, save that only the outermost keys are matched so: what they hold is somebody else's.
#[derive(Debug)]
pub(crate) struct Shallow<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Shallow<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        object(request, app, 1).await.map(Self)
    }
}

async fn object<T: DeserializeOwned>(request: Request, app: &Arc<App>, depth: usize) -> Result<T, Problem> {
    let http = &app.config.http;
    let bytes = read(request, http.max_body_bytes, ms(http.body_timeout_ms)).await?;
    let invalid = |error: serde_json::Error| Problem::bad_request(format!("invalid request body: {error}"));
    let mut value: Value = serde_json::from_slice(&bytes).map_err(invalid)?;
    // A list would be read as the fields in their order.
    if !value.is_object() {
        return Err(Problem::bad_request("invalid request body: it is not a JSON object"));
    }
    lower_keys(&mut value, depth);
    serde_json::from_value(value).map_err(invalid)
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(request: Request, limit: usize, patience: Duration) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(patience, body).await {
        Err(_) => Err(Problem::new(Kind::BodyTimeout, "the request body did not arrive in time")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new(Kind::TooLarge, format!("the request body is larger than {limit} bytes")))
        }
        Ok(Err(_)) => Err(Problem::bad_request("invalid request body: it ended early")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

fn lower_keys(value: &mut Value, depth: usize) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| lower_keys(item, depth - 1)),
        Value::Object(map) => {
            let pairs = std::mem::take(map);
            for (key, mut value) in pairs {
                let lower = key.to_lowercase();
                if lower != VERBATIM || !value.is_object() {
                    lower_keys(&mut value, depth - 1);
                }
                // Of two spellings of one key the exact one counts.
                if key == lower || !map.contains_key(&lower) {
                    map.insert(lower, value);
                }
            }
        }
        _ => {}
    }
}

/// The parameters of the query. What is not well-formed is left out; of two with one name the last counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    /// A parameter's text. Empty and absent are the same.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Whether a parameter is there, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a parameter is the very text `true`. `1`, `yes` and `TRUE` are not.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// A positive number. What is none takes the default.
    pub(crate) fn count(&self, name: &str, default: u32, most: u32) -> u32 {
        let number = self.text(name).and_then(|text| text.parse::<u64>().ok()).filter(|number| *number > 0);
        number.map_or(default, |number| u32::try_from(number).unwrap_or(most)).min(most)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self(pairs.map(|pairs| pairs.0.into_iter().collect()).unwrap_or_default()))
    }
}

/// Whoever was found to be calling.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::new(Kind::Unauthorized, "Unauthorized"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_matched_in_any_case() {
        let mut value = json!({ "Container_Name": "a", "list": [{ "STACK": 1 }], "x": 1, "X": 2 });
        lower_keys(&mut value, MAX_DEPTH);
        assert_eq!(value, json!({ "container_name": "a", "list": [{ "stack": 1 }], "x": 1 }));
    }

    #[test]
    fn labels_keep_their_letters() {
        let mut value = json!({ "Labels": { "docksmith.X": "A" }, "List": [{ "LABELS": ["B"] }] });
        lower_keys(&mut value, MAX_DEPTH);
        assert_eq!(value, json!({ "labels": { "docksmith.X": "A" }, "list": [{ "labels": ["B"] }] }));
    }

    #[tokio::test]
    async fn parameters_take_their_defaults() {
        let uri = "/?limit=-1&a=b&c=&big=9999&bad=%zz&huge=5000000000";
        let (mut parts, ()) = Request::builder().uri(uri).body(()).unwrap().into_parts();
        let params = Params::from_request_parts(&mut parts, &()).await.unwrap();
        assert_eq!((params.count("limit", 20, 500), params.count("big", 20, 500)), (20, 500));
        assert_eq!((params.count("huge", 20, 500), params.count("bad", 20, 500)), (500, 20));
        assert_eq!((params.text("a"), params.text("c"), params.has("c")), (Some("b"), None, true));
    }
}
