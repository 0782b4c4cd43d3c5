//! `homeport.updater.v1.PipelineService`.

use std::time::Duration;

use homeport_proto::updater::v1::{
    ChangeLabelsRequest, ChangeLabelsResponse, ChangeManyLabelsRequest, ChangeManyLabelsResponse, FixMismatchRequest,
    FixMismatchResponse, LabelResult, RestartRequest as WireRestart, RestartResponse, RollBackLabelsRequest,
    RollBackLabelsResponse, pipeline_service_server::PipelineService,
};
use homeport_service::{status::to_status, telemetry::chain};
use tonic::{Request, Response, Status};

use crate::{
    error::UpdateError,
    operations::{LabelRequest, LabelRollback, Labelled, Operations, RestartRequest, Restarted},
};

/// The longest wait for the end of a restart.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Restarts, labels, mismatches. What was started goes on when its caller leaves.
#[derive(Debug, Clone)]
pub struct Pipelines(pub Operations);

#[tonic::async_trait]
impl PipelineService for Pipelines {
    async fn restart(&self, request: Request<WireRestart>) -> Result<Response<RestartResponse>, Status> {
        let WireRestart { container, stack, containers, force, requested_by, wait } = request.into_inner();
        let what = if container.is_empty() {
            Restarted::Stack { name: stack, containers }
        } else {
            Restarted::Container(container)
        };
        let wait = wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default().min(MAX_WAIT);
        let request = RestartRequest { what, force, requested_by };
        let answer = async {
            let mut operation = self.0.start_restart(request).await?;
            let ended = if wait.is_zero() { None } else { self.0.wait(&operation.id, wait).await? };
            let has_ended = ended.is_some();
            if let Some(ended) = ended {
                operation = ended;
            }
            let report = self.0.restart_report(&operation).await?;
            Ok::<_, UpdateError>(RestartResponse {
                operation_id: operation.id,
                name: operation.container_name,
                ended: has_ended,
                success: report.restarted > 0,
                locked: report.locked && report.restarted == 0,
                container_names: report.containers,
                dependents_restarted: report.dependents,
                dependents_blocked: report.blocked,
                errors: report.errors,
            })
        };
        answer.await.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn change_labels(
        &self,
        request: Request<ChangeLabelsRequest>,
    ) -> Result<Response<ChangeLabelsResponse>, Status> {
        let mut request = request.into_inner();
        let by = std::mem::take(&mut request.requested_by);
        let labelled = self.0.change_labels(&request.into(), &by).await.map_err(|error| to_status(&error))?;
        let Labelled { operation, container, file } = labelled;
        Ok(Response::new(ChangeLabelsResponse {
            operation_id: operation,
            container_name: container,
            compose_file: file,
        }))
    }

    async fn change_many_labels(
        &self,
        request: Request<ChangeManyLabelsRequest>,
    ) -> Result<Response<ChangeManyLabelsResponse>, Status> {
        let ChangeManyLabelsRequest { changes, requested_by } = request.into_inner();
        let requests: Vec<LabelRequest> = changes.into_iter().map(Into::into).collect();
        let (batch_group_id, answers) = self.0.change_many_labels(&requests, &requested_by).await;
        let names = requests.into_iter().map(|request| request.container);
        let results = names.zip(answers).map(|(name, answer)| result(name, answer)).collect();
        Ok(Response::new(ChangeManyLabelsResponse { batch_group_id, results }))
    }

    async fn roll_back_labels(
        &self,
        request: Request<RollBackLabelsRequest>,
    ) -> Result<Response<RollBackLabelsResponse>, Status> {
        let RollBackLabelsRequest { batch_group_id, operation_ids, containers, force, requested_by } =
            request.into_inner();
        let request = LabelRollback { group: batch_group_id, operations: operation_ids, containers, force };
        let answer = self.0.roll_back_labels(&request, &requested_by).await;
        let (batch_group_id, answers) = answer.map_err(|error| to_status(&error))?;
        let results = answers.into_iter().map(|(name, answer)| result(name, answer)).collect();
        Ok(Response::new(RollBackLabelsResponse { batch_group_id, results }))
    }

    async fn fix_mismatch(
        &self,
        request: Request<FixMismatchRequest>,
    ) -> Result<Response<FixMismatchResponse>, Status> {
        let FixMismatchRequest { container, force, requested_by } = request.into_inner();
        let operation = self.0.fix_mismatch(&container, force, &requested_by).await;
        let operation = operation.map_err(|error| to_status(&error))?;
        Ok(Response::new(FixMismatchResponse { operation_id: operation.id, container_name: operation.container_name }))
    }
}

impl From<ChangeLabelsRequest> for LabelRequest {
    fn from(wire: ChangeLabelsRequest) -> Self {
        let change =
            |change: homeport_proto::updater::v1::LabelChange| (change.name, (!change.remove).then_some(change.value));
        Self {
            container: wire.container,
            changes: wire.changes.into_iter().map(change).collect(),
            no_restart: wire.no_restart,
            force: wire.force,
        }
    }
}

fn result(container: String, answer: Result<Labelled, UpdateError>) -> LabelResult {
    match answer {
        Ok(labelled) => {
            LabelResult { container: labelled.container, operation_id: labelled.operation, error: String::new() }
        }
        Err(error) => LabelResult { container, operation_id: String::new(), error: chain(&error) },
    }
}
