//! `RehearsalService`.

use homeport_proto::docker::v1::{
    DiscardForkRequest, DiscardForkResponse, ForkSnapshotRequest, ForkSnapshotResponse,
    rehearsal_service_server::RehearsalService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer};

#[tonic::async_trait]
impl RehearsalService for Rpc {
    async fn fork_snapshot(
        &self,
        request: Request<ForkSnapshotRequest>,
    ) -> Result<Response<ForkSnapshotResponse>, Status> {
        let ForkSnapshotRequest { snapshot_id, fork_id } = request.into_inner();
        let forked = self.0.snapshots.fork(&snapshot_id, &fork_id).await;
        answer(forked, |volumes| ForkSnapshotResponse { volumes })
    }

    async fn discard_fork(
        &self,
        request: Request<DiscardForkRequest>,
    ) -> Result<Response<DiscardForkResponse>, Status> {
        let discarded = self.0.snapshots.discard_fork(&request.into_inner().fork_id).await;
        answer(discarded, |()| DiscardForkResponse {})
    }
}
