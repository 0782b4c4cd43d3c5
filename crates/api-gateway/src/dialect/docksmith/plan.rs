//! `POST /api/plan`: what an update would do. Homeport's own addition.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::{PlanUpdateRequest, PlanUpdateResponse};
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope, update::Update};
use crate::{
    app::App,
    extract::Json,
    problem::Problem,
    upstream::{of_updater, within},
};

/// A plan looks at the engine and the registry, and measures the data.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(650);

/// Makes it.
pub(super) async fn make(State(app): State<Arc<App>>, Json(body): Json<Update>) -> Result<Envelope<Value>, Problem> {
    let name = body.container()?;
    let request = PlanUpdateRequest {
        container: name.clone(),
        target_version: body.target(),
        force: body.is_forced(),
        script: body.script(),
        rehearse: body.is_rehearsed(),
    };
    let answer = of_updater(app.upstream.updates().plan_update(within(LIMIT, request)).await);
    let plan = answer.map_err(|problem| not_found(problem, &name))?;
    Ok(Envelope(document(&name, &plan)))
}

fn document(name: &str, plan: &PlanUpdateResponse) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    json!({
        "container_name": name,
        "text": plan.text,
        "plan": parsed(&plan.json),
        "hash": plan.hash,
        "outlook": parsed(&plan.outlook_json),
    })
}
