//! `SelfUpdateService`.

use homeport_proto::docker::v1::{
    ForgetSelfUpdateRequest, ForgetSelfUpdateResponse, GetSelfUpdateRequest, GetSelfUpdateResponse, RestartOwnRequest,
    RestartOwnResponse, StartSelfUpdateRequest, StartSelfUpdateResponse, get_self_update_response::State,
    self_update_service_server::SelfUpdateService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer};
use crate::{own, self_update::Progress};

#[tonic::async_trait]
impl SelfUpdateService for Rpc {
    async fn start_self_update(
        &self,
        request: Request<StartSelfUpdateRequest>,
    ) -> Result<Response<StartSelfUpdateResponse>, Status> {
        let StartSelfUpdateRequest { id, job_json } = request.into_inner();
        answer(self.0.self_updates.start(&id, &job_json).await, |()| StartSelfUpdateResponse {})
    }

    async fn get_self_update(
        &self,
        request: Request<GetSelfUpdateRequest>,
    ) -> Result<Response<GetSelfUpdateResponse>, Status> {
        answer(self.0.self_updates.progress(&request.into_inner().id).await, |progress| {
            let (state, result_json) = match progress {
                Progress::None => (State::None, Vec::new()),
                Progress::Running => (State::Running, Vec::new()),
                Progress::Ended(result) => (State::Ended, result),
            };
            GetSelfUpdateResponse { state: state.into(), result_json }
        })
    }

    async fn restart_own(&self, _: Request<RestartOwnRequest>) -> Result<Response<RestartOwnResponse>, Status> {
        let restarted = own::restart(&self.0.containers, &self.0.context).await;
        answer(restarted, |containers| RestartOwnResponse { containers })
    }

    async fn forget_self_update(
        &self,
        request: Request<ForgetSelfUpdateRequest>,
    ) -> Result<Response<ForgetSelfUpdateResponse>, Status> {
        answer(self.0.self_updates.forget(&request.into_inner().id).await, |()| ForgetSelfUpdateResponse {})
    }
}
