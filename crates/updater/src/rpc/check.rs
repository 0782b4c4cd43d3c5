//! `CheckService`.

use std::time::Duration;

use homeport_proto::updater::v1::{self as wire, check_service_server::CheckService};
use homeport_service::status::to_status;
use jiff::Timestamp;
use tonic::{Request, Response, Status};

use crate::check::{self, CheckedContainer, Checker, Snapshot};

/// Longest time that a call waits for the end of a check.
const MAX_WAIT: Duration = Duration::from_secs(110);

/// Answers `CheckService` from a checker.
#[derive(Debug, Clone)]
pub struct Checks {
    checker: Checker,
    cache_lifetime: Duration,
}

impl Checks {
    /// Answers from this checker. `cache_lifetime` is how long registries' answers are remembered.
    pub const fn new(checker: Checker, cache_lifetime: Duration) -> Self {
        Self { checker, cache_lifetime }
    }

    fn snapshot(&self, snapshot: &Snapshot) -> wire::Snapshot {
        wire::Snapshot {
            containers: snapshot.containers.iter().map(|container| (&**container).into()).collect(),
            update_order: snapshot.update_order.clone(),
            checking: self.checker.is_checking(),
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
