//! What a request says: in a JSON object, in a form or in the query, whichever has it.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{FromRequest, FromRequestParts as _, Request},
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    app::App,
    config::ms,
    extract::{Params, read},
    problem::Problem,
};

/// The text for a parameter that a route has none of its own for.
const MISSING: &str = "Missing required parameter in the JSON body or the post body or the query string";

/// The parameters of a request. Unknown ones are ignored.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    body: HashMap<String, Value>,
    query: Params,
}

impl Parameters {
    /// A parameter's value. `null` is as good as none.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        let given = self.body.get(name).filter(|value| !value.is_null()).cloned();
        given.or_else(|| self.query.has(name).then(|| json!(self.query.text(name).unwrap_or_default())))
    }

    /// A parameter's text, numbers and truth values written out.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(match self.value(name)? {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// The same for one that must be there. `hint` is what the client is told otherwise.
    pub(super) fn required(&self, name: &str, hint: Option<&str>) -> Result<String, Box<Response>> {
        self.text(name).ok_or_else(|| {
            let body = json!({ "message": { name: hint.unwrap_or(MISSING) } });
            Box::new((StatusCode::BAD_REQUEST, axum::Json(body)).into_response())
        })
    }
}

/// What somebody types on a device that wants to be let in: the words, and what the device calls itself.
pub(super) struct Typed {
    pub(super) words: String,
    pub(super) device: String,
}

impl Parameters {
    /// Both, which must be there. `hint` is what the client is told without the words.
    pub(super) fn typed(&self, hint: &str) -> Result<Typed, Box<Response>> {
        let words = self.required("token", Some(hint))?;
        Ok(Typed { words, device: self.required("device", Some("Device to authorize"))? })
    }
}

impl FromRequest<Arc<App>> for Parameters {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(query) = Params::from_request_parts(&mut parts, app).await;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_form = kind.starts_with("application/x-www-form-urlencoded");
        let http = &app.config.http;
        let request = Request::from_parts(parts, body);
        let bytes = read(request, http.max_body_bytes, ms(http.body_timeout_ms)).await?;
        Ok(Self { body: parse(&bytes, is_form)?, query })
    }
}

fn parse(bytes: &[u8], is_form: bool) -> Result<HashMap<String, Value>, Problem> {
    if bytes.is_empty() {
        return Ok(HashMap::new());
    }
    if is_form {
        return Ok(form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), json!(value))).collect());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object.into_iter().collect()),
        // A bare text or number names no parameter.
        Ok(_) => Ok(HashMap::new()),
        Err(error) => Err(Problem::bad_request(format!("the body is no JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, is_form: bool) -> Parameters {
        Parameters { body: parse(text.as_bytes(), is_form).unwrap(), query: Params::default() }
    }

    #[test]
    fn every_place_is_looked_at() {
        assert_eq!(body(r#"{"token": "a", "uses": 3, "x": null}"#, false).text("token").as_deref(), Some("a"));
        assert_eq!(body(r#"{"token": "a", "uses": 3, "x": null}"#, false).value("uses"), Some(json!(3)));
        assert_eq!(body(r#"{"x": null}"#, false).text("x"), None);
        assert_eq!(body("token=a+b&device=c", true).text("token").as_deref(), Some("a b"));
        assert_eq!(body("", false).text("token"), None);
        assert_eq!(body("\"bare\"", false).text("token"), None);
        assert!(parse(b"{", false).is_err());
        assert!(body("", false).required("token", None).is_err());
    }
}
