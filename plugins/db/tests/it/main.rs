//! The plugin with a real bus, over its own socket.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what must be there and is not fails the test, whose tasks end with its runtime"
)]

use std::{path::Path, time::Duration};

use homeport_bus_client::Publisher;
use homeport_service::{Context, Paths, config::Environment};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    directory: tempfile::TempDir,
}

impl World {
    fn context(&self, name: &'static str, variables: &[(&str, &str)]) -> Context {
        let paths =
            Paths { state: self.directory.path().join("state"), configs: self.directory.path().join("configs") };
        Context::new(name, paths, variables.iter().copied().collect::<Environment>(), CancellationToken::new())
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("state/plugins/db/socket")
    }

    async fn start_bus(&self) -> CancellationToken {
        let context = self.context("bus", &[]);
        let drain = context.drain().clone();
        let socket = context.socket();
        tokio::spawn(async move { homeport_bus::run(context).await.unwrap() });
        until(|| socket.exists()).await;
        drain
    }

    async fn start(&self, variables: &[(&str, &str)]) -> CancellationToken {
        let context = self.context("db", variables);
        let drain = context.drain().clone();
        tokio::spawn(async move {
            homeport_plugin_db::run(context.clone()).await.unwrap();
            context.wait_for_tasks().await;
        });
        let socket = self.socket();
        let begin = std::time::Instant::now();
        while UnixStream::connect(&socket).await.is_err() {
            assert!(begin.elapsed() < PATIENCE, "the plugin does not serve");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drain
    }
}

async fn until(condition: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "it did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn get(socket: &Path, path: &str) -> (u16, Value) {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "0").body(Empty::<Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn until_stats(socket: &Path, events: i64) -> Value {
    let begin = std::time::Instant::now();
    loop {
        let (_, stats) = get(socket, "/stats").await;
        if stats["events"] == events {
            return stats;
        }
        assert!(begin.elapsed() < PATIENCE, "{stats}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_and_found_also_those_of_its_absence() {
    let world = World { directory: tempfile::tempdir().unwrap() };
    let bus = world.start_bus().await;
    let stop = world.start(&[("HOMEPORT_DB__TOPICS", r#"["update:", "docker:"]"#)]).await;
    let publisher_context = world.context("test", &[]);
    let publisher = Publisher::new(publisher_context.paths().socket("bus"), &publisher_context);
    for number in 0..3 {
        publisher.deliver("update:progress".to_owned(), json!({ "number": number }).to_string()).await.unwrap();
    }
    publisher.deliver("other:thing".to_owned(), "{}".to_owned()).await.unwrap();
    let stats = until_stats(&world.socket(), 3).await;
    assert_eq!(stats["topics"], json!([{ "topic": "update", "events": 3 }]));
    stop.cancel();
    let socket = world.socket();
    until(|| std::os::unix::net::UnixStream::connect(&socket).is_err()).await;
    publisher.deliver("docker:container:start".to_owned(), "{}".to_owned()).await.unwrap();
    let stop = world.start(&[("HOMEPORT_DB__TOPICS", r#"["update:", "docker:"]"#)]).await;
    until_stats(&world.socket(), 4).await;

    let (status, page) = get(&socket, "/events?topic=update:&limit=2").await;
    assert_eq!((status, page["events"].as_array().unwrap().len()), (200, 2));
    assert_eq!(page["events"][0]["value"], r#"{"number":2}"#);
    let (_, rest) = get(&socket, &format!("/events?topic=update:&limit=2&before={}", page["next"])).await;
    assert_eq!((rest["events"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let (_, none) = get(&socket, "/events?to=2001-01-01T00:00:00Z").await;
    assert_eq!(none["events"], json!([]));
    assert_eq!(get(&socket, "/events?from=yesterday").await.0, 400);
    assert_eq!(get(&socket, "/openapi.json").await.1["openapi"], "3.1.0");
    stop.cancel();
    bus.cancel();
}
