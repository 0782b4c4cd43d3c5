//! Refusals as the document shows them: the bodies are made by [`crate::problem`] itself.

use serde_json::{Map, Value, json};

use crate::{
    dialect::Dialect,
    problem::{Kind, Problem},
};

/// What every kind of problem means, where a route does not say it better.
const MEANINGS: [(Kind, &str, &str); 11] = [
    (Kind::BadRequest, "the request is wrong; the text says what", "invalid request body: expected value at line 1"),
    (Kind::Unauthorized, "no credential, or one that is not good (any more)", "Unauthorized"),
    (
        Kind::Forbidden,
        "the credential may not do this, or the page that asks is of another site",
        "this token is limited to some paths",
    ),
    (Kind::NotFound, "there is nothing of that name", "container not found: web"),
    (Kind::BodyTimeout, "the body did not arrive in time", "the request body did not arrive in time"),
    (Kind::Conflict, "it is being worked on; wait", "the stack is being worked on"),
    (Kind::TooLarge, "the body is too large", "the request body is larger than 1048576 bytes"),
    (Kind::TooManyRequests, "too many guesses; `Retry-After` says how long to wait", "locked out; try again in 300 s"),
    (Kind::Internal, "something failed; the text or the log says what", "an internal error; the log has the details"),
    (
        Kind::Unavailable,
        "a service is away; `Retry-After`",
        "updater cannot be reached; it may be starting, try again in a moment",
    ),
    (Kind::GatewayTimeout, "a service did not answer in time", "updater did not answer in time; try again"),
];

/// A reference to what a dialect answers for a kind.
pub(super) fn reference(dialect: Dialect, kind: Kind) -> Value {
    json!({ "$ref": format!("#/components/responses/{}", name(dialect, kind)) })
}

/// The same with a meaning of the route's own.
pub(super) fn response(dialect: Dialect, kind: Kind, meaning: &str) -> Value {
    let example = MEANINGS.iter().find(|(known, ..)| *known == kind).map_or(meaning, |(_, _, example)| *example);
    let (content_type, body) = Problem::new(kind, example).body(dialect);
    let content = if content_type == "application/json" {
        let schema = json!({ "$ref": format!("#/components/schemas/{}Error", dialect.name()) });
        json!({ content_type: { "schema": schema, "example": steady(&body) } })
    } else {
        json!({ content_type: { "schema": { "type": "string" }, "example": body } })
    };
    json!({ "description": meaning, "content": content })
}

/// All references' targets.
pub(super) fn responses() -> Map<String, Value> {
    let mut responses = Map::new();
    for dialect in Dialect::ALL {
        for (kind, meaning, _) in MEANINGS {
            responses.insert(name(dialect, kind), response(dialect, kind, meaning));
        }
    }
    responses
}

/// The shapes of the dialects' refusals.
pub(super) fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    for dialect in Dialect::ALL {
        let (content_type, body) = Problem::bad_request("text").body(dialect);
        if content_type == "application/json" {
            let schema = match dialect {
                // Its clients know some texts as `message`, the others as `error`.
                Dialect::SelfPrivacy => {
                    json!({ "type": "object", "properties": { "error": { "type": "string" }, "message": {} } })
                }
                _ => super::example::schema(&steady(&body)),
            };
            schemas.insert(format!("{}Error", dialect.name()), schema);
        }
    }
    schemas
}

/// The example's own time and version would change with every call.
fn steady(body: &str) -> Value {
    let mut value: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(time) = value.get_mut("timestamp") {
        *time = "2026-07-23T09:46:40.123Z".into();
    }
    value
}

fn name(dialect: Dialect, kind: Kind) -> String {
    format!("{}.{}", dialect.name(), kind.status().as_u16())
}
