//! `POST /api/restart…`: one container or a stack, with what depends on it; waited for, or not.

use std::{sync::Arc, time::Duration};

use axum::extract::{Path, State};
use homeport_proto::updater::v1::{RestartRequest, RestartResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope};
use crate::{
    app::App,
    extract::{Json, Params},
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{of_updater, within},
};

/// How long the restart of a container is waited for.
const CONTAINER_LIMIT: Duration = Duration::from_secs(60);
/// How long that of a stack is.
const STACK_LIMIT: Duration = Duration::from_secs(120);
/// For looking and answering, beyond that.
const MARGIN: Duration = Duration::from_secs(20);
/// Containers in one request at most; no stack has as many.
const MAX_CONTAINERS: usize = 1000;

type Answer = Result<Envelope<Value>, Problem>;

/// Body of a restart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    container_name: Option<String>,
    container: Option<String>,
    containers: Option<Vec<String>>,
    force: Option<bool>,
}

/// `POST /api/restart`
pub(super) async fn body(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Body>) -> Answer {
    let name = [body.container_name, body.container].into_iter().flatten().find(|name| !name.is_empty());
    let name = name.ok_or_else(|| Problem::bad_request("container_name is required"))?;
    let request = RestartRequest { container: name.clone(), force: body.force.unwrap_or_default(), ..of(&caller) };
    waited(&app, request, CONTAINER_LIMIT, &name, "").await
}

/// `POST /api/restart/container/{name}?force=`
pub(super) async fn container(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let request = RestartRequest { container: name.clone(), force: params.flag("force"), ..of(&caller) };
    waited(&app, request, CONTAINER_LIMIT, &name, " (use force to skip)").await
}

/// `POST /api/restart/stack/{name}?force=`
pub(super) async fn stack(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let request = RestartRequest { stack: name.clone(), force: params.flag("force"), ..of(&caller) };
    waited(&app, request, STACK_LIMIT, "", "").await
}

/// `POST /api/restart/start/{name}?force=`
pub(super) async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let force = params.flag("force");
    let request = RestartRequest { container: name.clone(), force, ..of(&caller) };
    let started = restart(&app, request, Duration::ZERO).await.map_err(|problem| not_found(problem, &name))?;
    Ok(Envelope(json!({
        "operation_id": started.operation_id,
        "container_name": started.name,
        "force": force,
        "status": "started",
    })))
}

/// `POST /api/restart/stack/start/{name}?force=`
pub(super) async fn start_stack(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
    Json(body): Json<Body>,
) -> Answer {
    let containers = body.containers.unwrap_or_default();
    if containers.is_empty() {
        return Err(Problem::bad_request("at least one container name is required"));
    }
    if containers.len() > MAX_CONTAINERS {
        return Err(Problem::bad_request(format!("at most {MAX_CONTAINERS} containers in one request")));
    }
    let force = params.flag("force") || body.force.unwrap_or_default();
    let request = RestartRequest { stack: name.clone(), containers, force, ..of(&caller) };
    let started = restart(&app, request, Duration::ZERO).await?;
    Ok(Envelope(json!({
        "operation_id": started.operation_id,
        "stack_name": name,
        "force": force,
        "status": "started",
    })))
}

fn of(caller: &Caller) -> RestartRequest {
    RestartRequest { requested_by: caller.name().to_owned(), ..RestartRequest::default() }
}

async fn restart(app: &App, mut request: RestartRequest, wait: Duration) -> Result<RestartResponse, Problem> {
    request.wait = prost_types::Duration::try_from(wait).ok().filter(|_| !wait.is_zero());
    let mut pipelines = app.upstream.pipelines();
    app.finish(async move { of_updater(pipelines.restart(within(wait + MARGIN, request)).await) }).await
}

/// Waits for the end, and tells of it. `hint` goes behind what a script said.
async fn waited(app: &App, request: RestartRequest, wait: Duration, name: &str, hint: &str) -> Answer {
    let done = restart(app, request, wait).await;
    let done = done.map_err(|problem| if name.is_empty() { problem } else { not_found(problem, name) })?;
    let data = view(&done);
    if !done.ended {
        let message = format!("the restart of {} is not over yet and goes on; see its operation", done.name);
        return Err(Problem::new(Kind::Internal, message).with_data(data));
    }
    if done.success {
        return Ok(Envelope(data));
    }
    let error = done.errors.first().cloned().unwrap_or_else(|| format!("{} was not restarted", done.name));
    let kind = if done.locked { Kind::Locked } else { Kind::Internal };
    let hint = if error.contains("script exited with code") { hint } else { "" };
    Err(Problem::new(kind, format!("{error}{hint}")).with_data(data))
}

/// `RestartResponse`.
fn view(done: &RestartResponse) -> Value {
    let message = match (done.ended, done.success, done.errors.is_empty()) {
        (false, ..) => format!("Restart of {} goes on", done.name),
        (_, true, true) => format!("Restarted {} successfully", done.name),
        (_, true, false) => "Some containers failed to restart".to_owned(),
        (_, false, _) => format!("Failed to restart {}", done.name),
    };
    let mut value = json!({
        "success": done.ended && done.success,
        "message": message,
        "container_names": done.container_names,
        "operation_id": done.operation_id,
    });
    let lists = [
        ("dependents_restarted", &done.dependents_restarted),
        ("dependents_blocked", &done.dependents_blocked),
        ("errors", &done.errors),
    ];
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        value[key] = list.clone().into();
    }
    value
}
