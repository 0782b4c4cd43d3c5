//! `GET /api/registry/tags/{image}`: the tags that a registry has.

use std::{sync::Arc, time::Duration};

use axum::extract::{Path, State};
use homeport_proto::updater::v1::ListTagsRequest;
use serde_json::{Value, json};

use super::envelope::Envelope;
use crate::{
    app::App,
    problem::{Kind, Problem},
    upstream::{of_updater, within},
};

/// A long list comes in many pages.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks the updater. A registry's refusal is a 500, as clients of the original know it; a wrong name is not.
pub(super) async fn tags(State(app): State<Arc<App>>, Path(image): Path<String>) -> Result<Envelope<Value>, Problem> {
    let request = within(LIMIT, ListTagsRequest { image: image.clone() });
    let answer = app.upstream.checks().list_tags(request).await;
    let is_wrong_name = answer.as_ref().is_err_and(|status| status.code() == tonic::Code::InvalidArgument);
    let answer = of_updater(answer)
        .map_err(|problem| if is_wrong_name { problem } else { problem.with_kind(Kind::Internal) })?;
    let count = answer.tags.len();
    Ok(Envelope(json!({
        "image_ref": image, "tags": answer.tags, "count": count, "truncated": answer.truncated,
    })))
}
