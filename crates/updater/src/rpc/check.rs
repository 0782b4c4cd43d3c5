//! `CheckService`.

use std::time::Duration;

use futures::{StreamExt as _, stream::BoxStream};
use homeport_image_ref::{Reference, ReferenceError};
use homeport_proto::updater::v1::{self as wire, check_service_server::CheckService};
use homeport_service::status::to_status;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    check::{self, Candidate, CheckedContainer, Checker, Explanation, MAX_EXPLAINED, Snapshot, explain},
    registry::{Client, Freshness},
};

/// Longest time that a call waits for the end of a check.
const MAX_WAIT: Duration = Duration::from_secs(110);

/// Answers `CheckService` from a checker.
#[derive(Debug, Clone)]
pub struct Checks {
    checker: Checker,
    registry: Client,
    cache_lifetime: Duration,
    drain: CancellationToken,
}

impl Checks {
    /// Answers from this checker and these registries. `cache_lifetime` is how long their answers are remembered;
    /// streams end at the drain.
    pub const fn new(checker: Checker, registry: Client, cache_lifetime: Duration, drain: CancellationToken) -> Self {
        Self { checker, registry, cache_lifetime, drain }
    }

    fn snapshot(&self, snapshot: &Snapshot) -> wire::Snapshot {
        self.snapshot_while(snapshot, self.checker.is_checking())
    }

    fn snapshot_while(&self, snapshot: &Snapshot, checking: bool) -> wire::Snapshot {
        wire::Snapshot {
            containers: snapshot.containers.iter().map(|container| (&**container).into()).collect(),
            update_order: snapshot.update_order.clone(),
            checking,
            last_run_at: snapshot.last_run_at.map(time),
            last_refresh_at: snapshot.last_refresh_at.map(time),
            next_run_at: snapshot.next_run_at.map(time),
            check_interval: prost_types::Duration::try_from(self.checker.interval()).ok(),
            cache_lifetime: prost_types::Duration::try_from(self.cache_lifetime).ok(),
            error: snapshot.error.clone().unwrap_or_default(),
        }
    }
}

#[tonic::async_trait]
impl CheckService for Checks {
    async fn get_status(
        &self,
        _request: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        let snapshot = Some(self.snapshot(&self.checker.snapshot()));
        Ok(Response::new(wire::GetStatusResponse { snapshot }))
    }

    async fn run_check(
        &self,
        request: Request<wire::RunCheckRequest>,
    ) -> Result<Response<wire::RunCheckResponse>, Status> {
        let wire::RunCheckRequest { refresh, wait } = request.into_inner();
        let wait = wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default().min(MAX_WAIT);
        let snapshot = self.checker.run_check(refresh, wait).await;
        Ok(Response::new(wire::RunCheckResponse { snapshot: Some(self.snapshot(&snapshot)) }))
    }

    async fn check_container(
        &self,
        request: Request<wire::CheckContainerRequest>,
    ) -> Result<Response<wire::CheckContainerResponse>, Status> {
        let container = request.into_inner().container;
        let checked = self.checker.check_container(&container).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(wire::CheckContainerResponse { container: Some((&*checked).into()) }))
    }

    type WatchStatusStream = BoxStream<'static, Result<wire::WatchStatusResponse, Status>>;

    async fn watch_status(
        &self,
        _request: Request<wire::WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let (checks, drain) = (self.clone(), self.drain.clone());
        let answers = self.checker.watch().map(move |(snapshot, checking)| {
            Ok(wire::WatchStatusResponse { snapshot: Some(checks.snapshot_while(&snapshot, checking)) })
        });
        Ok(Response::new(answers.take_until(drain.cancelled_owned()).boxed()))
    }

    async fn explain(&self, request: Request<wire::ExplainRequest>) -> Result<Response<wire::ExplainResponse>, Status> {
        let wire::ExplainRequest { container, image, tags, labels } = request.into_inner();
        let explanation = if container.is_empty() {
            explain(&image, &tags, labels.into_iter().collect()).map_err(|error| to_status(&error))?
        } else {
            self.checker.explain_container(&container).await.map_err(|error| to_status(&error))?
        };
        Ok(Response::new(explanation.into()))
    }

    async fn list_tags(
        &self,
        request: Request<wire::ListTagsRequest>,
    ) -> Result<Response<wire::ListTagsResponse>, Status> {
        let image: Reference = request
            .into_inner()
            .image
            .parse()
            .map_err(|error: ReferenceError| Status::invalid_argument(error.to_string()))?;
        let list = self.registry.tags(&image, Freshness::Remembered).await.map_err(|error| to_status(&error))?;
        let tags: Vec<_> = list.tags.iter().take(MAX_EXPLAINED).map(ToString::to_string).collect();
        let truncated = list.truncated || tags.len() < list.tags.len();
        Ok(Response::new(wire::ListTagsResponse { tags, truncated }))
    }
}

impl From<Explanation> for wire::ExplainResponse {
    fn from(from: Explanation) -> Self {
        let candidate = |candidate: Candidate| wire::Candidate {
            verdict: candidate.verdict.as_str().to_owned(),
            reason: candidate.reason().to_owned(),
            tag: candidate.tag,
        };
        Self {
            container: Some((&*from.checked).into()),
            candidates: from.candidates.into_iter().map(candidate).collect(),
            truncated: from.truncated,
        }
    }
}

impl From<&CheckedContainer> for wire::CheckedContainer {
    fn from(from: &CheckedContainer) -> Self {
        let digest =
            |digest: &Option<homeport_image_ref::Digest>| digest.as_ref().map(ToString::to_string).unwrap_or_default();
        Self {
            container_id: from.container_id.clone(),
            container_name: from.container_name.clone(),
            image: from.image.clone(),
            current_tag: from.current_tag.clone(),
            current_version: from.current_version.clone(),
            current_suffix: from.current_suffix.clone(),
            current_digest: digest(&from.current_digest),
            latest_version: from.latest_version.clone(),
            latest_resolved_version: from.latest_resolved_version.clone(),
            latest_digest: digest(&from.latest_digest),
            available_tags: from.available_tags.clone(),
            change: change(from).into(),
            status: status(from.status).into(),
            error: from.error.clone(),
            is_local: from.is_local,
            using_latest_tag: from.using_latest_tag,
            recommended_tag: from.recommended_tag.clone(),
            health_status: from.health_status.to_owned(),
            compose_image: from.compose_image.clone(),
            env_var_name: from.env_var_name.clone(),
            note: from.note.clone(),
            stack: from.stack.clone(),
            service: from.service.clone(),
            dependencies: from.dependencies.clone(),
            labels: from.labels.clone().into_iter().collect(),
            compose_labels: from.compose_labels.clone().into_iter().collect(),
            labels_out_of_sync: from.labels_out_of_sync,
            checked_at: Some(time(from.checked_at)),
            running: from.running,
            pre_update_check: from.pre_update_check.clone(),
            pre_update_check_pass: from.pre_update_check_pass,
            pre_update_check_fail: from.pre_update_check_fail.clone(),
        }
    }
}

const fn status(from: check::Status) -> wire::ContainerStatus {
    match from {
        check::Status::Unknown => wire::ContainerStatus::Unknown,
        check::Status::UpdateAvailable => wire::ContainerStatus::UpdateAvailable,
        check::Status::UpdateAvailableBlocked => wire::ContainerStatus::UpdateAvailableBlocked,
        check::Status::UpToDate => wire::ContainerStatus::UpToDate,
        check::Status::UpToDatePinnable => wire::ContainerStatus::UpToDatePinnable,
        check::Status::LocalImage => wire::ContainerStatus::LocalImage,
        check::Status::ComposeMismatch => wire::ContainerStatus::ComposeMismatch,
        check::Status::Ignored => wire::ContainerStatus::Ignored,
        check::Status::CheckFailed => wire::ContainerStatus::CheckFailed,
        check::Status::MetadataUnavailable => wire::ContainerStatus::MetadataUnavailable,
    }
}

const fn change(from: &CheckedContainer) -> wire::Change {
    use homeport_image_ref::Change;
    match from.change {
        _ if from.is_rebuild => wire::Change::Rebuild,
        None | Some(Change::None) => wire::Change::Unspecified,
        Some(Change::Patch) => wire::Change::Patch,
        Some(Change::Minor) => wire::Change::Minor,
        Some(Change::Major) => wire::Change::Major,
        Some(Change::Downgrade) => wire::Change::Downgrade,
        Some(Change::Unknown) => wire::Change::Unknown,
    }
}

fn time(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}
