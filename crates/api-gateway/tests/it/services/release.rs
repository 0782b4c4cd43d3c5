//! What the updater knows of Homeport itself.

use homeport_proto::updater::v1::{self as updater, release_service_server::ReleaseService};
use tonic::{Request, Status};

use super::{Fake, Reply, reply};

#[tonic::async_trait]
impl ReleaseService for Fake {
    async fn get_release(&self, _: Request<updater::GetReleaseRequest>) -> Reply<updater::GetReleaseResponse> {
        reply(updater::GetReleaseResponse { release: Some(self.0.release.lock().unwrap().clone()) })
    }

    async fn set_release(&self, request: Request<updater::SetReleaseRequest>) -> Reply<updater::SetReleaseResponse> {
        let request = request.into_inner();
        if request.version.as_deref() == Some("a b") {
            return Err(Status::invalid_argument("\"a b\" is no tag"));
        }
        let mut release = self.0.release.lock().unwrap();
        release.version = request.version.unwrap_or(release.version.clone());
        release.check_updates = request.check_updates.unwrap_or(release.check_updates);
        release.auto_update = request.auto_update.unwrap_or(release.auto_update);
        reply(updater::SetReleaseResponse {})
    }

    async fn update_homeport(
        &self,
        request: Request<updater::UpdateHomeportRequest>,
    ) -> Reply<updater::UpdateHomeportResponse> {
        let request = request.into_inner();
        self.0.note(&request.requested_by);
        let error = match self.0.release.lock().unwrap().version.as_str() {
            "broken" => "image tag does not exist on the registry".to_owned(),
            _ => String::new(),
        };
        reply(updater::UpdateHomeportResponse { operation_id: "op-1".to_owned(), error })
    }

    async fn restart_homeport(
        &self,
        _: Request<updater::RestartHomeportRequest>,
    ) -> Reply<updater::RestartHomeportResponse> {
        self.0.note("restart");
        Err(Status::failed_precondition("Homeport does not run in containers here"))
    }
}
