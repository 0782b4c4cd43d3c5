//! `ComposeService`.

use homeport_proto::docker::v1::{
    GetProjectRequest, GetProjectResponse, UpServiceRequest, UpServiceResponse, compose_service_server::ComposeService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::compose::{Guarded, Up};

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
            let mut guarded = Vec::new();
            for guard in request.guards {
                let before = self.described(&guard.inspect_json).await?;
                guarded.push(Guarded { before, expected: guard.expected_fields, image: guard.image_id });
            }
            let (no_start, force_recreate) = (request.no_start, request.force_recreate);
            let up = Up { no_start, force_recreate, guarded, accepts: request.accept_differences };
            self.0.compose.up(&project, &request.service, up).await
        };
        answer(up.await, |brought| UpServiceResponse {
            output: brought.output,
            differences: brought.differences.into_iter().map(convert::difference).collect(),
            accepted: brought.accepted.into_iter().map(convert::difference).collect(),
        })
    }
}
