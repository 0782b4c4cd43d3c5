//! `GET /api/policies`: what happens after a failed update, and who can be brought back.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use axum::extract::State;
use homeport_proto::updater::v1::{ListPoliciesRequest, ListWaysBackRequest};
use serde_json::{Map, Value, json};

use super::envelope::Envelope;
use crate::{app::App, problem::Problem, upstream::of_updater};

/// When the rule was made: with Homeport itself.
const MADE: &str = "2026-01-01T00:00:00.000Z";

/// The stronger ones come after the global one: those of stacks, those of containers. Every update has to prove itself; that
/// is no choice here.
pub(super) async fn get(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let ways = of_updater(app.upstream.history().list_ways_back(ListWaysBackRequest {}).await)?.ways;
    let containers: Map<String, Value> = ways
        .into_iter()
        .map(|way| {
            let back = json!({
                "can_rollback": true,
                "last_operation_id": way.operation_id,
                "old_version": way.old_version,
            });
            (way.container_name, back)
        })
        .collect();
    let said = of_updater(app.upstream.updates().list_policies(ListPoliciesRequest {}).await)?;
    let stacks = numbered("stack", said.stacks, 2);
    let first = 2 + stacks.len();
    Ok(Envelope(json!({
        "global_policy": policy(1, "global", None, said.auto_rollback),
        "stack_policies": stacks,
        "container_policies": numbered("container", said.containers, first),
        "containers": containers,
    })))
}

/// In the order of their names.
fn numbered(kind: &str, said: HashMap<String, bool>, first: usize) -> Vec<Value> {
    let said = BTreeMap::from_iter(said);
    said.iter().zip(first..).map(|((name, back), id)| policy(id, kind, Some(name), *back)).collect()
}

fn policy(id: usize, kind: &str, name: Option<&str>, auto_rollback: bool) -> Value {
    let mut policy = json!({
        "id": id,
        "entity_type": kind,
        "auto_rollback_enabled": auto_rollback,
        "health_check_required": true,
        "created_at": MADE,
        "updated_at": MADE,
    });
    if let Some(name) = name {
        policy["entity_id"] = json!(name);
    }
    policy
}
