//! Documents of plugins, below the prefix under which they are served.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use futures::future::join_all;
use homeport_service::telemetry::chain;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value, json};

use super::{METHODS, PLUGINS};
use crate::plugin::{Plugin, Registry};

/// A plugin's document is one page of one program; the largest descriptions there are have some megabytes.
const MAX_BYTES: usize = 1 << 20;
/// How long a plugin may take. The others and the gateway's own part do not wait longer for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Plugins that are asked at most; the rest is left out, and the log says so.
const MAX_PLUGINS: usize = 100;

/// Adds what plugins say of themselves. What cannot be had or read is left out, with a line in the log.
pub(crate) async fn merge_all(registry: &Registry, document: &mut Value) {
    let plugins = registry.all();
    let mut described: Vec<&Arc<Plugin>> = plugins.iter().filter(|plugin| !plugin.entry.openapi.is_empty()).collect();
    if described.len() > MAX_PLUGINS {
        tracing::warn!(plugins = described.len(), "only the first {MAX_PLUGINS} plugins' descriptions are shown");
        described.truncate(MAX_PLUGINS);
    }
    let documents = join_all(described.iter().map(|plugin| fetch(plugin))).await;
    for (plugin, found) in described.into_iter().zip(documents) {
        match found {
            Ok(found) => merge(document, &plugin.entry.uri, found),
            Err(reason) => {
                tracing::warn!(plugin.name = plugin.entry.name, reason, "a plugin's description is left out");
            }
        }
    }
}

async fn fetch(plugin: &Plugin) -> Result<Value, String> {
    let uri = Uri::try_from(plugin.entry.openapi.as_str());
    let uri = uri.map_err(|_| "OpenAPI in its entry is no path".to_owned())?;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let reading = async {
        let answer = plugin.client.send(request).await.map_err(|error| chain(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answers {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
}

/// Puts a document below `/plugins/<uri>`: its paths get the prefix, the names of its parts too, and its operations the
/// plugin's tag. How a plugin authenticates is none of its business: the gateway does it.
fn merge(document: &mut Value, uri: &str, found: Value) {
    let Value::Object(mut found) = found else { return };
    let slug: String = uri.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let tag = format!("{PLUGINS}: {uri}");
    let description = found.get("info").and_then(|info| info.get("description").or_else(|| info.get("title")));
    let description = description.and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(Value::Object(paths)) = found.remove("paths") {
        for (path, item) in paths {
            let Value::Object(item) = item else { continue };
            if path.starts_with('/') {
                document["paths"][format!("/plugins/{uri}{path}")] = operations(item, &slug, &tag);
            }
        }
    }
    if let Some(Value::Object(components)) = found.remove("components") {
        for (kind, parts) in components {
            let Value::Object(parts) = parts else { continue };
            if kind == "securitySchemes" {
                continue;
            }
            for (name, part) in parts {
                document["components"][&kind][format!("{slug}.{name}")] = referring(part, &slug);
            }
        }
    }
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.push(json!({ "name": tag, "description": description }));
    }
}

fn operations(item: Map<String, Value>, slug: &str, tag: &str) -> Value {
    let mut operations = Map::new();
    for (key, value) in item {
        let mut value = referring(value, slug);
        if METHODS.contains(&key.as_str())
            && let Some(operation) = value.as_object_mut()
        {
            operation.insert("tags".to_owned(), json!([tag]));
            operation.remove("security");
            operation.remove("servers");
            if let Some(Value::String(name)) = operation.get_mut("operationId") {
                *name = format!("{slug}_{name}");
            }
        } else if key == "servers" {
            continue;
        }
        operations.insert(key, value);
    }
    operations.into()
}

/// The same value with references to the parts' new names.
fn referring(value: Value, slug: &str) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| referring(item, slug)).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) if key == "$ref" => (key, Value::String(renamed(&text, slug))),
                value => (key, referring(value, slug)),
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

fn renamed(reference: &str, slug: &str) -> String {
    let renamed = reference.strip_prefix("#/components/").and_then(|part| {
        let (kind, name) = part.split_once('/')?;
        Some(format!("#/components/{kind}/{slug}.{name}"))
    });
    renamed.unwrap_or_else(|| reference.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_moves_below_its_prefix() {
        let mut document = json!({ "paths": {}, "components": { "schemas": {} }, "tags": [] });
        merge(
            &mut document,
            "dns/block",
            json!({
                "info": { "title": "Blocks" },
                "paths": {
                    "/list": {
                        "get": {
                            "operationId": "list",
                            "security": [],
                            "responses": { "200": { "$ref": "#/components/responses/List" } },
                        },
                    },
                    "nonsense": 5,
                },
                "components": {
                    "responses": { "List": { "description": "d" } },
                    "securitySchemes": { "none": {} },
                },
            }),
        );
        assert_eq!(
            document,
            json!({
                "paths": { "/plugins/dns/block/list": { "get": {
                    "operationId": "dns_block_list",
                    "tags": ["Plugins: dns/block"],
                    "responses": { "200": { "$ref": "#/components/responses/dns_block.List" } },
                } } },
                "components": { "schemas": {}, "responses": { "dns_block.List": { "description": "d" } } },
                "tags": [{ "name": "Plugins: dns/block", "description": "Blocks" }],
            })
        );
    }

    #[test]
    fn nonsense_changes_nothing() {
        let before = json!({ "paths": {}, "components": {}, "tags": [] });
        for nonsense in [json!(5), json!([1]), json!(null)] {
            let mut document = before.clone();
            merge(&mut document, "x", nonsense);
            assert_eq!(document, before);
        }
    }
}
