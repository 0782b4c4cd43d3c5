//! `POST /api/update` and `POST /api/update/batch`.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::{
    PlanUpdateRequest, StartBatchRequest, StartUpdateRequest, start_batch_request::BatchItem,
    start_batch_response::BatchOperation,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope};
use crate::{
    app::App,
    extract::Json,
    gate::Caller,
    problem::Problem,
    upstream::{beginning, of_updater},
};

/// What the original calls the group of containers that are in no stack.
const STANDALONE: &str = "__standalone__";
/// Containers in one request at most; no server runs as many.
const MAX_ITEMS: usize = 1000;

/// Body of an update, in both spellings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Update {
    container_name: Option<String>,
    container: Option<String>,
    target_version: Option<String>,
    version: Option<String>,
    force: Option<bool>,
    script: Option<String>,
    plan_hash: Option<String>,
    rehearse: Option<bool>,
}

impl Update {
    /// The container's name. Nothing works without it.
    pub(super) fn container(&self) -> Result<String, Problem> {
        first([&self.container_name, &self.container]).ok_or_else(|| Problem::bad_request("container_name is required"))
    }

    /// Whether warnings do not stop it.
    pub(super) fn is_forced(&self) -> bool {
        self.force.unwrap_or_default()
    }

    /// Whether the new version is tried on a copy of the data first.
    pub(super) fn is_rehearsed(&self) -> bool {
        self.rehearse.unwrap_or_default()
    }

    /// The script to ask. Empty: the one of the label, or the assigned one.
    pub(super) fn script(&self) -> String {
        first([&self.script]).unwrap_or_default()
    }

    /// The tag. Empty: whatever the check recommends.
    pub(super) fn target(&self) -> String {
        first([&self.target_version, &self.version]).unwrap_or_default()
    }
}

/// The first text that is there and not empty.
fn first<const N: usize>(texts: [&Option<String>; N]) -> Option<String> {
    texts.into_iter().flatten().find(|text| !text.is_empty()).cloned()
}

/// Starts an update of one container.
pub(super) async fn one(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Update>,
) -> Result<Envelope<Value>, Problem> {
    let name = body.container()?;
    let request = StartUpdateRequest {
        container: name.clone(),
        target_version: body.target(),
        force: body.is_forced(),
        requested_by: caller.name().to_owned(),
        plan_hash: first([&body.plan_hash]).unwrap_or_default(),
        script: body.script(),
        rehearse: body.is_rehearsed(),
    };
    let mut updates = app.upstream.updates();
    let started = app.finish(async move { of_updater(updates.start_update(beginning(request)).await) }).await;
    let started = started.map_err(|problem| not_found(problem, &name))?;
    Ok(Envelope(json!({
        "operation_id": started.operation_id,
        "container_name": started.container_name,
        "container": started.container_name,
        "target_version": started.target_version,
        "status": "started",
    })))
}

/// Body of a batch.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(default)]
    containers: Option<Vec<Item>>,
}

/// One container of a batch: a name, or an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Item {
    Name(String),
    Object(Box<ItemObject>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemObject {
    name: Option<String>,
    container_name: Option<String>,
    container: Option<String>,
    target_version: Option<String>,
    version: Option<String>,
    stack: Option<String>,
    force: Option<bool>,
    change_type: Option<i32>,
    old_resolved_version: Option<String>,
    new_resolved_version: Option<String>,
    plan_hash: Option<String>,
    rehearse: Option<bool>,
}

impl Item {
    fn read(self) -> Result<BatchItem, Problem> {
        let (container, object) = self.named()?;
        Ok(BatchItem {
            container,
            target_version: first([&object.target_version, &object.version]).unwrap_or_default(),
            force: object.force.unwrap_or_default(),
            change_type: object.change_type.unwrap_or_default(),
            old_resolved_version: object.old_resolved_version.unwrap_or_default(),
            new_resolved_version: object.new_resolved_version.unwrap_or_default(),
            stack: object.stack.unwrap_or_default(),
            plan_hash: object.plan_hash.unwrap_or_default(),
            rehearse: object.rehearse.unwrap_or_default(),
        })
    }

    /// What is to be planned for it. What it does not say is as it is said for all.
    pub(super) fn planned(self, all: &Update) -> Result<PlanUpdateRequest, Problem> {
        let (container, object) = self.named()?;
        Ok(PlanUpdateRequest {
            container,
            target_version: first([&object.target_version, &object.version]).unwrap_or_else(|| all.target()),
            force: object.force.unwrap_or_else(|| all.is_forced()),
            script: all.script(),
            rehearse: object.rehearse.unwrap_or_else(|| all.is_rehearsed()),
        })
    }

    fn named(self) -> Result<(String, ItemObject), Problem> {
        let object = match self {
            Self::Name(name) => ItemObject { name: Some(name), ..ItemObject::default() },
            Self::Object(object) => *object,
        };
        let name = first([&object.name, &object.container_name, &object.container]);
        Ok((name.ok_or_else(|| Problem::bad_request("every container of the batch needs a name"))?, object))
    }
}

/// The containers of a request for many.
pub(super) fn many(containers: Option<Vec<Item>>) -> Result<Vec<Item>, Problem> {
    let items = containers.unwrap_or_default();
    if items.is_empty() {
        return Err(Problem::bad_request("containers array is required"));
    }
    if items.len() > MAX_ITEMS {
        return Err(Problem::bad_request(format!("at most {MAX_ITEMS} containers in one batch")));
    }
    Ok(items)
}

/// Starts updates of many containers, one operation a stack.
pub(super) async fn batch(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Batch>,
) -> Result<Envelope<Value>, Problem> {
    let items = many(body.containers)?.into_iter().map(Item::read).collect::<Result<_, _>>()?;
    let request = StartBatchRequest { items, requested_by: caller.name().to_owned() };
    let mut updates = app.upstream.updates();
    let started = app.finish(async move { of_updater(updates.start_batch(beginning(request)).await) }).await?;
    Ok(Envelope(json!({
        "operations": started.operations.iter().map(operation).collect::<Vec<_>>(),
        "batch_group_id": started.batch_group_id,
        "status": "started",
    })))
}

fn operation(operation: &BatchOperation) -> Value {
    let stack = if operation.stack.is_empty() { STANDALONE } else { &operation.stack };
    let mut value = json!({ "stack": stack, "containers": operation.containers, "status": "started" });
    if operation.operation_id.is_empty() {
        value["status"] = "failed".into();
        value["error"] = operation.error.as_str().into();
    } else {
        value["operation_id"] = operation.operation_id.as_str().into();
    }
    value
}
