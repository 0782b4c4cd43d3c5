//! `VolumeService`.

use homeport_proto::docker::v1::{ListVolumesRequest, ListVolumesResponse, volume_service_server::VolumeService};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::document::Document as _;

#[tonic::async_trait]
impl VolumeService for Rpc {
    async fn list_volumes(&self, _: Request<ListVolumesRequest>) -> Result<Response<ListVolumesResponse>, Status> {
        answer(self.0.engine.get("listing volumes", "/volumes").await, |list| ListVolumesResponse {
            volumes: list.list("Volumes").iter().map(convert::volume).collect(),
        })
    }
}
