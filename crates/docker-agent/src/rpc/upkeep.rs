//! `UpkeepService`.

use homeport_proto::docker::v1::{
    PruneRequest, PruneResponse, RemoveImageRequest, RemoveImageResponse, RemoveNetworkRequest, RemoveNetworkResponse,
    RemoveVolumeRequest, RemoveVolumeResponse, upkeep_service_server::UpkeepService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};

#[tonic::async_trait]
impl UpkeepService for Rpc {
    async fn remove_image(
        &self,
        request: Request<RemoveImageRequest>,
    ) -> Result<Response<RemoveImageResponse>, Status> {
        let RemoveImageRequest { image, force, requested_by } = request.into_inner();
        let removed = self.0.upkeep.remove_image(&image, force, &requested_by).await;
        answer(removed, |removed| RemoveImageResponse {
            removed: removed.into_iter().map(convert::removed_image).collect(),
        })
    }

    async fn remove_network(
        &self,
        request: Request<RemoveNetworkRequest>,
    ) -> Result<Response<RemoveNetworkResponse>, Status> {
        let RemoveNetworkRequest { network, requested_by } = request.into_inner();
        answer(self.0.upkeep.remove_network(&network, &requested_by).await, |()| RemoveNetworkResponse {})
    }

    async fn remove_volume(
        &self,
        request: Request<RemoveVolumeRequest>,
    ) -> Result<Response<RemoveVolumeResponse>, Status> {
        let RemoveVolumeRequest { volume, force, requested_by } = request.into_inner();
        answer(self.0.upkeep.remove_volume(&volume, force, &requested_by).await, |()| RemoveVolumeResponse {})
    }

    async fn prune(&self, request: Request<PruneRequest>) -> Result<Response<PruneResponse>, Status> {
        let request = request.into_inner();
        let wanted = convert::wanted_prune(&request);
        answer(self.0.upkeep.prune(&wanted, request.dry_run, &request.requested_by).await, convert::pruned)
    }
}
