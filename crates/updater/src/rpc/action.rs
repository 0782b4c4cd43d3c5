//! `homeport.updater.v1.ContainerActionService`.

use std::{path::Path, time::Duration};

use homeport_proto::{
    docker::v1::upkeep_service_client::UpkeepServiceClient,
    updater::v1::{
        self as wire, ActOnManyRequest, ActOnManyResponse, ActRequest, ActResponse, PruneRequest, PruneResponse,
        act_on_many_response, action::Kind, container_action_service_server::ContainerActionService,
    },
};
use homeport_service::{
    Context,
    rpc::{Client, connect},
    status::to_status,
    telemetry::chain,
};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

use crate::{
    error::UpdateError,
    operations::{Acted, Action, ByHand, Operations},
};

/// Removing hundreds of images takes the engine a while.
const PRUNE_LIMIT: Duration = Duration::from_secs(600);

/// What people do by hand. What was begun goes on when its caller leaves.
#[derive(Debug, Clone)]
pub struct Actions {
    operations: Operations,
    upkeep: UpkeepServiceClient<Client>,
    context: Context,
}

impl Actions {
    /// Done by these, with the docker-agent on this socket.
    pub fn new(operations: Operations, agent: &Path, context: &Context) -> Self {
        Self { operations, upkeep: UpkeepServiceClient::new(connect(agent)), context: context.clone() }
    }
}

#[tonic::async_trait]
impl ContainerActionService for Actions {
    async fn act(&self, request: Request<ActRequest>) -> Result<Response<ActResponse>, Status> {
        let ActRequest { container, action, requested_by, force } = request.into_inner();
        let wish = ByHand { action: action_of(action)?, force, requested_by };
        let response = match self.operations.act(&self.context, &container, &wish).await {
            Ok(Acted { operation, container, error }) => {
                ActResponse { operation_id: operation, container_name: container, error, locked: false }
            }
            Err(UpdateError::Locked { reason }) => {
                ActResponse { container_name: container, error: reason, locked: true, ..ActResponse::default() }
            }
            Err(error) => return Err(to_status(&error)),
        };
        Ok(Response::new(response))
    }

    async fn act_on_many(&self, request: Request<ActOnManyRequest>) -> Result<Response<ActOnManyResponse>, Status> {
        let ActOnManyRequest { containers, action, requested_by, force } = request.into_inner();
        let wish = ByHand { action: action_of(action)?, force, requested_by };
        if containers.is_empty() {
            return Err(to_status(&UpdateError::NoItems));
        }
        let (batch_group_id, acted) = self.operations.act_on_many(&self.context, &containers, &wish).await;
        let results = containers.into_iter().zip(acted).map(|(container, acted)| result(container, acted)).collect();
        Ok(Response::new(ActOnManyResponse { batch_group_id, results }))
    }

    async fn prune(&self, request: Request<PruneRequest>) -> Result<Response<PruneResponse>, Status> {
        let mut what = request.into_inner().what.unwrap_or_default();
        // Looking needs no rest.
        let quiet = if what.dry_run { None } else { Some(self.operations.quiet().map_err(|error| to_status(&error))?) };
        what.protected_containers.extend(self.operations.queued().await.map_err(|error| to_status(&error))?);
        let (mut upkeep, (sender, receiver)) = (self.upkeep.clone(), oneshot::channel());
        // To the end, also when the caller leaves: nothing else begins meanwhile.
        self.context.spawn("prune", async move {
            let mut request = Request::new(what);
            request.set_timeout(PRUNE_LIMIT);
            let pruned = upkeep.prune(request).await;
            drop(quiet);
            drop(sender.send(pruned));
        });
        let pruned = receiver.await.unwrap_or_else(|_| Err(to_status(&UpdateError::CutShort)))?;
        Ok(Response::new(PruneResponse { went: Some(pruned.into_inner()) }))
    }
}

fn result(container: String, acted: Result<Acted, UpdateError>) -> act_on_many_response::Result {
    let (operation_id, error) = match acted {
        Ok(acted) => (acted.operation, acted.error),
        // In the words that clients know.
        Err(UpdateError::NoContainer { .. }) => (String::new(), "container not found".to_owned()),
        Err(error) => (String::new(), chain(&error)),
    };
    act_on_many_response::Result { container, operation_id, error }
}

fn action_of(action: Option<wire::Action>) -> Result<Action, Status> {
    let kind = action.and_then(|action| action.kind);
    let kind = kind.ok_or_else(|| Status::invalid_argument("the request does not say what to do"))?;
    let timeout = |wire: Option<prost_types::Duration>| wire.and_then(|wire| Duration::try_from(wire).ok());
    Ok(match kind {
        Kind::Start(_) => Action::Start,
        Kind::Stop(stop) => Action::Stop { timeout: timeout(stop.timeout) },
        Kind::Restart(restart) => Action::Restart { timeout: timeout(restart.timeout) },
        Kind::Pause(_) => Action::Pause,
        Kind::Unpause(_) => Action::Unpause,
        Kind::Kill(kill) => Action::Kill { signal: kill.signal },
        Kind::Remove(remove) => Action::Remove { force: remove.force, volumes: remove.volumes },
    })
}
