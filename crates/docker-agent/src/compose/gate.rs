//! What stands between compose and the engine while a service is recreated.
//!
//! Compose makes the new container beside the old one, and then stops and removes the old one, all in one run. What it has
//! made is looked at in between: everything goes through a socket of this run's own to the engine, and the first request to
//! stop or remove a container that is to be replaced is answered only once its successor has been compared with it. Where
//! they differ in more than they should, it is refused, compose gives up, and the old container was never touched; unless
//! differences are accepted, which are then known before anything is lost. What compose leaves out of the new container's
//! books because the others are to be left alone is put in.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use homeport_service::Context;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming, client, header, server, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Mutex,
};

use super::{
    ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL,
    books::{Books, DEPENDS_LABEL, HASH_LABEL},
};
use crate::{
    container::{
        Containers, Inspected,
        compare::{Difference, compare},
    },
    document::Document as _,
    error::EngineError,
};

/// The number that compose gives each container of a service; the successor has the same.
const NUMBER_LABEL: &str = "com.docker.compose.container-number";

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// Why compose gets no answer.
#[derive(Debug, thiserror::Error)]
enum GateError {
    #[error("the engine's socket cannot be reached")]
    Socket(#[from] std::io::Error),
    #[error("the engine did not answer")]
    Engine(#[from] hyper::Error),
    #[error("a refusal that is no answer")]
    Refusal(#[from] hyper::http::Error),
}

/// A container that may go once its successor is as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    /// As it is.
    pub(crate) before: Inspected,
    /// Fields in which the successor may differ.
    pub(crate) expected: Vec<String>,
    /// What the successor has to be made from. Empty: anything.
    pub(crate) image: String,
}

/// In what successors differ from what they are to replace.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// So much that they may not.
    pub(super) refused: Vec<Difference>,
    /// What was let pass.
    pub(super) accepted: Vec<Difference>,
}

/// Looks at what compose makes before it takes away what was there.
pub(super) struct Gate {
    context: Context,
    engine: PathBuf,
    directory: tempfile::TempDir,
    listener: UnixListener,
    guards: Arc<Guards>,
}

struct Guards {
    containers: Containers,
    project: String,
    service: String,
    guarded: Vec<Guarded>,
    accepts: bool,
    books: Books,
    /// By id: whether it may go.
    judged: Mutex<BTreeMap<String, bool>>,
    found: Mutex<Found>,
}

impl Gate {
    /// Opens the socket in a directory of its own, which nobody else may look into.
    pub(super) fn open(
        containers: &Containers,
        context: &Context,
        engine: &Path,
        service: (&str, &str),
        (guarded, accepts): (Vec<Guarded>, bool),
        books: Books,
    ) -> Result<Self, EngineError> {
        let state = context.state_dir();
        let failed = |source| EngineError::Io { doing: format!("opening a socket in {}", state.display()), source };
        let directory = tempfile::Builder::new().prefix("gate-").tempdir_in(&state).map_err(failed)?;
        let listener = UnixListener::bind(directory.path().join("s")).map_err(failed)?;
        let guards = Arc::new(Guards {
            containers: containers.clone(),
            project: service.0.to_owned(),
            service: service.1.to_owned(),
            guarded,
            accepts,
            books,
            judged: Mutex::default(),
            found: Mutex::default(),
        });
        Ok(Self { context: context.clone(), engine: engine.to_owned(), directory, listener, guards })
    }

    /// Where compose finds the engine.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// Serves until the run has ended. Gives what it gave, and in what successors differed from what they were to replace.
    pub(super) async fn during<T>(self, run: impl Future<Output = T>) -> (T, Found) {
        let mut run = std::pin::pin!(run);
        let output = loop {
            tokio::select! {
                output = &mut run => break output,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(stream),
                    Err(error) => {
                        tracing::warn!(error = %error, "a connection of compose was not accepted");
                        tokio::task::yield_now().await;
                    }
                },
            }
        };
        let found = std::mem::take(&mut *self.guards.found.lock().await);
        (output, found)
    }

    /// Ends when compose does, whose connection it is.
    fn serve(&self, stream: UnixStream) {
        let (guards, engine, context) = (Arc::clone(&self.guards), self.engine.clone(), self.context.clone());
        self.context.spawn("gate", async move {
            let service = service_fn(move |request| -> BoxFuture<'static, Result<Answer, GateError>> {
                Box::pin(Guards::answer(Arc::clone(&guards), request, engine.clone(), context.clone()))
            });
            let connection = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection of compose ended early");
            }
        });
    }
}

impl Guards {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        engine: PathBuf,
        context: Context,
    ) -> Result<Answer, GateError> {
        if let Some(guarded) = self.guarded.iter().find(|one| takes_away(request.method(), request.uri(), one)) {
            match self.may_go(guarded).await {
                Ok(true) => {}
                Ok(false) => return refusal("the new container is not like the old one, which stays"),
                Err(error) => {
                    tracing::warn!(error = %error, "a new container cannot be compared with the old one");
                    return refusal(&format!("the new container cannot be compared with the old one: {error}"));
                }
            }
        }
        let request = if is_creation(request.method(), request.uri()) {
            let (mut head, body) = request.into_parts();
            let body = self.completed(body.collect().await?.to_bytes());
            head.headers.remove(header::TRANSFER_ENCODING);
            head.headers.insert(header::CONTENT_LENGTH, body.len().into());
            Request::from_parts(head, Full::new(body).map_err(|never| match never {}).boxed())
        } else {
            request.map(http_body_util::BodyExt::boxed)
        };
        let stream = UnixStream::connect(engine).await?;
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        context.spawn("gate", async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection to the engine ended early");
            }
        });
        Ok(sender.send_request(request).await?.map(http_body_util::BodyExt::boxed))
    }

    /// The specification of a new container of the service, with what compose would have written into its books.
    fn completed(&self, body: Bytes) -> Bytes {
        let Ok(mut specification) = serde_json::from_slice::<Value>(&body) else { return body };
        let Some(labels) = specification.get_mut("Labels").and_then(Value::as_object_mut) else { return body };
        let text = |name: &str| labels.get(name).and_then(Value::as_str).unwrap_or_default();
        if text(SERVICE_LABEL) != self.service || !text(DEPENDS_LABEL).is_empty() || self.books.depends_on.is_empty() {
            return body;
        }
        labels.insert(DEPENDS_LABEL.to_owned(), json!(self.books.depends_on));
        if let Some(hashes) = &self.books.hashes
            && hashes.waiting_for_nobody.as_ref().is_none_or(|hash| labels.get(HASH_LABEL).is_some_and(|it| it == hash))
        {
            labels.insert(HASH_LABEL.to_owned(), json!(hashes.own));
        }
        Bytes::from(specification.to_string())
    }

    /// Compares it with its successor, once. Without one there is nothing to look at yet.
    async fn may_go(&self, guarded: &Guarded) -> Result<bool, EngineError> {
        let id = guarded.before.container.text("Id").to_owned();
        let mut judged = self.judged.lock().await;
        if let Some(known) = judged.get(&id) {
            return Ok(*known);
        }
        let Some(new) = self.successor(guarded).await? else { return Ok(true) };
        let mut differences = compare(&guarded.before, &new);
        differences.retain(|difference| !guarded.expected.contains(&difference.field));
        let mut found = self.found.lock().await;
        if self.accepts {
            found.accepted.append(&mut differences);
        }
        let image = new.container.at("Image");
        if !guarded.image.is_empty() && image != &json!(guarded.image) {
            let before = Some(json!(guarded.image));
            differences.push(Difference { field: "Image".to_owned(), before, after: Some(image.clone()) });
        }
        let is_good = differences.is_empty();
        found.refused.extend(differences);
        judged.insert(id, is_good);
        Ok(is_good)
    }

    async fn successor(&self, guarded: &Guarded) -> Result<Option<Inspected>, EngineError> {
        let labels = [(PROJECT_LABEL, &self.project), (SERVICE_LABEL, &self.service)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.clone())).into();
        let number = label(&guarded.before.container, NUMBER_LABEL);
        let found = self.containers.list(true, &labels).await?;
        Ok(found.into_iter().find(|one| {
            let is_old = self.guarded.iter().any(|old| old.before.container.text("Id") == one.container.text("Id"));
            let is_one_off = label(&one.container, ONE_OFF_LABEL).eq_ignore_ascii_case("true");
            !is_old && !is_one_off && label(&one.container, NUMBER_LABEL) == number
        }))
    }
}

fn label<'a>(container: &'a Value, name: &str) -> &'a str {
    container.at("Config.Labels").get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The parts of a path behind the version of the API.
fn words(uri: &Uri) -> impl Iterator<Item = &str> {
    let mut words = uri.path().split('/').filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| word.starts_with('v') && word[1..].starts_with(|digit: char| digit.is_ascii_digit()));
    words
}

/// Whether a request would make a container.
fn is_creation(method: &Method, uri: &Uri) -> bool {
    method == Method::POST && words(uri).eq(["containers", "create"])
}

/// Whether a request would stop or remove a container.
fn takes_away(method: &Method, uri: &Uri, guarded: &Guarded) -> bool {
    let mut words = words(uri);
    let (Some("containers"), Some(which), action, None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    let is_meant = match (method.as_str(), action) {
        ("DELETE", None) => true,
        ("POST", Some(action)) => matches!(action, "stop" | "kill" | "restart" | "rename"),
        _ => false,
    };
    let container = &guarded.before.container;
    let is_id = which.len() >= 12 && container.text("Id").starts_with(which);
    is_meant && (is_id || container.text("Name").trim_start_matches('/') == which)
}

fn refusal(message: &str) -> Result<Answer, GateError> {
    let body = Full::new(Bytes::from(json!({ "message": message }).to_string()));
    let body = body.map_err(|never| match never {}).boxed();
    let response = Response::builder().status(StatusCode::CONFLICT).header(header::CONTENT_TYPE, "application/json");
    response.body(body).map_err(GateError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_made_at_one_path() {
        let is = |method: Method, path: &str| is_creation(&method, &path.parse().unwrap());
        assert!(is(Method::POST, "/v1.45/containers/create?name=web") && is(Method::POST, "/containers/create"));
        assert!(!is(Method::GET, "/containers/create") && !is(Method::POST, "/v1.45/containers/web/start"));
        assert!(!is(Method::POST, "/v1.45/networks/create"));
    }

    #[test]
    fn only_what_takes_the_old_container_away_waits() {
        let id = "0123456789abcdef".repeat(4);
        let before = Inspected { container: json!({ "Id": id, "Name": "/web" }), image: Arc::default() };
        let guarded = Guarded { before, expected: Vec::new(), image: String::new() };
        let check = |method: Method, path: &str, expected| {
            assert_eq!(takes_away(&method, &path.parse().unwrap(), &guarded), expected, "{method} {path}");
        };
        check(Method::POST, &format!("/v1.45/containers/{id}/stop?t=1"), true);
        check(Method::DELETE, &format!("/containers/{id}?force=1"), true);
        check(Method::POST, "/v1.41/containers/web/kill", true);
        check(Method::POST, &format!("/v1.45/containers/{}/rename?name=x", &id[..12]), true);
        check(Method::GET, &format!("/v1.45/containers/{id}/json"), false);
        check(Method::POST, &format!("/v1.45/containers/{id}/start"), false);
        check(Method::POST, "/v1.45/containers/create?name=web", false);
        check(Method::POST, "/v1.45/containers/other/stop", false);
        check(Method::DELETE, "/v1.45/networks/web", false);
    }
}
