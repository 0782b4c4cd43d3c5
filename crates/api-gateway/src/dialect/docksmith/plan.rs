//! `POST /api/plan`: what an update would do. Homeport's own addition.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::PlanUpdateRequest;
use serde_json::{Value, json};

use super::{check::not_found, envelope::Envelope, update::Update};
use crate::{
    app::App,
    extract::Json,
    problem::Problem,
    upstream::{of_updater, within},
};

/// A plan looks at the engine and the registry.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Makes it.
pub(super) async fn make(State(app): State<Arc<App>>, Json(body): Json<Update>) -> Result<Envelope<Value>, Problem> {
    let name = body.container()?;
    let request = PlanUpdateRequest { container: name.clone(), target_version: body.target() };
    let answer = of_updater(app.upstream.updates().plan_update(within(LIMIT, request)).await);
    let plan = answer.map_err(|problem| not_found(problem, &name))?;
    let json = serde_json::from_str::<Value>(&plan.json).unwrap_or_default();
    Ok(Envelope(json!({ "text": plan.text, "plan": json })))
}
