use homeport_service::{Paths, config::Environment};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::plugin::double::{Double, answer};

/// Sends a document to a plugin's socket, behind which is an engine that has one image with labels. Gives the answer, and
/// what the engine was asked to change.
async fn created(labels: &Value) -> (String, Vec<String>) {
    let image = json!({ "Id": "sha256:1", "Config": { "Labels": labels } });
    let double = Double::start(move |method, path| match (method, path) {
        ("GET", "/images/alpine:3/json") => answer(200, &image),
        ("GET", _) => answer(200, &json!([])),
        _ => answer(201, &json!({ "Id": "c" })),
    });
    let directory = tempfile::tempdir().unwrap();
    let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
    let stop = CancellationToken::new();
    let context = Context::new("docker-agent", paths, Environment::default(), stop.clone());
    let publisher = Publisher::new(directory.path().join("bus.sock"), &context);
    let grant = Grant {
        plugin: "a".to_owned(),
        images: vec!["alpine:3".parse().unwrap()],
        ports: vec![],
        max_containers: 1,
        max_memory_bytes: 64 << 20,
    };
    let socket = directory.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let server = Server::new(double.engine(), grant, publisher, rustix::process::geteuid().as_raw());
    let asking = async {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        let body = r#"{"Image":"alpine:3"}"#;
        let head = "POST /containers/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\n";
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        stop.cancel();
        answer
    };
    let (answer, ()) = tokio::join!(asking, server.serve(listener, &context, &stop));
    (answer, double.changes())
}

#[tokio::test]
async fn a_container_does_not_inherit_labels_that_others_go_by() {
    let (answer, changes) = created(&json!({ "com.docker.compose.project": "homeport", "theirs": "1" })).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let body = changes[0].strip_prefix("POST /containers/create ").unwrap();
    let document: Value = serde_json::from_str(body).unwrap();
    assert_eq!(document["Labels"], json!({ "homeport.plugin": "a", "com.docker.compose.project": "" }));
}

#[tokio::test]
async fn an_image_with_labels_of_homeport_is_refused() {
    let (answer, changes) = created(&json!({ "homeport.role": "helper" })).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("homeport.role"), "{answer}");
    assert!(changes.is_empty(), "{changes:?}");
}
