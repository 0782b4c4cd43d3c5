//! The updater's work that changes no version, reduced to what a test must see.

use homeport_proto::updater::v1::{
    self as updater, LabelResult, RestartResponse, pipeline_service_server::PipelineService,
};
use tonic::{Request, Response, Status};

use super::{Fake, Reply};

fn known(name: &str) -> Result<(), Status> {
    match name {
        "nobody" => Err(Status::not_found("container not found: nobody")),
        _ => Ok(()),
    }
}

#[tonic::async_trait]
impl PipelineService for Fake {
    async fn restart(&self, request: Request<updater::RestartRequest>) -> Reply<RestartResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        known(&request.container)?;
        if request.stack == "none" {
            return Err(Status::not_found("no containers found in stack: none"));
        }
        let one = if request.container.is_empty() { "web" } else { &request.container };
        let name = if request.container.is_empty() { &request.stack } else { &request.container };
        let mut response = RestartResponse {
            operation_id: "op-r".to_owned(),
            name: name.clone(),
            ended: request.wait.is_some() && one != "slow",
            container_names: vec![one.to_owned()],
            ..RestartResponse::default()
        };
        if one == "locked" && !request.force {
            response.errors = vec!["Lockfile exists: the update lock of locked is held".to_owned()];
            response.locked = true;
        } else if one == "refused" {
            response.errors = vec!["refused: script exited with code 1: no".to_owned()];
            response.dependents_blocked = vec!["api".to_owned()];
        } else if response.ended {
            response.success = true;
            response.dependents_restarted = vec!["api".to_owned()];
        }
        Ok(Response::new(response))
    }

    async fn change_labels(
        &self,
        request: Request<updater::ChangeLabelsRequest>,
    ) -> Reply<updater::ChangeLabelsResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        known(&request.container)?;
        if request.container == "lone" {
            return Err(Status::failed_precondition("container lone is not managed by docker compose"));
        }
        Ok(Response::new(updater::ChangeLabelsResponse {
            operation_id: "op-l".to_owned(),
            container_name: request.container,
            compose_file: "/stacks/site/compose.yaml".to_owned(),
        }))
    }

    async fn change_many_labels(
        &self,
        request: Request<updater::ChangeManyLabelsRequest>,
    ) -> Reply<updater::ChangeManyLabelsResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let result = |change: updater::ChangeLabelsRequest| match known(&change.container) {
            Ok(()) => {
                LabelResult { container: change.container, operation_id: "op-m".to_owned(), error: String::new() }
            }
            Err(error) => LabelResult {
                container: change.container,
                operation_id: String::new(),
                error: error.message().to_owned(),
            },
        };
        let results = request.changes.into_iter().map(result).collect();
        Ok(Response::new(updater::ChangeManyLabelsResponse { batch_group_id: "group-l".to_owned(), results }))
    }

    async fn roll_back_labels(
        &self,
        request: Request<updater::RollBackLabelsRequest>,
    ) -> Reply<updater::RollBackLabelsResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        if request.batch_group_id == "none" {
            return Err(Status::invalid_argument("no rollbackable label operations found"));
        }
        let results =
            vec![LabelResult { container: "web".to_owned(), operation_id: "op-b".to_owned(), error: String::new() }];
        Ok(Response::new(updater::RollBackLabelsResponse { batch_group_id: "group-b".to_owned(), results }))
    }

    async fn fix_mismatch(&self, request: Request<updater::FixMismatchRequest>) -> Reply<updater::FixMismatchResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        known(&request.container)?;
        if request.container == "built" {
            let text = "failed to extract image from compose file: no image key found for service built";
            return Err(Status::failed_precondition(text));
        }
        let container_name = request.container;
        Ok(Response::new(updater::FixMismatchResponse { operation_id: "op-f".to_owned(), container_name }))
    }
}
