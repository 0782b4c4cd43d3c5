//! `/openapi.json`: the route tables as OpenAPI 3.1, with what plugins say of themselves.
//!
//! Bodies are given as **worked examples** which are schema and example at once: the types are those of the values,
//! `"key?"` may be left out or be null, `"<what>"` stands for keys that are anybody's own, the first element of a list for
//! all of them, `null` for anything, and `"#Name"` for a shape that has a name. An enumeration is a text like any other;
//! what there is to know of it stands in the description.

mod errors;
mod example;
mod operation;
pub(crate) mod plugin;

use serde_json::{Map, Value, json};

use crate::{dialect, route::Route};

/// How templates of paths are written here.
pub(crate) const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// The document of the gateway's own routes.
pub(crate) fn document() -> Value {
    let shapes = dialect::shapes();
    let mut paths = Map::new();
    let mut tags = Vec::new();
    for section in dialect::sections() {
        tags.push(json!({ "name": section.name, "description": section.description }));
        for route in &section.routes {
            let operation = operation::describe(route, section.name, &shapes);
            insert(&mut paths, &template(route.path), &route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    for method in METHODS {
        insert(&mut paths, "/plugins/{plugin}/{path}", method, operation::proxied(method));
    }
    for method in ["get", "head"] {
        insert(&mut paths, operation::FRAME, method, operation::framed(method));
    }
    tags.push(json!({ "name": PLUGINS, "description": "What plugins serve, behind the gateway's sign-in." }));
    let mut schemas = errors::schemas();
    for (name, text) in &shapes {
        schemas.insert((*name).to_owned(), example::schema(&example::read(text)));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Homeport",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "security": [{ "bearer": [] }, { "basic": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A session (`POST /auth/login`) or an API token (`PUT /tokens`)." },
                "basic": { "type": "http", "scheme": "basic", "description": "Name and password of a user." },
            },
            "schemas": schemas,
            "responses": errors::responses(),
        },
    })
}

/// The section of what plugins serve.
pub(crate) const PLUGINS: &str = "Plugins";

const INTRODUCTION: &str = "Several APIs side by side, each at its own documented paths, over the same services, with one \
    token model. A scope is a path with `:r` or `:rw`; it covers the path and what is below. Whatever changes something \
    refuses pages of other sites. Bodies are at most 1 MiB.";

/// OpenAPI has no template for several segments; such a parameter may hold slashes.
pub(crate) fn template(path: &str) -> String {
    path.replace("{*", "{")
}

fn insert(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let item = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
    item[method] = operation;
}

/// A table of routes with a name and a sentence.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) routes: Vec<Route>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_says_what_it_does_and_answers() {
        for route in dialect::routes() {
            let name = format!("{} {}", route.method, route.path);
            assert!(!route.summary.is_empty(), "{name} has no summary");
            assert_ne!(route.answer, crate::route::Answer::Unsaid, "{name} does not say what it answers");
        }
    }

    #[test]
    fn examples_are_json_and_name_known_shapes() {
        let shapes = dialect::shapes();
        let known: BTreeSet<_> = shapes.iter().map(|(name, _)| *name).collect();
        assert_eq!(known.len(), shapes.len(), "two shapes have one name");
        let document = document().to_string();
        assert!(!document.contains("is no JSON"), "an example is no JSON");
        for part in document.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(known.contains(name) || name.ends_with("Error"), "no shape has the name {name}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = document();
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(names.insert(name.clone()), "{method} {path}: {name} is taken");
                for response in operation["responses"].as_object().unwrap().values() {
                    assert!(response.get("description").or_else(|| response.get("$ref")).is_some(), "{method} {path}");
                }
            }
        }
    }
}
