//! `/release…`: what runs here, what is wanted instead, and what a registry has.

use std::{sync::Arc, time::Duration};

use axum::{Json as Body, extract::State};
use homeport_proto::{
    docker::v1::GetContainerRequest,
    updater::v1::{GetReleaseRequest, ListTagsRequest, Release, SetReleaseRequest},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    extract::{Json, Params},
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{of_docker, of_updater, within},
};

/// A long list comes in many pages.
const LIMIT: Duration = Duration::from_secs(60);
/// Homeport has one channel; clients know it by this name.
const CHANNEL: &str = "main";

/// What the updater has to say about Homeport itself.
pub(super) async fn wanted(app: &App) -> Result<Release, Problem> {
    let answer = of_updater(app.upstream.releases().get_release(GetReleaseRequest {}).await)?;
    Ok(answer.release.unwrap_or_default())
}

/// Changes some of it.
pub(super) async fn want(app: &App, request: SetReleaseRequest) -> Result<(), Problem> {
    let mut releases = app.upstream.releases();
    app.finish(async move { of_updater(releases.set_release(request).await) }).await.map(drop)
}

/// `GET /release`.
pub(super) async fn get(State(app): State<Arc<App>>) -> Result<Body<Value>, Problem> {
    let version = wanted(&app).await?.version;
    Ok(Body(json!({ "CustomChannel": "", "CustomVersion": version, "Current": env!("CARGO_PKG_VERSION") })))
}

/// `GET /releaseChannels`.
pub(super) async fn channels() -> Body<[&'static str; 1]> {
    Body([CHANNEL])
}

/// Body of `PUT /releaseSet`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Custom {
    customchannel: String,
    customversion: String,
}

/// `PUT /releaseSet`: the version that `PUT /update` goes to.
pub(super) async fn set(State(app): State<Arc<App>>, caller: Caller, Json(body): Json<Custom>) -> Result<(), Problem> {
    caller.require_unscoped()?;
    if !["", CHANNEL].contains(&body.customchannel.as_str()) {
        return Err(Problem::bad_request(format!("there is one channel here, {CHANNEL}")));
    }
    want(&app, SetReleaseRequest { version: Some(body.customversion), ..SetReleaseRequest::default() }).await
}

/// `DELETE /releaseSet`: the newest again.
pub(super) async fn reset(State(app): State<Arc<App>>, caller: Caller) -> Result<(), Problem> {
    caller.require_unscoped()?;
    want(&app, SetReleaseRequest { version: Some(String::new()), ..SetReleaseRequest::default() }).await
}

/// `GET /releasesAvailable?container=`: the tags of a container's image, without those that are signatures.
pub(super) async fn available(State(app): State<Arc<App>>, params: Params) -> Result<Body<Vec<String>>, Problem> {
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
    Ok(Body(tags.into_iter().filter(|tag| !tag.starts_with("sha256-")).collect()))
}
