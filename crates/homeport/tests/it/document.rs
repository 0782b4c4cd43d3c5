//! What `/openapi.json` says of the ways in, held against gateway and auth as they are shipped: tried by strangers, by a token
//! that is for something else, with garbage, and with the examples themselves.

#[path = "../../../api-gateway/tests/it/openapi/shape.rs"]
mod shape;

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::services::{PASSWORD, Stack};

/// What each route of these belongs to is served by gateway and auth alone, or says which service is away.
const SECTIONS: [&str; 5] = ["HomelabARR", "SPR", "SelfPrivacy", "Supervisor", "Homeport"];

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    description: Value,
}

impl Operation {
    /// A path of its template, which names nothing that is there.
    fn target(&self) -> String {
        self.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/")
    }

    fn is_open(&self) -> bool {
        self.description["security"] == json!([])
    }

    /// One whose answer never ends, or that wants a handshake.
    fn is_stream(&self) -> bool {
        self.method == Method::GET && (self.path.starts_with("/ws") || self.path == "/events")
    }

    /// Whether a credential for something else is as good as none here.
    fn hides_scopes(&self) -> bool {
        !["/api", "/auth"].iter().any(|base| self.path.starts_with(base))
    }

    fn knows(&self, status: StatusCode) -> bool {
        self.description["responses"].get(status.as_str()).is_some()
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, description) in item.as_object().unwrap() {
            let is_wanted = description["tags"][0].as_str().is_some_and(|tag| SECTIONS.contains(&tag));
            if is_wanted && !path.starts_with("/plugins/{plugin}") {
                let method = method.to_uppercase().parse().unwrap();
                operations.push(Operation { method, path: path.clone(), description: description.clone() });
            }
        }
    }
    operations
}

impl Stack {
    async fn try_out(&self, operation: &Operation, credential: Credential<'_>, body: String) -> (StatusCode, String) {
        let request = self.client.request(operation.method.clone(), format!("{}{}", self.url, operation.target()));
        let request = match credential {
            Credential::None => request,
            Credential::Password => request.basic_auth("admin", Some(PASSWORD)),
            Credential::Token(token) => request.bearer_auth(token),
        };
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    async fn document(&self) -> Value {
        let request = self.client.get(format!("{}/openapi.json", self.url)).basic_auth("admin", Some(PASSWORD));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// A token that reaches nothing that is there.
    async fn useless_token(&self) -> String {
        let request = self.client.put(format!("{}/tokens", self.url)).basic_auth("admin", Some(PASSWORD));
        let body = json!({ "Name": "useless", "ScopedPaths": ["/nothing"] });
        let made: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
        made["Token"].as_str().unwrap().to_owned()
    }
}

#[derive(Clone, Copy)]
enum Credential<'a> {
    None,
    Password,
    Token(&'a str),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_let_in_who_has_no_business_there() {
    let stack = Stack::start().await;
    let (document, token) = (stack.document().await, stack.useless_token().await);
    let operations = operations(&document);
    assert!(operations.len() > 100, "only {} operations", operations.len());
    for operation in operations.iter().filter(|operation| !operation.is_open()) {
        let name = format!("{} {}", operation.method, operation.path);
        for (credential, expected) in [
            (Credential::None, StatusCode::UNAUTHORIZED),
            // The same one each time: it is one guess.
            (Credential::Token("nonsense"), StatusCode::UNAUTHORIZED),
            (
                Credential::Token(&token),
                if operation.hides_scopes() { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN },
            ),
        ] {
            let (status, text) = stack.try_out(operation, credential, String::new()).await;
            assert_eq!(status, expected, "{name}: {text}");
            assert!(operation.knows(status), "{name} answers {status}, which is not described");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_examples_are_answered_as_is_described() {
    let stack = Stack::start().await;
    let document = stack.document().await;
    let (mut faults, mut compared) = (BTreeSet::new(), 0);
    for operation in operations(&document).iter().filter(|operation| !operation.is_stream()) {
        let name = format!("{} {}", operation.method, operation.path);
        let example = &operation.description["requestBody"]["content"]["application/json"]["example"];
        let example = if example.is_null() { String::new() } else { example.to_string() };
        for body in ["\u{0}", "[1]", "{\"a\":", "null", r#"{"name":[[[[[[]]]]]]}"#, &example] {
            let (status, text) = stack.try_out(operation, Credential::Password, body.to_owned()).await;
            if !operation.knows(status) {
                faults.insert(format!("{name} answers {status} to {body:?}: {text}"));
                continue;
            }
            let response = shape::resolve(&document, &operation.description["responses"][status.as_str()]);
            let schema = &response["content"]["application/json"]["schema"];
            if schema.is_null() {
                continue;
            }
            let value = serde_json::from_str(&text).unwrap_or(Value::Null);
            if let Err(why) = shape::check(&document, schema, &value, "body") {
                faults.insert(format!("{name} answers {status} to {body:?}: {why} in {text}"));
            }
            compared += usize::from(status.is_success() && body == example);
        }
    }
    assert!(faults.is_empty(), "the description is not what is answered: {faults:#?}");
    assert!(compared >= 40, "only {compared} answers could be compared");
}
