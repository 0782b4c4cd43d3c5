//! `GET /api/policies`: what happens after a failed update, and who can be brought back.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::ListWaysBackRequest;
use serde_json::{Map, Value, json};

use super::envelope::Envelope;
use crate::{app::App, problem::Problem, upstream::of_updater};

/// When the rule was made: with Homeport itself.
const MADE: &str = "2026-01-01T00:00:00.000Z";

/// An update that fails is always undone and always has to prove itself; that is no choice here.
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
    Ok(Envelope(json!({
        "global_policy": {
            "id": 1,
            "entity_type": "global",
            "auto_rollback_enabled": true,
            "health_check_required": true,
            "created_at": MADE,
            "updated_at": MADE,
        },
        "containers": containers,
    })))
}
