//! `/release…`: what runs here, and what a registry has.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use homeport_proto::{docker::v1::GetContainerRequest, updater::v1::ListTagsRequest};
use serde_json::{Value, json};

use crate::{
    app::App,
    extract::Params,
    problem::{Kind, Problem},
    upstream::{of_docker, of_updater, within},
};

/// A long list comes in many pages.
const LIMIT: Duration = Duration::from_secs(60);

/// `GET /release`. Homeport has one channel, so none of its own is ever set.
pub(super) async fn get() -> Json<Value> {
    Json(json!({ "CustomChannel": "", "CustomVersion": "", "Current": env!("CARGO_PKG_VERSION") }))
}

/// `GET /releasesAvailable?container=`: the tags of a container's image, without those that are signatures.
pub(super) async fn available(State(app): State<Arc<App>>, params: Params) -> Result<Json<Vec<String>>, Problem> {
    let name = params.text("container").ok_or_else(|| Problem::bad_request("container is required"))?;
    let request = GetContainerRequest { container: name.to_owned() };
    let container = of_docker(app.upstream.containers().get_container(request).await).map_err(|problem| {
        if problem.kind() == Kind::NotFound {
            problem.with_message(format!("container not found: {name}"))
        } else {
            problem
        }
    })?;
    let image = container.container.unwrap_or_default().image;
    let request = within(LIMIT, ListTagsRequest { image });
    let tags = of_updater(app.upstream.checks().list_tags(request).await)?.tags;
    Ok(Json(tags.into_iter().filter(|tag| !tag.starts_with("sha256-")).collect()))
}
