//! `/update`, `/restart`, `/autoupdate` and `/checkupdates`: what Homeport does with itself.

use std::{sync::Arc, time::Duration};

use axum::{Json as Body, extract::State};
use homeport_proto::updater::v1::{RestartHomeportRequest, SetReleaseRequest, UpdateHomeportRequest};

use super::release::{want, wanted};
use crate::{
    app::App,
    gate::Caller,
    problem::{Kind, Problem},
    upstream::{of_updater, within},
};

/// As long as the updater waits, and a little more. The gateway that waits is replaced before the update has ended.
const PATIENCE: Duration = Duration::from_secs(600);
const MARGIN: Duration = Duration::from_secs(10);

/// `PUT /update`. Answers when there is nothing newer, when it failed, or when Homeport is being replaced.
pub(super) async fn update(State(app): State<Arc<App>>, caller: Caller) -> Result<(), Problem> {
    let wait = prost_types::Duration::try_from(PATIENCE).ok();
    let request = UpdateHomeportRequest { requested_by: caller.name().to_owned(), wait };
    let mut releases = app.upstream.endless_releases();
    let update = async move { of_updater(releases.update_homeport(within(PATIENCE + MARGIN, request)).await) };
    let done = app.finish(update).await?;
    if done.error.is_empty() { Ok(()) } else { Err(Problem::new(Kind::Internal, done.error)) }
}

/// `PUT /restart`. Answers at once; the gateway's own turn comes a second later at the earliest.
pub(super) async fn restart(State(app): State<Arc<App>>, caller: Caller) -> Result<(), Problem> {
    caller.require_unscoped()?;
    let request = RestartHomeportRequest { requested_by: caller.name().to_owned() };
    let mut releases = app.upstream.releases();
    app.finish(async move { of_updater(releases.restart_homeport(request).await) }).await.map(drop)
}

/// `GET /autoupdate`.
pub(super) async fn updates_itself(State(app): State<Arc<App>>) -> Result<Body<bool>, Problem> {
    Ok(Body(wanted(&app).await?.auto_update))
}

/// `PUT /autoupdate`.
pub(super) async fn update_by_itself(State(app): State<Arc<App>>) -> Result<(), Problem> {
    want(&app, SetReleaseRequest { auto_update: Some(true), ..SetReleaseRequest::default() }).await
}

/// `DELETE /autoupdate`.
pub(super) async fn update_when_asked(State(app): State<Arc<App>>) -> Result<(), Problem> {
    want(&app, SetReleaseRequest { auto_update: Some(false), ..SetReleaseRequest::default() }).await
}

/// `GET /checkupdates`.
pub(super) async fn checks_itself(State(app): State<Arc<App>>) -> Result<Body<bool>, Problem> {
    Ok(Body(wanted(&app).await?.check_updates))
}

/// `PUT /checkupdates`.
pub(super) async fn check_by_itself(State(app): State<Arc<App>>) -> Result<(), Problem> {
    want(&app, SetReleaseRequest { check_updates: Some(true), ..SetReleaseRequest::default() }).await
}

/// `DELETE /checkupdates`.
pub(super) async fn check_when_asked(State(app): State<Arc<App>>) -> Result<(), Problem> {
    want(&app, SetReleaseRequest { check_updates: Some(false), ..SetReleaseRequest::default() }).await
}
