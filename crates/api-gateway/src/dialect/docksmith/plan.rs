//! `POST /api/plan` and `/api/plan/batch`: what updates would do. Homeport's own addition.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::updater::v1::{
    PlanUpdateResponse, PlanUpdatesRequest, PlanUpdatesResponse, plan_updates_response::Answer,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    check::not_found,
    envelope::Envelope,
    update::{Item, Update, many},
};
use crate::{
    app::App,
    extract::Json,
    problem::Problem,
    upstream::{of_updater, within},
};

/// A plan looks at the engine and the registry, and measures the data.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(650);

/// Plans the update of one container.
pub(super) async fn one(State(app): State<Arc<App>>, Json(body): Json<Update>) -> Result<Envelope<Value>, Problem> {
    let name = body.container()?;
    let request = Item::Name(name.clone()).planned(&body)?;
    let answer = of_updater(app.upstream.updates().plan_update(within(LIMIT, request)).await);
    let plan = answer.map_err(|problem| not_found(problem, &name))?;
    Ok(Envelope(document(&name, &plan)))
}

/// Body of a batch: the containers, and what is said for all of them.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(flatten)]
    all: Update,
    #[serde(default)]
    containers: Option<Vec<Item>>,
}

/// Plans the updates of many containers, each by itself, from one look at the engine.
pub(super) async fn batch(State(app): State<Arc<App>>, Json(body): Json<Batch>) -> Result<Envelope<Value>, Problem> {
    let Batch { all, containers } = body;
    let updates = many(containers)?.into_iter().map(|item| item.planned(&all)).collect::<Result<_, _>>()?;
    let request = within(LIMIT, PlanUpdatesRequest { updates });
    let mut answers = of_updater(app.upstream.updates().plan_updates(request).await)?;
    let mut plans = Vec::new();
    while let Some(PlanUpdatesResponse { container, answer }) =
        of_updater(answers.message().await.map(tonic::Response::new))?
    {
        plans.push(match answer {
            Some(Answer::Plan(plan)) => document(&container, &plan),
            Some(Answer::Error(error)) => json!({ "container_name": container, "error": error }),
            None => json!({ "container_name": container, "error": "the updater did not say" }),
        });
    }
    Ok(Envelope(json!({ "plans": plans })))
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
