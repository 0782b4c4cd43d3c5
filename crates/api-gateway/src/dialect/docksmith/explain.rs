//! `POST /api/explain`: what is offered, and of every other tag why not. Homeport's own addition.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::extract::State;
use homeport_proto::updater::v1::{CheckedContainer, ExplainRequest};
use serde::{Deserialize, Serialize};

use super::{check::not_found, envelope::Envelope, snapshot};
use crate::{
    app::App,
    extract::Json,
    problem::Problem,
    upstream::{of_updater, within},
};

/// A container's tags may take the registry several pages.
const LIMIT: Duration = Duration::from_secs(60);

/// An image with its tags and labels, or a container by name.
#[derive(Debug, Deserialize)]
pub(super) struct Body {
    #[serde(default)]
    container: String,
    #[serde(default)]
    image: String,
    /// Each alone or with the digest that it points at: `1.26.3@sha256:…`.
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// What is offered, and what every tag is.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    #[serde(skip_serializing_if = "String::is_empty")]
    container: String,
    image: String,
    status: &'static str,
    /// Tag that runs.
    current: String,
    /// Version that runs, as its tag, its labels or its digest tell.
    current_version: String,
    /// Tag to update to.
    latest: String,
    latest_resolved_version: String,
    recommended_tag: String,
    change: &'static str,
    change_type: i32,
    error: String,
    note: String,
    candidates: Vec<Candidate>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Candidate {
    tag: String,
    verdict: String,
    reason: String,
}

/// Asks the updater.
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    Json(body): Json<Body>,
) -> Result<Envelope<Explanation>, Problem> {
    let Body { container, image, tags, labels } = body;
    if container.is_empty() && image.is_empty() {
        return Err(Problem::bad_request("an image with its tags, or a container, is required"));
    }
    let request = ExplainRequest { container: container.clone(), image, tags, labels: labels.into_iter().collect() };
    let answer = of_updater(app.upstream.checks().explain(within(LIMIT, request)).await);
    let answer =
        answer.map_err(|problem| if container.is_empty() { problem } else { not_found(problem, &container) })?;
    let candidates = answer.candidates.into_iter();
    Ok(Envelope(Explanation {
        candidates: candidates
            .map(|from| Candidate { tag: from.tag, verdict: from.verdict, reason: from.reason })
            .collect(),
        truncated: answer.truncated,
        ..Explanation::of(answer.container.unwrap_or_default(), container.is_empty())
    }))
}

impl Explanation {
    fn of(checked: CheckedContainer, is_nameless: bool) -> Self {
        let (change, change_type) = snapshot::change(checked.change());
        Self {
            status: snapshot::status(checked.status()),
            change,
            change_type,
            container: if is_nameless { String::new() } else { checked.container_name },
            image: checked.image,
            current: checked.current_tag,
            current_version: checked.current_version,
            latest: checked.latest_version,
            latest_resolved_version: checked.latest_resolved_version,
            recommended_tag: checked.recommended_tag,
            error: checked.error,
            note: checked.note,
            candidates: Vec::new(),
            truncated: false,
        }
    }
}
