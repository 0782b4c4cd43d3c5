//! `SnapshotService`.

use homeport_proto::docker::v1::{
    DeleteSnapshotRequest, DeleteSnapshotResponse, ListSnapshotsRequest, ListSnapshotsResponse, MeasureSourcesRequest,
    MeasureSourcesResponse, RestoreSnapshotRequest, RestoreSnapshotResponse, TakeSnapshotRequest, TakeSnapshotResponse,
    snapshot_service_server::SnapshotService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};

#[tonic::async_trait]
impl SnapshotService for Rpc {
    async fn take_snapshot(
        &self,
        request: Request<TakeSnapshotRequest>,
    ) -> Result<Response<TakeSnapshotResponse>, Status> {
        let request = request.into_inner();
        let taken = async {
            let sources = request.sources.iter().map(convert::snapshot_source).collect::<Result<Vec<_>, _>>()?;
            self.0.snapshots.take(&request.snapshot_id, &sources, &request.labels).await
        };
        answer(taken.await, |report| TakeSnapshotResponse {
            files: report.files,
            total_bytes: report.total_bytes,
            copied_bytes: report.copied_bytes,
        })
    }

    async fn restore_snapshot(
        &self,
        request: Request<RestoreSnapshotRequest>,
    ) -> Result<Response<RestoreSnapshotResponse>, Status> {
        let restored = self.0.snapshots.restore(&request.into_inner().snapshot_id).await;
        answer(restored, |report| RestoreSnapshotResponse { copied_bytes: report.copied_bytes })
    }

    async fn delete_snapshot(
        &self,
        request: Request<DeleteSnapshotRequest>,
    ) -> Result<Response<DeleteSnapshotResponse>, Status> {
        let deleted = self.0.snapshots.delete(&request.into_inner().snapshot_id).await;
        answer(deleted, |()| DeleteSnapshotResponse {})
    }

    async fn list_snapshots(
        &self,
        _: Request<ListSnapshotsRequest>,
    ) -> Result<Response<ListSnapshotsResponse>, Status> {
        answer(self.0.snapshots.list().await, |list| ListSnapshotsResponse {
            snapshots: list.into_iter().map(convert::snapshot).collect(),
        })
    }

    async fn measure_sources(
        &self,
        request: Request<MeasureSourcesRequest>,
    ) -> Result<Response<MeasureSourcesResponse>, Status> {
        let request = request.into_inner();
        let measured = async {
            let sources = request.sources.iter().map(convert::snapshot_source).collect::<Result<Vec<_>, _>>()?;
            self.0.snapshots.measure(&sources).await
        };
        answer(measured.await, |measure| MeasureSourcesResponse {
            files: measure.files,
            total_bytes: measure.total_bytes,
            needed_bytes: measure.needed_bytes,
            free_bytes: measure.free_bytes,
        })
    }
}
