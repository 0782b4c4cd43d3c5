//! `homeport.updater.v1.UpdateService`.

use futures::stream;
use homeport_proto::updater::v1::{
    ListPoliciesRequest, ListPoliciesResponse, PlanUpdateRequest, PlanUpdateResponse, PlanUpdatesRequest,
    PlanUpdatesResponse, StartBatchRequest, StartBatchResponse, StartRollbackRequest, StartRollbackResponse,
    StartUpdateRequest, StartUpdateResponse, plan_updates_response::Answer, update_service_server::UpdateService,
};
use homeport_service::{status::to_status, telemetry::chain};
use tonic::{Request, Response, Status, codegen::BoxStream};

use super::convert::some;
use crate::operations::{Operations, RollbackRequest, Shown, UpdateRequest};

/// Asking for updates. What was started goes on when its caller leaves.
#[derive(Debug, Clone)]
pub struct Update(pub Operations);

fn wanted(request: PlanUpdateRequest) -> UpdateRequest {
    let PlanUpdateRequest { container, target_version, force, script, rehearse } = request;
    UpdateRequest { container, version: some(target_version), force, script, rehearse, ..UpdateRequest::default() }
}

fn response(shown: Shown) -> PlanUpdateResponse {
    let Shown { text, json, hash, outlook, .. } = shown;
    PlanUpdateResponse { text, json, hash, outlook_json: serde_json::to_string(&outlook).unwrap_or_default() }
}

#[tonic::async_trait]
impl UpdateService for Update {
    type PlanUpdatesStream = BoxStream<PlanUpdatesResponse>;

    async fn plan_update(&self, request: Request<PlanUpdateRequest>) -> Result<Response<PlanUpdateResponse>, Status> {
        let shown = self.0.plan(&wanted(request.into_inner())).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(response(shown)))
    }

    async fn plan_updates(
        &self,
        request: Request<PlanUpdatesRequest>,
    ) -> Result<Response<Self::PlanUpdatesStream>, Status> {
        let updates: Vec<_> = request.into_inner().updates.into_iter().map(wanted).collect();
        let shown = self.0.plans(&updates).await.map_err(|error| to_status(&error))?;
        let answer = |(update, shown): (UpdateRequest, _)| {
            let answer = match shown {
                Ok(shown) => Answer::Plan(response(shown)),
                Err(error) => Answer::Error(chain(&error)),
            };
            Ok(PlanUpdatesResponse { container: update.container, answer: Some(answer) })
        };
        Ok(Response::new(Box::pin(stream::iter(updates.into_iter().zip(shown).map(answer)))))
    }

    async fn start_update(
        &self,
        request: Request<StartUpdateRequest>,
    ) -> Result<Response<StartUpdateResponse>, Status> {
        let StartUpdateRequest { container, target_version, force, requested_by, plan_hash, script, rehearse } =
            request.into_inner();
        let request = UpdateRequest {
            container,
            version: some(target_version),
            force,
            requested_by,
            plan_hash,
            script,
            rehearse,
        };
        let started = self.0.start_update(request).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(StartUpdateResponse {
            operation_id: started.operation,
            container_name: started.container,
            target_version: started.version,
        }))
    }

    async fn start_batch(&self, request: Request<StartBatchRequest>) -> Result<Response<StartBatchResponse>, Status> {
        let StartBatchRequest { items, requested_by } = request.into_inner();
        let items = items.into_iter().map(Into::into).collect();
        let (batch_group_id, answers) =
            self.0.start_batch(items, &requested_by).await.map_err(|error| to_status(&error))?;
        let operations = answers.into_iter().map(Into::into).collect();
        Ok(Response::new(StartBatchResponse { batch_group_id, operations }))
    }

    async fn list_policies(&self, _: Request<ListPoliciesRequest>) -> Result<Response<ListPoliciesResponse>, Status> {
        let policies = self.0.policies().await.map_err(|error| to_status(&error))?;
        Ok(Response::new(ListPoliciesResponse {
            auto_rollback: policies.automatic,
            stacks: policies.stacks.into_iter().collect(),
            containers: policies.containers.into_iter().collect(),
        }))
    }

    async fn start_rollback(
        &self,
        request: Request<StartRollbackRequest>,
    ) -> Result<Response<StartRollbackResponse>, Status> {
        let StartRollbackRequest { operation_id, force, requested_by, containers } = request.into_inner();
        let request = RollbackRequest { operation: operation_id, force, requested_by, containers };
        let operation_id = self.0.start_rollback(request).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(StartRollbackResponse { operation_id }))
    }
}
