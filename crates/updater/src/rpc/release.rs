//! `homeport.updater.v1.ReleaseService`.

use std::time::Duration;

use homeport_proto::updater::v1::{
    GetReleaseRequest, GetReleaseResponse, Release as WireRelease, RestartHomeportRequest, RestartHomeportResponse,
    SetReleaseRequest, SetReleaseResponse, UpdateHomeportRequest, UpdateHomeportResponse,
    release_service_server::ReleaseService,
};
use homeport_service::{Context, status::to_status};
use tonic::{Request, Response, Status};

use crate::{
    error::UpdateError,
    operations::Operations,
    release::{Change, Release, Releases},
};

/// Longest wait for an update of Homeport.
const MAX_WAIT: Duration = Duration::from_secs(600);

/// Answers about Homeport's own version.
#[derive(Debug, Clone)]
pub struct ReleaseRpc {
    releases: Releases,
    operations: Operations,
    context: Context,
}

impl ReleaseRpc {
    /// Answers from these.
    pub const fn new(releases: Releases, operations: Operations, context: Context) -> Self {
        Self { releases, operations, context }
    }

    async fn update(&self, request: UpdateHomeportRequest) -> Result<UpdateHomeportResponse, UpdateError> {
        let Some(operation_id) = self.releases.update(&request.requested_by).await? else {
            return Ok(UpdateHomeportResponse::default());
        };
        let wait = request.wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default().min(MAX_WAIT);
        let operation = self.releases.wait(&operation_id, wait).await?;
        let failed = operation.status == crate::store::Status::Failed;
        Ok(UpdateHomeportResponse { operation_id, error: if failed { operation.error } else { String::new() } })
    }
}

#[tonic::async_trait]
impl ReleaseService for ReleaseRpc {
    async fn get_release(&self, _: Request<GetReleaseRequest>) -> Result<Response<GetReleaseResponse>, Status> {
        let Release { version, check_updates, auto_update } =
            self.releases.get().await.map_err(|error| to_status(&error))?;
        let release = WireRelease { version: version.unwrap_or_default(), check_updates, auto_update };
        Ok(Response::new(GetReleaseResponse { release: Some(release) }))
    }

    async fn set_release(&self, request: Request<SetReleaseRequest>) -> Result<Response<SetReleaseResponse>, Status> {
        let SetReleaseRequest { version, check_updates, auto_update } = request.into_inner();
        let change = Change { version, check_updates, auto_update };
        self.releases.set(change).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(SetReleaseResponse {}))
    }

    async fn update_homeport(
        &self,
        request: Request<UpdateHomeportRequest>,
    ) -> Result<Response<UpdateHomeportResponse>, Status> {
        self.update(request.into_inner()).await.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn restart_homeport(
        &self,
        request: Request<RestartHomeportRequest>,
    ) -> Result<Response<RestartHomeportResponse>, Status> {
        let by = request.into_inner().requested_by;
        let containers = self.operations.restart_itself(&self.context).await.map_err(|error| to_status(&error))?;
        tracing::warn!(requested_by = by, containers = containers.join(" "), "Homeport restarts");
        Ok(Response::new(RestartHomeportResponse { containers }))
    }
}
