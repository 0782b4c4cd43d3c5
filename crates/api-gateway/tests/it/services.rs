//! The services behind the gateway, reduced to what a test must see.

mod auth;
mod containers;
mod pipelines;
mod plugins;
mod release;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use homeport_proto::{
    auth::v1 as proto_auth,
    docker::v1::{self as docker, credential_service_server::CredentialService, engine_service_server::EngineService},
    pubservice::{self, pubsub_service_server::PubsubService},
    updater::v1::{
        self as updater, check_service_server::CheckService, operation_service_server::OperationService,
        start_batch_response::BatchOperation, update_service_server::UpdateService,
    },
};
use tokio::sync::{broadcast, watch};
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Request, Response, Status};

/// What the tests set and look at.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) revoked: AtomicBool,
    /// Single credentials that are good no longer.
    pub(crate) revoked_credentials: Mutex<Vec<String>>,
    pub(crate) authorized: AtomicUsize,
    /// What went into the record.
    pub(crate) audit: Mutex<Vec<proto_auth::AuditEntry>>,
    /// The record is full, broken or slow: it takes nothing.
    pub(crate) audit_stands: watch::Sender<bool>,
    pub(crate) revocations: broadcast::Sender<proto_auth::WatchRevocationsResponse>,
    /// Auth's stream of revocations says nothing.
    pub(crate) silent: AtomicBool,
    pub(crate) paths: Mutex<Vec<String>>,
    /// What Homeport does with itself.
    pub(crate) release: Mutex<updater::Release>,
    /// The first password is still the one that Homeport made.
    pub(crate) first_password: AtomicBool,
    /// Somebody has a second factor, whose proof is `shown`.
    pub(crate) factor: AtomicBool,
    /// Addresses that auth was told of.
    pub(crate) clients: Mutex<Vec<String>>,
    /// How requests came that auth was asked about.
    pub(crate) ways: Mutex<Vec<proto_auth::Way>>,
    /// `Basic` credentials that auth was asked about.
    pub(crate) passwords: Mutex<Vec<String>>,
    pub(crate) snapshot: Mutex<updater::Snapshot>,
    /// What the updater tells of by itself.
    pub(crate) told: watch::Sender<Option<updater::Snapshot>>,
    pub(crate) operations: Mutex<Vec<updater::Operation>>,
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) traces: Mutex<Vec<String>>,
    pub(crate) tokens: Mutex<Vec<proto_auth::Token>>,
    pub(crate) update_takes: Mutex<Duration>,
    pub(crate) updates_done: AtomicUsize,
    pub(crate) bus: broadcast::Sender<pubservice::String>,
    pub(crate) subscribed: AtomicUsize,
    /// Entries of `api.json`, as docker-agent has them.
    pub(crate) plugins: Mutex<Vec<serde_json::Value>>,
    /// What docker-agent wants a person to agree to.
    pub(crate) concerns: Mutex<Vec<String>>,
    /// Tokens that docker-agent was given to write.
    pub(crate) written: Mutex<Vec<(String, String)>>,
    /// Topic and value of what the gateway told the bus.
    pub(crate) published: Mutex<Vec<(String, String)>>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            revoked: AtomicBool::default(),
            revoked_credentials: Mutex::default(),
            authorized: AtomicUsize::default(),
            audit: Mutex::default(),
            audit_stands: watch::Sender::default(),
            revocations: broadcast::channel(64).0,
            silent: AtomicBool::default(),
            paths: Mutex::default(),
            release: Mutex::default(),
            first_password: AtomicBool::default(),
            factor: AtomicBool::default(),
            clients: Mutex::default(),
            ways: Mutex::default(),
            passwords: Mutex::default(),
            snapshot: Mutex::default(),
            told: watch::Sender::default(),
            operations: Mutex::default(),
            calls: Mutex::default(),
            traces: Mutex::default(),
            tokens: Mutex::default(),
            update_takes: Mutex::default(),
            updates_done: AtomicUsize::default(),
            bus: broadcast::channel(4096).0,
            subscribed: AtomicUsize::default(),
            published: Mutex::default(),
            plugins: Mutex::default(),
            concerns: Mutex::default(),
            written: Mutex::default(),
        }
    }
}

impl World {
    fn note(&self, call: impl std::fmt::Debug) {
        self.calls.lock().unwrap().push(format!("{call:?}"));
    }

    pub(crate) fn publish(&self, topic: &str, value: &str) {
        drop(self.bus.send(pubservice::String { topic: topic.to_owned(), value: value.to_owned() }));
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Fake(pub(crate) Arc<World>);

type Reply<T> = Result<Response<T>, Status>;

fn reply<T>(message: T) -> Reply<T> {
    Ok(Response::new(message))
}

#[tonic::async_trait]
impl CheckService for Fake {
    async fn get_status(&self, _request: Request<updater::GetStatusRequest>) -> Reply<updater::GetStatusResponse> {
        reply(updater::GetStatusResponse { snapshot: Some(self.0.snapshot.lock().unwrap().clone()) })
    }

    async fn run_check(&self, request: Request<updater::RunCheckRequest>) -> Reply<updater::RunCheckResponse> {
        self.0.note(request.into_inner());
        reply(updater::RunCheckResponse { snapshot: Some(self.0.snapshot.lock().unwrap().clone()) })
    }

    async fn check_container(
        &self,
        request: Request<updater::CheckContainerRequest>,
    ) -> Reply<updater::CheckContainerResponse> {
        let name = request.into_inner().container;
        let containers = &self.0.snapshot.lock().unwrap().containers;
        let container = containers.iter().find(|container| container.container_name == name).cloned();
        match container {
            Some(container) => reply(updater::CheckContainerResponse { container: Some(container) }),
            None => Err(Status::not_found(format!("no container {name}"))),
        }
    }

    type WatchStatusStream = Pin<Box<dyn Stream<Item = Result<updater::WatchStatusResponse, Status>> + Send>>;

    /// Tells nothing unless a test asks for it, so that the others see at once what they set.
    async fn watch_status(&self, _request: Request<updater::WatchStatusRequest>) -> Reply<Self::WatchStatusStream> {
        let told = self.0.told.subscribe();
        let answers = tokio_stream::wrappers::WatchStream::new(told);
        let answers = answers.filter_map(async |snapshot| snapshot);
        reply(answers.map(|snapshot| Ok(updater::WatchStatusResponse { snapshot: Some(snapshot) })).boxed())
    }

    async fn explain(&self, request: Request<updater::ExplainRequest>) -> Reply<updater::ExplainResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        if request.container == "none" {
            return Err(Status::not_found("no container none"));
        }
        if request.image == "NO" {
            return Err(Status::invalid_argument("\"NO\" names no repository"));
        }
        let candidate = |tag: &str, verdict: &str| updater::Candidate {
            tag: tag.to_owned(),
            verdict: verdict.to_owned(),
            reason: format!("it is {verdict}"),
        };
        let checked = updater::CheckedContainer {
            image: request.image,
            current_tag: "1.0".to_owned(),
            latest_version: "2.0".to_owned(),
            change: updater::Change::Major.into(),
            status: updater::ContainerStatus::UpdateAvailable.into(),
            ..Default::default()
        };
        let candidates = vec![candidate("1.0", "current"), candidate("2.0", "offered")];
        reply(updater::ExplainResponse { container: Some(checked), candidates, truncated: false })
    }

    async fn list_tags(&self, request: Request<updater::ListTagsRequest>) -> Reply<updater::ListTagsResponse> {
        match request.into_inner().image.as_str() {
            "NO" => Err(Status::invalid_argument("\"NO\" names no repository")),
            "ghcr.io/o/i" => {
                reply(updater::ListTagsResponse { tags: vec!["1".to_owned(), "2".to_owned()], truncated: false })
            }
            image => Err(Status::not_found(format!("{image} not found"))),
        }
    }
}

#[tonic::async_trait]
impl UpdateService for Fake {
    async fn plan_update(&self, _request: Request<updater::PlanUpdateRequest>) -> Reply<updater::PlanUpdateResponse> {
        reply(updater::PlanUpdateResponse {
            text: "1. pull".to_owned(),
            json: r#"{"steps":["pull"]}"#.to_owned(),
            hash: "0123".to_owned(),
            outlook_json: r#"{"dependents":[]}"#.to_owned(),
        })
    }

    type PlanUpdatesStream = Pin<Box<dyn Stream<Item = Result<updater::PlanUpdatesResponse, Status>> + Send>>;

    async fn plan_updates(&self, request: Request<updater::PlanUpdatesRequest>) -> Reply<Self::PlanUpdatesStream> {
        let request = request.into_inner();
        self.0.note(&request);
        let answer = async |container: String| {
            let answer = if container == "unknown" {
                updater::plan_updates_response::Answer::Error("no such container".to_owned())
            } else {
                let plan = self.plan_update(Request::new(updater::PlanUpdateRequest::default())).await?;
                updater::plan_updates_response::Answer::Plan(plan.into_inner())
            };
            Ok(updater::PlanUpdatesResponse { container, answer: Some(answer) })
        };
        let mut answers = Vec::new();
        for update in request.updates {
            answers.push(answer(update.container).await);
        }
        reply(Box::pin(futures::stream::iter(answers)) as Self::PlanUpdatesStream)
    }

    async fn start_update(&self, request: Request<updater::StartUpdateRequest>) -> Reply<updater::StartUpdateResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let takes = *self.0.update_takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        self.0.updates_done.fetch_add(1, Ordering::SeqCst);
        match request.container.as_str() {
            "panic" => Err(Status::internal("/state/updater/updater.db is corrupt")),
            "nothing" => Err(Status::failed_precondition(
                "cannot update container nothing: no target version specified and none is recommended",
            )),
            "unknown" => Err(Status::not_found("no such container")),
            _ => reply(updater::StartUpdateResponse {
                operation_id: "op-1".to_owned(),
                container_name: request.container,
                target_version: if request.target_version.is_empty() {
                    "1.26.3".into()
                } else {
                    request.target_version
                },
            }),
        }
    }

    async fn start_batch(&self, request: Request<updater::StartBatchRequest>) -> Reply<updater::StartBatchResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let containers: Vec<String> = request.items.iter().map(|item| item.container.clone()).collect();
        let started = BatchOperation {
            stack: "web".to_owned(),
            containers,
            operation_id: "op-2".to_owned(),
            error: String::new(),
        };
        let failed = BatchOperation {
            stack: String::new(),
            containers: vec!["broken".to_owned()],
            operation_id: String::new(),
            error: "container not found: broken".to_owned(),
        };
        reply(updater::StartBatchResponse { batch_group_id: "group-1".to_owned(), operations: vec![started, failed] })
    }

    async fn list_policies(&self, _: Request<updater::ListPoliciesRequest>) -> Reply<updater::ListPoliciesResponse> {
        reply(updater::ListPoliciesResponse {
            auto_rollback: true,
            stacks: [("media".to_owned(), false)].into(),
            containers: [("web".to_owned(), true)].into(),
        })
    }

    async fn start_rollback(
        &self,
        request: Request<updater::StartRollbackRequest>,
    ) -> Reply<updater::StartRollbackResponse> {
        match request.into_inner().operation_id.as_str() {
            "op-1" => reply(updater::StartRollbackResponse { operation_id: "op-3".to_owned() }),
            "refused" => Err(Status::failed_precondition(
                "pre-update check failed for dependent container(s): a, b (use force to skip)",
            )),
            _ => Err(Status::not_found("unknown")),
        }
    }
}

#[tonic::async_trait]
impl OperationService for Fake {
    async fn list_operations(
        &self,
        request: Request<updater::ListOperationsRequest>,
    ) -> Reply<updater::ListOperationsResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let operations = self.0.operations.lock().unwrap();
        let operations: Vec<_> = operations
            .iter()
            .filter(|one| request.batch_group_id.is_empty() || one.batch_group_id == request.batch_group_id)
            .collect();
        let start: usize = request.cursor.parse().unwrap_or_default();
        let page: Vec<_> =
            operations.iter().skip(start).take(request.limit as usize).map(|one| (*one).clone()).collect();
        let next = start + page.len();
        let next_cursor = if next < operations.len() { next.to_string() } else { String::new() };
        reply(updater::ListOperationsResponse { operations: page, next_cursor })
    }

    async fn get_operation(
        &self,
        request: Request<updater::GetOperationRequest>,
    ) -> Reply<updater::GetOperationResponse> {
        let id = request.into_inner().operation_id;
        let operations = self.0.operations.lock().unwrap();
        let found = operations.iter().find(|operation| operation.operation_id == id).cloned();
        match found {
            Some(operation) => reply(updater::GetOperationResponse { operation: Some(operation) }),
            None => Err(Status::not_found("unknown")),
        }
    }
}

#[tonic::async_trait]
impl EngineService for Fake {
    async fn get_engine(&self, _request: Request<docker::GetEngineRequest>) -> Reply<docker::GetEngineResponse> {
        reply(docker::GetEngineResponse { own_container_id: "abc".to_owned(), ..Default::default() })
    }
}

#[tonic::async_trait]
impl CredentialService for Fake {
    async fn get_registry_credential(
        &self,
        _request: Request<docker::GetRegistryCredentialRequest>,
    ) -> Reply<docker::GetRegistryCredentialResponse> {
        Err(Status::permission_denied("the gateway has no business here"))
    }

    async fn list_registries(
        &self,
        _request: Request<docker::ListRegistriesRequest>,
    ) -> Reply<docker::ListRegistriesResponse> {
        let registries = ["https://index.docker.io/v1/", "ghcr.io"].map(str::to_owned).into();
        reply(docker::ListRegistriesResponse { registries })
    }
}

#[tonic::async_trait]
impl PubsubService for Fake {
    async fn publish(&self, request: Request<pubservice::String>) -> Reply<pubservice::String> {
        let event = request.into_inner();
        self.0.published.lock().unwrap().push((event.topic.clone(), event.value.clone()));
        drop(self.0.bus.send(event));
        reply(pubservice::String::default())
    }

    type SubscribeTopicStream = Pin<Box<dyn Stream<Item = Result<pubservice::String, Status>> + Send>>;

    async fn subscribe_topic(&self, _request: Request<pubservice::String>) -> Reply<Self::SubscribeTopicStream> {
        let events = BroadcastStream::new(self.0.bus.subscribe())
            .map(|event| event.map_err(|error| Status::data_loss(error.to_string())));
        self.0.subscribed.fetch_add(1, Ordering::SeqCst);
        reply(events.boxed())
    }

    type SubscribeStream = Self::SubscribeTopicStream;

    async fn subscribe(&self, _request: Request<pubservice::String>) -> Reply<Self::SubscribeStream> {
        Err(Status::unimplemented("not needed"))
    }
}
