//! `/api/scripts…`: scripts that are asked before updates, and what is assigned to which container.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::updater::v1::{
    AssignScriptRequest, ListScriptAssignmentsRequest, ListScriptsRequest, Script, ScriptAssignment,
    UnassignScriptRequest,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope};
use crate::{app::App, extract::Json, gate::Caller, problem::Problem, upstream::of_updater};

/// Every script there is.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let found = of_updater(app.upstream.scripts().list_scripts(ListScriptsRequest {}).await)?.scripts;
    Ok(Envelope(json!({ "scripts": found.iter().map(script).collect::<Vec<_>>(), "count": found.len() })))
}

/// Every assignment.
pub(super) async fn assigned(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let answer = app.upstream.scripts().list_script_assignments(ListScriptAssignmentsRequest {}).await;
    let found = of_updater(answer)?.assignments;
    Ok(Envelope(json!({ "assignments": found.iter().map(assignment).collect::<Vec<_>>(), "count": found.len() })))
}

/// Body of an assignment, in both spellings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Assign {
    container_name: Option<String>,
    container: Option<String>,
    script_path: Option<String>,
    script: Option<String>,
}

/// Assigns a script to a container.
pub(super) async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Assign>,
) -> Result<Envelope<Value>, Problem> {
    let first = |a: Option<String>, b: Option<String>| a.or(b).filter(|text| !text.is_empty());
    let container = first(body.container_name, body.container);
    let path = first(body.script_path, body.script);
    let (Some(container), Some(script_path)) = (container, path) else {
        return Err(Problem::bad_request("container_name and script_path are required"));
    };
    let requested_by = caller.name().to_owned();
    let request = AssignScriptRequest { container: container.clone(), script_path: script_path.clone(), requested_by };
    let mut scripts = app.upstream.scripts();
    let done = app.finish(async move { of_updater(scripts.assign_script(request).await) }).await;
    done.map_err(|problem| not_found(problem, &container))?;
    Ok(Envelope(json!({
        "success": true,
        "container": container,
        "script": script_path,
        "message": format!("Script {script_path} assigned successfully to {container}"),
    })))
}

/// Takes an assignment away.
pub(super) async fn unassign(
    State(app): State<Arc<App>>,
    Path(container): Path<String>,
) -> Result<Envelope<Value>, Problem> {
    let request = UnassignScriptRequest { container: container.clone() };
    let mut scripts = app.upstream.scripts();
    app.finish(async move { of_updater(scripts.unassign_script(request).await) }).await?;
    Ok(Envelope(json!({
        "success": true,
        "container": container,
        "message": format!("Script unassigned successfully from {container}"),
    })))
}

fn script(script: &Script) -> Value {
    json!({
        "name": script.name,
        "path": script.path,
        "relative_path": script.relative_path,
        "executable": script.executable,
        "size": script.size_bytes,
        "modified_time": time(script.modified_at.as_ref()),
    })
}

fn assignment(assignment: &ScriptAssignment) -> Value {
    json!({
        "container_name": assignment.container_name,
        "script_path": assignment.script_path,
        "enabled": true,
        "ignore": false,
        "allow_latest": false,
        "assigned_at": time(assignment.assigned_at.as_ref()),
        "assigned_by": assignment.assigned_by,
        "updated_at": time(assignment.updated_at.as_ref()),
    })
}

fn time(at: Option<&prost_types::Timestamp>) -> Option<String> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok()).map(|at| at.to_string())
}
