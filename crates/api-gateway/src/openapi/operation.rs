//! One route as an operation of the document.

use homeport_proto::auth::v1::{FactorNeed, Verb};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{PLUGINS, errors, example};
use crate::{
    dialect::Dialect,
    problem::Kind,
    route::{Access, Answer, Route},
};

/// What SPR's clients take for a question.
const NO_FACTOR: &str = "the second factor is missing; `Location` is where existing clients ask for it";

/// Where the frame around a plugin's page finds the page's static files.
pub(super) const FRAME: &str = "/admin/custom_plugin/{plugin}/static/{path}";

/// Describes a route.
pub(super) fn describe(route: &Route, tag: &str, shapes: &[(&str, &str)]) -> Value {
    let dialect = Dialect::of(route.path);
    let mut operation = json!({
        "tags": [tag],
        "summary": route.summary,
        "operationId": operation_id(route.method.as_str(), route.path),
        "responses": responses(route, dialect, shapes),
    });
    let description = [credential(route), route.detail].join(" ");
    operation["description"] = description.trim().into();
    if route.is_open() {
        operation["security"] = json!([]);
    }
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = route.body {
        let body = example::read(body);
        let content = json!({ "schema": example::schema(&body), "example": example::plain(&body, shapes) });
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
    }
    operation
}

/// The path of all plugins.
pub(super) fn proxied(method: &str) -> Value {
    let dialect = Dialect::Spr;
    json!({
        "tags": [PLUGINS],
        "summary": "Whatever a plugin answers",
        "description": "Goes to the plugin's socket with `/plugins/<URI>` taken away, without the credential. A path that is not clean is sent to the clean one with 301.",
        "operationId": operation_id(method, "/plugins/{plugin}/{path}"),
        "parameters": [path_parameter("plugin", "The plugin's URI."), path_parameter("path", "The plugin's own path; may hold slashes.")],
        "responses": {
            "default": { "description": "the plugin's own answer" },
            "401": errors::reference(dialect, Kind::Unauthorized),
            "403": errors::reference(dialect, Kind::Forbidden),
            "404": errors::response(dialect, Kind::NotFound, "no enabled plugin has this URI"),
            "413": errors::reference(dialect, Kind::TooLarge),
            "502": errors::response(dialect, Kind::BadGateway, "plugin hello does not answer; is it running?"),
            "504": errors::response(dialect, Kind::GatewayTimeout, "the plugin sent no answer in time"),
        },
    })
}

/// The static files of plugins' pages, which a page in a sandbox loads without a credential.
pub(super) fn framed(method: &str) -> Value {
    let dialect = Dialect::Spr;
    json!({
        "tags": [PLUGINS],
        "summary": "A static file of a plugin's page",
        "description": "Needs no credential. Goes to the plugin's socket as `/static/…`, if the plugin has a page (`HasUI`).",
        "operationId": operation_id(method, FRAME),
        "security": [],
        "parameters": [path_parameter("plugin", "The plugin's URI."), path_parameter("path", "The file; may hold slashes.")],
        "responses": {
            "default": { "description": "the plugin's own answer" },
            "404": errors::response(dialect, Kind::NotFound, "no enabled plugin with a page has this URI"),
            "502": errors::response(dialect, Kind::BadGateway, "plugin hello does not answer; is it running?"),
            "504": errors::response(dialect, Kind::GatewayTimeout, "the plugin sent no answer in time"),
        },
    })
}

fn credential(route: &Route) -> &'static str {
    if route.access == Access::Any {
        match route.verb {
            Verb::Administer => return "For administrators.",
            Verb::Read if route.method != Method::GET => return "For every role.",
            _ => {}
        }
    }
    match (route.access, route.acts) {
        (Access::Open, _) => "Needs no credential.",
        (Access::FirstMessage, _) => {
            "The first message on the websocket must be a credential: a token, or `name:password`."
        }
        (Access::Whole, _) => "Needs an administrator's credential without scopes.",
        (Access::Any, true) => "Changes something although it is a GET; a scope `:r` reaches it.",
        (Access::Any, false) => "",
    }
}

fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    // A slash at the end makes another path of it.
    let last = path.len() > 1 && path.ends_with('/');
    words.chain(last.then_some("all")).fold(method.to_ascii_lowercase(), |name, word| name + "_" + word)
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| match name.strip_prefix('*') {
        Some(name) => path_parameter(name, "May hold slashes."),
        None => path_parameter(name, ""),
    });
    let in_query = route.query.iter().map(|(name, meaning)| {
        json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": "string" } })
    });
    in_path.chain(in_query).collect()
}

fn path_parameter(name: &str, meaning: &str) -> Value {
    let mut parameter = json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
    if !meaning.is_empty() {
        parameter["description"] = meaning.into();
    }
    parameter
}

fn responses(route: &Route, dialect: Dialect, shapes: &[(&str, &str)]) -> Map<String, Value> {
    let mut responses = Map::new();
    for kind in usual(route) {
        responses.insert(kind.status().as_str().to_owned(), errors::reference(dialect, kind));
    }
    let leads_on = |kind: Kind| dialect == Dialect::Spr && kind == Kind::SecondFactor;
    if leads_on(Kind::SecondFactor) && route.factor == FactorNeed::Required {
        responses.insert("302".to_owned(), json!({ "description": NO_FACTOR }));
    }
    for (kind, meaning) in route.refusals {
        let (status, response) = if leads_on(*kind) {
            ("302".to_owned(), json!({ "description": meaning }))
        } else {
            (kind.status().as_str().to_owned(), errors::response(dialect, *kind, meaning))
        };
        responses.insert(status, response);
    }
    let (status, answer) = success(route.answer, shapes);
    responses.insert(status.as_str().to_owned(), answer);
    responses
}

/// The refusals that the layers and extractors have for such a route.
fn usual(route: &Route) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let changes = route.acts || !matches!(route.method, Method::GET | Method::HEAD);
    if !route.is_open() {
        kinds.extend([Kind::Unauthorized, Kind::TooManyRequests, Kind::Unavailable]);
    }
    if !route.is_open() || changes {
        kinds.push(Kind::Forbidden);
    }
    if route.body.is_some() {
        kinds.extend([Kind::BadRequest, Kind::BodyTimeout, Kind::TooLarge]);
    }
    if route.path.contains('{') {
        kinds.extend([Kind::BadRequest, Kind::NotFound]);
    }
    if !route.query.is_empty() {
        kinds.push(Kind::BadRequest);
    }
    if changes {
        kinds.push(Kind::Internal);
    }
    kinds
}

fn success(answer: Answer, shapes: &[(&str, &str)]) -> (StatusCode, Value) {
    let json = |description: &str, example: Value| {
        let content = json!({ "schema": example::schema(&example), "example": example::plain(&example, shapes) });
        json!({ "description": description, "content": { "application/json": content } })
    };
    let text = |description: &str, kind: &str| json!({ "description": description, "content": { kind: { "schema": { "type": "string" } } } });
    match answer {
        Answer::Unsaid => (StatusCode::OK, json!({ "description": "done" })),
        Answer::Nothing(status) => (status, json!({ "description": "done; no body" })),
        Answer::Json(status, example) => (status, json("done", example::read(example))),
        Answer::Envelope(example) => (StatusCode::OK, json("done", enveloped(&example::read(example)))),
        Answer::Text(kind, description) => (StatusCode::OK, text(description, kind)),
        Answer::Events(description) => (StatusCode::OK, text(description, "text/event-stream")),
        Answer::Socket(description) => (StatusCode::SWITCHING_PROTOCOLS, json!({ "description": description })),
    }
}

fn enveloped(data: &Value) -> Value {
    json!({
        "success": true,
        "data": data,
        "timestamp": "2026-07-23T09:46:40.123Z",
        "version": env!("CARGO_PKG_VERSION"),
    })
}
