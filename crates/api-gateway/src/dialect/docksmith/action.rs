//! `POST /api/containers/{name}/start` and its like: one container or several, by hand.

use std::{sync::Arc, time::Duration};

use axum::extract::{Path, State};
use homeport_proto::updater::v1::{
    ActOnManyRequest, ActRequest, Action, act_on_many_response,
    action::{Kill, Kind as ActionKind, Pause, Remove, Restart, Start, Stop, Unpause},
};
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

/// Nobody waits longer for an answer.
const LONGEST_TIMEOUT: u32 = 240;
/// For the engine, beyond the grace period.
const MARGIN: Duration = Duration::from_secs(50);
/// Containers in one request at most; no server runs as many.
const MAX_CONTAINERS: usize = 1000;

/// `POST /api/containers/{name}/start`
pub(super) async fn start(State(app): State<Arc<App>>, caller: Caller, Path(name): Path<String>) -> Answer {
    one(&app, &caller, name, ActionKind::Start(Start {}), false, "started").await
}

/// `POST /api/containers/{name}/stop?timeout=&force=`
pub(super) async fn stop(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let stop = ActionKind::Stop(Stop { timeout: timeout(&params) });
    one(&app, &caller, name, stop, params.flag("force"), "stopped").await
}

/// `POST /api/containers/{name}/restart?timeout=&force=`
pub(super) async fn restart(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let restart = ActionKind::Restart(Restart { timeout: timeout(&params) });
    one(&app, &caller, name, restart, params.flag("force"), "restarted").await
}

/// `POST /api/containers/{name}/pause`
pub(super) async fn pause(State(app): State<Arc<App>>, caller: Caller, Path(name): Path<String>) -> Answer {
    one(&app, &caller, name, ActionKind::Pause(Pause {}), false, "paused").await
}

/// `POST /api/containers/{name}/unpause`
pub(super) async fn unpause(State(app): State<Arc<App>>, caller: Caller, Path(name): Path<String>) -> Answer {
    one(&app, &caller, name, ActionKind::Unpause(Unpause {}), false, "unpaused").await
}

/// `POST /api/containers/{name}/kill?signal=SIGKILL`
pub(super) async fn kill(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let signal = params.text("signal").unwrap_or_default().to_owned();
    one(&app, &caller, name, ActionKind::Kill(Kill { signal }), false, "killed").await
}

/// `DELETE /api/containers/{name}?force=&volumes=`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Answer {
    let (force, volumes) = (params.flag("force"), params.flag("volumes"));
    let remove = ActionKind::Remove(Remove { force, volumes });
    let Envelope(mut data) = one(&app, &caller, name, remove, force, "removed").await?;
    data["force"] = force.into();
    data["volumes"] = volumes.into();
    Ok(Envelope(data))
}

type Answer = Result<Envelope<Value>, Problem>;

/// `force` also breaks update locks of the application.
async fn one(app: &App, caller: &Caller, name: String, kind: ActionKind, force: bool, done: &str) -> Answer {
    let limit = patience(&kind);
    let request = ActRequest {
        container: name.clone(),
        action: Some(Action { kind: Some(kind) }),
        requested_by: caller.name().to_owned(),
        force,
    };
    let mut actions = app.upstream.actions();
    let acted = app.finish(async move { of_updater(actions.act(within(limit, request)).await) }).await;
    let acted = acted.map_err(|problem| not_found(problem, &name))?;
    let name = &acted.container_name;
    if acted.locked {
        return Err(Problem::new(Kind::Locked, acted.error));
    }
    if !acted.error.is_empty() {
        let data = json!({ "container": name, "operation_id": acted.operation_id });
        return Err(Problem::new(Kind::Internal, acted.error).with_data(data));
    }
    Ok(Envelope(json!({
        "container": name,
        "status": done,
        "operation_id": acted.operation_id,
        "message": format!("Container {name} {done} successfully"),
    })))
}

/// Body of a request for several.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Many {
    containers: Option<Vec<String>>,
    timeout: Option<i64>,
    force: Option<bool>,
    volumes: Option<bool>,
}

/// `POST /api/containers/batch/{start|stop|restart|remove}`
pub(super) async fn many(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(action): Path<String>,
    Json(body): Json<Many>,
) -> Answer {
    let timeout = body.timeout.filter(|seconds| *seconds > 0);
    let timeout = timeout.map(|wanted| seconds(u32::try_from(wanted).unwrap_or(LONGEST_TIMEOUT).min(LONGEST_TIMEOUT)));
    let kind = match action.as_str() {
        "start" => ActionKind::Start(Start {}),
        "stop" => ActionKind::Stop(Stop { timeout }),
        "restart" => ActionKind::Restart(Restart { timeout }),
        "remove" => ActionKind::Remove(Remove {
            force: body.force.unwrap_or_default(),
            volumes: body.volumes.unwrap_or_default(),
        }),
        _ => return Err(Problem::not_found("404 page not found")),
    };
    let containers = body.containers.unwrap_or_default();
    if containers.is_empty() {
        return Err(Problem::bad_request("containers array is required"));
    }
    if containers.len() > MAX_CONTAINERS {
        return Err(Problem::bad_request(format!("at most {MAX_CONTAINERS} containers in one batch")));
    }
    // One level after the other, each as long as its slowest.
    let limit = patience(&kind) * 4;
    let action = Some(Action { kind: Some(kind) });
    let (force, requested_by) = (body.force.unwrap_or_default(), caller.name().to_owned());
    let request = ActOnManyRequest { containers, action, requested_by, force };
    let mut actions = app.upstream.actions();
    let acted = app.finish(async move { of_updater(actions.act_on_many(within(limit, request)).await) }).await?;
    let results: Vec<Value> = acted.results.iter().map(result).collect();
    Ok(Envelope(json!({ "results": results, "batch_group_id": acted.batch_group_id })))
}

fn result(result: &act_on_many_response::Result) -> Value {
    let mut value = json!({ "container": result.container, "success": result.error.is_empty() });
    if !result.operation_id.is_empty() {
        value["operation_id"] = result.operation_id.as_str().into();
    }
    if !result.error.is_empty() {
        value["error"] = result.error.as_str().into();
    }
    value
}

/// The grace period that is asked for. None: the container's own, which is ten seconds where nobody has said another one.
fn timeout(params: &Params) -> Option<prost_types::Duration> {
    Some(params.count("timeout", 0, LONGEST_TIMEOUT)).filter(|wanted| *wanted > 0).map(seconds)
}

fn seconds(seconds: u32) -> prost_types::Duration {
    prost_types::Duration { seconds: seconds.into(), nanos: 0 }
}

/// How long the answer may take.
fn patience(kind: &ActionKind) -> Duration {
    let grace = match kind {
        ActionKind::Stop(Stop { timeout }) | ActionKind::Restart(Restart { timeout }) => {
            timeout.unwrap_or(seconds(LONGEST_TIMEOUT))
        }
        _ => prost_types::Duration::default(),
    };
    Duration::try_from(grace).unwrap_or_default() + MARGIN
}
