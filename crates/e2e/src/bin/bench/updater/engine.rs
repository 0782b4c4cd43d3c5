//! An engine in which hundreds of containers run, as far as its API tells.

use std::path::Path;

use axum::{Json, Router, extract::Path as Segment, http::StatusCode, routing::get};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{CONTAINERS, REPOSITORIES};

/// What an engine says of Swarm services that it has none of.
const NO_SWARM: &str = "This node is not a swarm manager.";

/// Labels of a usual image and of compose.
const LABELS: usize = 12;

/// An engine that ends with its value.
pub(super) struct Engine {
    host: String,
    _runtime: tokio::runtime::Runtime,
}

impl Engine {
    /// Listens on a socket. Its images are from the registry on that port, and its last containers were made by `docker run`,
    /// the others by compose.
    pub(super) fn start(socket: &Path, registry: u16, run: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::UnixListener::bind(socket)?
        };
        let api = Router::new()
            .route(
                "/version",
                get(async || Json(json!({ "Version": "26.1.5", "ApiVersion": "1.45", "MinAPIVersion": "1.24" }))),
            )
            .route("/_ping", get(async || "OK"))
            .route("/info", get(async || Json(json!({ "ID": "bench", "Name": "bench" }))))
            .route("/services", get(async || (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "message": NO_SWARM })))))
            .route("/events", get(async || std::future::pending::<String>().await))
            .route("/containers/json", get(async || Json(list())))
            .route(
                "/containers/{id}/json",
                get(move |Segment(id): Segment<String>| async move { found(container(&id, registry, run)) }),
            )
            .route(
                "/images/{id}/json",
                get(move |Segment(id): Segment<String>| async move { found(image(&id, registry)) }),
            );
        let router = api.clone().nest("/v1.45", api).fallback(async || found(None));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { host: format!("unix://{}", socket.display()), _runtime: runtime })
    }

    /// As `DOCKER_HOST`.
    pub(super) fn host(&self) -> String {
        self.host.clone()
    }
}

/// What a tag points at: images for two platforms, as large as usual.
pub(super) fn index(tag: &str) -> String {
    let entry = |architecture: &str| {
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(&format!("{tag} {architecture}")),
            "size": 1024,
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    json!({ "schemaVersion": 2, "manifests": [entry("amd64"), entry("arm64")] }).to_string()
}

/// The digest of a text.
pub(super) fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

fn found(document: Option<Value>) -> (StatusCode, Json<Value>) {
    match document {
        Some(document) => (StatusCode::OK, Json(document)),
        None => (StatusCode::NOT_FOUND, Json(json!({ "message": "No such object" }))),
    }
}

fn list() -> Value {
    (0..CONTAINERS)
        .map(|number| json!({ "Id": id(number), "Names": [format!("/{}", name(number))], "Image": "" }))
        .collect()
}

fn id(number: usize) -> String {
    format!("{number:064x}")
}

/// A third each: an old version, the newest one, and an old one of a variant.
fn tag(number: usize) -> &'static str {
    ["1.22.1", "1.24.3", "1.22.1-alpine"][number / REPOSITORIES % 3]
}

fn repository(number: usize, registry: u16) -> String {
    format!("127.0.0.1:{registry}/app{}", number % REPOSITORIES)
}

/// Names of the last containers.
pub(super) fn last(count: usize) -> impl Iterator<Item = String> + Clone {
    (CONTAINERS - count..CONTAINERS).map(name)
}

fn name(number: usize) -> String {
    format!("bench-{number}")
}

fn labels(number: usize, run: usize) -> Value {
    let own =
        (0..LABELS).map(|label| (format!("org.example.label-{label}"), json!(format!("the value of label {label}"))));
    let compose = if number < CONTAINERS - run { compose(number).to_vec() } else { Vec::new() };
    own.chain(compose.into_iter().map(|(name, value)| (name.to_owned(), json!(value))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn compose(number: usize) -> [(&'static str, String); 3] {
    [
        ("com.docker.compose.project", format!("stack-{}", number % 40)),
        ("com.docker.compose.service", format!("service-{number}")),
        ("com.docker.compose.project.working_dir", "/srv/bench".to_owned()),
    ]
}

fn container(id: &str, registry: u16, run: usize) -> Option<Value> {
    let number = usize::from_str_radix(id, 16).ok().filter(|number| *number < CONTAINERS)?;
    Some(json!({
        "Id": id,
        "Name": format!("/{}", name(number)),
        "Created": "2026-01-01T00:00:00Z",
        "Image": format!("sha256:{number:064x}"),
        "State": { "Status": "running", "Running": true, "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z" },
        "RestartCount": 0,
        "Config": { "Image": format!("{}:{}", repository(number, registry), tag(number)), "Labels": labels(number, run), "Env": [] },
        "HostConfig": { "NetworkMode": "bridge", "RestartPolicy": { "Name": "always" }, "AutoRemove": false },
        "Mounts": [],
        "NetworkSettings": { "Networks": { "bridge": {} }, "Ports": {} },
    }))
}

fn image(id: &str, registry: u16) -> Option<Value> {
    let number = usize::from_str_radix(id.strip_prefix("sha256:")?, 16).ok().filter(|number| *number < CONTAINERS)?;
    Some(json!({
        "Id": id,
        "RepoTags": [format!("{}:{}", repository(number, registry), tag(number))],
        "RepoDigests": [format!("{}@{}", repository(number, registry), digest(&index(tag(number))))],
        "Os": "linux",
        "Architecture": "amd64",
        "Config": { "Labels": { "org.opencontainers.image.title": "bench" } },
    }))
}
