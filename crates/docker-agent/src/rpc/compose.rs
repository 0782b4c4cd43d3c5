//! `ComposeService`.

use homeport_proto::docker::v1::{
    GetProjectRequest, GetProjectResponse, UpServiceRequest, UpServiceResponse, compose_service_server::ComposeService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::compose::Up;

#[tonic::async_trait]
impl ComposeService for Rpc {
    async fn get_project(&self, request: Request<GetProjectRequest>) -> Result<Response<GetProjectResponse>, Status> {
        let described = async {
            let project = convert::project(request.into_inner().project)?;
            self.0.compose.describe(&project).await
        };
        answer(described.await, |description| GetProjectResponse {
            config_json: description.config_json,
            config_hashes: description.hashes,
        })
    }

    async fn up_service(&self, request: Request<UpServiceRequest>) -> Result<Response<UpServiceResponse>, Status> {
        let request = request.into_inner();
        let up = async {
            let project = convert::project(request.project)?;
            let how = Up { no_start: request.no_start, force_recreate: request.force_recreate };
            self.0.compose.up(&project, &request.service, how).await
        };
        answer(up.await, |output| UpServiceResponse { output })
    }
}
