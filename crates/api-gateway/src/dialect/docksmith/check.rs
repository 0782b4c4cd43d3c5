//! Checks on request: all containers, or one.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    response::Response,
};
use homeport_proto::updater::v1::{CheckContainerRequest, CheckContainerResponse, RunCheckRequest, RunCheckResponse};
use serde_json::{Value, json};

use super::{
    envelope::{Envelope, json_text, text},
    snapshot::Info,
    status::respond,
};
use crate::{
    app::App,
    extract::Params,
    problem::{Kind, Problem},
    upstream::{of_updater, within},
    view::parse_go_duration,
};

/// What a page is made to wait at most unless it asks for more.
const USUAL_WAIT: Duration = Duration::from_secs(3);
/// What a script may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(110);
/// For the answer itself, after the wait.
const GRACE: Duration = Duration::from_secs(10);
/// One container's tags may take the registry several pages.
const RECHECK_LIMIT: Duration = Duration::from_secs(60);

/// `GET` or `POST /api/check`: asks the registries anew, waits a moment for the end (`?wait=`), answers as the status does.
pub(super) async fn run(State(app): State<Arc<App>>, params: Params) -> Result<Response, Problem> {
    let wait = params.text("wait").and_then(parse_go_duration).unwrap_or(USUAL_WAIT).min(LONGEST_WAIT);
    let request = RunCheckRequest { refresh: true, wait: prost_types::Duration::try_from(wait).ok() };
    let answer = of_updater(app.upstream.checks().run_check(within(wait + GRACE, request)).await)?;
    respond(&answer.snapshot.unwrap_or_default(), &params)
}

/// `POST /api/trigger-check`: starts a check that may use what is remembered, and does not wait.
pub(super) async fn trigger(State(app): State<Arc<App>>) -> Result<Envelope<Value>, Problem> {
    let mut checks = app.upstream.checks();
    let start = async move { of_updater(checks.run_check(RunCheckRequest { refresh: false, wait: None }).await) };
    let RunCheckResponse { .. } = app.finish(start).await?;
    Ok(Envelope(json!({ "message": "Background check triggered" })))
}

/// `GET /api/container/{name}/recheck`: one container, now.
pub(super) async fn container(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let request = within(RECHECK_LIMIT, CheckContainerRequest { container: name.clone() });
    let answer = of_updater(app.upstream.checks().check_container(request).await);
    let CheckContainerResponse { container } = answer.map_err(|problem| not_found(problem, &name))?;
    let container = container.unwrap_or_default();
    text(&Info::new(&container)).map(json_text).map_err(|error| {
        tracing::error!(error = %error, "a container could not be written as JSON");
        Problem::new(Kind::Internal, "an internal error; the log has the details")
    })
}

/// Clients look for `not found` in the text.
pub(super) fn not_found(problem: Problem, name: &str) -> Problem {
    match problem.kind() {
        Kind::NotFound => problem.with_message(format!("container not found: {name}")),
        _ => problem,
    }
}
