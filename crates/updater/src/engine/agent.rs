//! The engine behind docker-agent.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use homeport_proto::docker::v1::{
    self as wire, compose_service_client::ComposeServiceClient, container_service_client::ContainerServiceClient,
    engine_service_client::EngineServiceClient, image_service_client::ImageServiceClient,
    rehearsal_service_client::RehearsalServiceClient, self_update_service_client::SelfUpdateServiceClient,
    snapshot_service_client::SnapshotServiceClient, stack_file_service_client::StackFileServiceClient,
    update_lock_service_client::UpdateLockServiceClient,
};
use homeport_service::rpc::{Client, MAX_MESSAGE_BYTES, connect};
use tonic::{Request, Status};

mod action;

use super::{
    Container, Difference, Engine, EngineError, EngineErrorKind, Image, Measure, OnProgress, Port, Project, Pull,
    Resolved, SelfUpdateState, Source, TakenLocks, Unlike, Up, WantedPort, convert,
};
use crate::{config::Timeouts, operations::Action};

/// For everything that only asks. A list of hundreds of containers takes docker-agent a second or two.
const ASK: Duration = Duration::from_secs(30);

/// To look at every file of the data: millions on a slow disk.
const MEASURE: Duration = Duration::from_secs(600);

/// Added to the time limit of a port probe, so that docker-agent's own limit is the one that ends it.
const PROBE_MARGIN: Duration = Duration::from_secs(15);

/// The engine behind docker-agent.
#[derive(Debug, Clone)]
pub struct AgentEngine {
    engine: EngineServiceClient<Client>,
    containers: ContainerServiceClient<Client>,
    images: ImageServiceClient<Client>,
    compose: ComposeServiceClient<Client>,
    files: StackFileServiceClient<Client>,
    snapshots: SnapshotServiceClient<Client>,
    locks: UpdateLockServiceClient<Client>,
    rehearsals: RehearsalServiceClient<Client>,
    self_updates: SelfUpdateServiceClient<Client>,
    timeouts: Timeouts,
}

impl AgentEngine {
    /// The engine behind the docker-agent on this socket.
    pub fn new(socket: &Path, timeouts: Timeouts) -> Self {
        let client = connect(socket);
        Self {
            engine: EngineServiceClient::new(client.clone()),
            containers: ContainerServiceClient::new(client.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            images: ImageServiceClient::new(client.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            compose: ComposeServiceClient::new(client.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            files: StackFileServiceClient::new(client.clone()),
            snapshots: SnapshotServiceClient::new(client.clone()),
            locks: UpdateLockServiceClient::new(client.clone()),
            rehearsals: RehearsalServiceClient::new(client.clone()),
            self_updates: SelfUpdateServiceClient::new(client)
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES),
            timeouts,
        }
    }
}

fn within<T>(limit: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// Names what was being done when a call failed.
fn doing(action: impl Into<String>) -> impl FnOnce(Status) -> EngineError {
    let action = action.into();
    move |status| convert::error(action, &status)
}

/// What is not there is no error.
fn or_none<T>(result: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == EngineErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Engine for AgentEngine {
    async fn own_container(&self) -> Result<Option<String>, EngineError> {
        let answer = self
            .engine
            .clone()
            .get_engine(within(ASK, wire::GetEngineRequest {}))
            .await
            .map_err(doing("asking for the engine"))?;
        Ok(Some(answer.into_inner().own_container_id).filter(|id| !id.is_empty()))
    }

    async fn containers(&self, labels: &[(&str, &str)]) -> Result<Vec<Container>, EngineError> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = wire::ListContainersRequest { all: true, labels };
        let answer =
            self.containers.clone().list_containers(within(ASK, request)).await.map_err(doing("listing containers"))?;
        Ok(answer.into_inner().containers.into_iter().map(convert::container).collect())
    }

    async fn container(&self, container: &str) -> Result<Option<Container>, EngineError> {
        let action = format!("looking at container {}", convert::short(container));
        let request = wire::GetContainerRequest { container: container.to_owned() };
        let answer =
            or_none(self.containers.clone().get_container(within(ASK, request)).await.map_err(doing(&*action)))?;
        let Some(answer) = answer else { return Ok(None) };
        let found = answer.into_inner().container.ok_or_else(|| convert::malformed(&action, "the container"))?;
        Ok(Some(convert::container(found)))
    }

    async fn act(&self, container: &str, action: &Action) -> Result<(), EngineError> {
        action::send(self.containers.clone(), self.timeouts, container, action).await
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        let request = wire::StartContainerRequest { container: container.to_owned() };
        self.containers
            .clone()
            .start_container(within(self.timeouts.stop(), request))
            .await
            .map_err(doing(format!("starting container {}", convert::short(container))))?;
        Ok(())
    }

    async fn stop(&self, container: &str) -> Result<(), EngineError> {
        let request = wire::StopContainerRequest { container: container.to_owned(), timeout: None };
        self.containers
            .clone()
            .stop_container(within(self.timeouts.stop(), request))
            .await
            .map_err(doing(format!("stopping container {}", convert::short(container))))?;
        Ok(())
    }

    async fn remove(&self, container: &str) -> Result<(), EngineError> {
        let request = wire::RemoveContainerRequest { container: container.to_owned(), force: true, volumes: false };
        self.containers
            .clone()
            .remove_container(within(self.timeouts.stop(), request))
            .await
            .map_err(doing(format!("removing container {}", convert::short(container))))?;
        Ok(())
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        let request = wire::RenameContainerRequest { container: container.to_owned(), name: name.to_owned() };
        self.containers
            .clone()
            .rename_container(within(ASK, request))
            .await
            .map_err(doing(format!("renaming container {} to {name}", convert::short(container))))?;
        Ok(())
    }

    async fn create_replacement(
        &self,
        inspect_json: &str,
        image: &str,
        name: &str,
        operation: &str,
    ) -> Result<(String, Vec<Difference>), EngineError> {
        let request = wire::CreateReplacementRequest {
            inspect_json: inspect_json.to_owned(),
            image: image.to_owned(),
            name: name.to_owned(),
            operation_id: operation.to_owned(),
        };
        let answer = self
            .containers
            .clone()
            .create_replacement(within(self.timeouts.up(), request))
            .await
            .map_err(doing(format!("creating container {name} from {image}")))?
            .into_inner();
        Ok((answer.container_id, answer.differences.into_iter().map(convert::difference).collect()))
    }

    async fn compare(&self, before: &str, after: &str) -> Result<Vec<Difference>, EngineError> {
        let request = wire::CompareContainersRequest {
            before_inspect_json: before.to_owned(),
            after_inspect_json: after.to_owned(),
        };
        let answer = self
            .containers
            .clone()
            .compare_containers(within(ASK, request))
            .await
            .map_err(doing("comparing the new container with the old one"))?;
        Ok(answer.into_inner().differences.into_iter().map(convert::difference).collect())
    }

    async fn probe_ports(
        &self,
        container: &str,
        ports: &[WantedPort],
        limit: Duration,
    ) -> Result<Vec<Port>, EngineError> {
        let wanted = |port: &WantedPort| wire::probe_ports_request::WantedPort {
            container_port: u32::from(port.port),
            wanted: convert::wanted(port.answer).into(),
            http_path: port.path.clone().unwrap_or_default(),
        };
        let request = wire::ProbePortsRequest {
            container: container.to_owned(),
            ports: ports.iter().map(wanted).collect(),
            time_limit: prost_types::Duration::try_from(limit).ok(),
        };
        let answer = self
            .containers
            .clone()
            .probe_ports(within(limit + PROBE_MARGIN, request))
            .await
            .map_err(doing(format!("trying the ports of container {}", convert::short(container))))?;
        Ok(answer.into_inner().ports.into_iter().filter_map(convert::port).collect())
    }

    async fn set_service_image(&self, service: &str, image: &str) -> Result<(), EngineError> {
        let request = wire::SetServiceImageRequest { service: service.to_owned(), image: image.to_owned() };
        let answer = self.containers.clone().set_service_image(within(ASK, request)).await;
        answer.map_err(doing(format!("updating service {} to {image}", convert::short(service))))?;
        Ok(())
    }

    async fn image(&self, image: &str) -> Result<Option<Image>, EngineError> {
        let action = format!("looking at image {image}");
        let request = wire::GetImageRequest { image: image.to_owned() };
        let answer = or_none(self.images.clone().get_image(within(ASK, request)).await.map_err(doing(&*action)))?;
        let Some(answer) = answer else { return Ok(None) };
        let found = answer.into_inner().image.ok_or_else(|| convert::malformed(&action, "the image"))?;
        Ok(Some(convert::image(found)))
    }

    async fn pull(&self, pull: &Pull, on_progress: OnProgress<'_>) -> Result<Image, EngineError> {
        let action = format!("pulling {}@{}", pull.repository, pull.digest);
        let request = wire::PullImageRequest {
            repository: pull.repository.clone(),
            digest: pull.digest.clone(),
            tag: String::new(),
            keep_tag: true,
        };
        let mut messages = self
            .images
            .clone()
            .pull_image(within(self.timeouts.pull(), request))
            .await
            .map_err(doing(&*action))?
            .into_inner();
        let mut found = None;
        while let Some(message) = messages.message().await.map_err(doing(&*action))? {
            on_progress(message.percent, &message.message);
            found = message.image.or(found);
        }
        Ok(convert::image(found.ok_or_else(|| convert::malformed(&action, "the image"))?))
    }

    async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        let request =
            wire::TagImageRequest { image: image.to_owned(), repository: repository.to_owned(), tag: tag.to_owned() };
        self.images
            .clone()
            .tag_image(within(ASK, request))
            .await
            .map_err(doing(format!("tagging image {image} as {repository}:{tag}")))?;
        Ok(())
    }

    async fn untag(&self, reference: &str) -> Result<(), EngineError> {
        let request = wire::UntagImageRequest { reference: reference.to_owned() };
        self.images
            .clone()
            .untag_image(within(ASK, request))
            .await
            .map_err(doing(format!("taking away the tag {reference}")))?;
        Ok(())
    }

    async fn resolve(&self, project: &Project) -> Result<Resolved, EngineError> {
        let action = format!("reading compose project {}", project.name);
        let request = wire::GetProjectRequest { project: Some(convert::project(project)) };
        let answer = self.compose.clone().get_project(within(ASK, request)).await.map_err(doing(&*action))?;
        convert::resolved(answer.into_inner()).map_err(|_| convert::malformed(&action, "a readable configuration"))
    }

    async fn up_service(&self, project: &Project, service: &str, up: Up<'_>) -> Result<Unlike, EngineError> {
        let request = wire::UpServiceRequest {
            project: Some(convert::project(project)),
            service: service.to_owned(),
            no_start: !up.start,
            force_recreate: up.recreate,
            guards: up.guards.iter().map(convert::guard).collect(),
            accept_differences: up.accepts,
        };
        let answer = self
            .compose
            .clone()
            .up_service(within(self.timeouts.up(), request))
            .await
            .map_err(doing(format!("docker compose up of {service} in project {}", project.name)))?;
        let wire::UpServiceResponse { differences, accepted, .. } = answer.into_inner();
        let all = |found: Vec<wire::Difference>| found.into_iter().map(convert::difference).collect();
        Ok(Unlike { refused: all(differences), accepted: all(accepted) })
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let request = wire::ReadFileRequest { path: path.to_owned() };
        let answer = self.files.clone().read_file(within(ASK, request)).await;
        Ok(or_none(answer.map_err(doing(format!("reading {path}"))))?.map(|answer| answer.into_inner().content))
    }

    async fn write_file(&self, path: &str, content: &[u8], expected: &[u8]) -> Result<(), EngineError> {
        let request = wire::WriteFileRequest {
            path: path.to_owned(),
            content: content.to_vec(),
            expected_content: expected.to_vec(),
        };
        self.files.clone().write_file(within(ASK, request)).await.map_err(doing(format!("writing {path}")))?;
        Ok(())
    }

    async fn take_snapshot(&self, id: &str, sources: &[Source], labels: &[(&str, &str)]) -> Result<(), EngineError> {
        let request = wire::TakeSnapshotRequest {
            snapshot_id: id.to_owned(),
            sources: sources.iter().map(convert::source).collect(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        self.snapshots
            .clone()
            .take_snapshot(within(self.timeouts.snapshot(), request))
            .await
            .map_err(doing("copying the data"))?;
        Ok(())
    }

    async fn restore_snapshot(&self, id: &str) -> Result<(), EngineError> {
        let request = wire::RestoreSnapshotRequest { snapshot_id: id.to_owned() };
        self.snapshots
            .clone()
            .restore_snapshot(within(self.timeouts.snapshot(), request))
            .await
            .map_err(doing("bringing the data back"))?;
        Ok(())
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), EngineError> {
        let request = wire::DeleteSnapshotRequest { snapshot_id: id.to_owned() };
        self.snapshots
            .clone()
            .delete_snapshot(within(self.timeouts.stop(), request))
            .await
            .map_err(doing("deleting the copy of the data"))?;
        Ok(())
    }

    async fn measure(&self, sources: &[Source]) -> Result<Measure, EngineError> {
        let request = wire::MeasureSourcesRequest { sources: sources.iter().map(convert::source).collect() };
        let answer = self.snapshots.clone().measure_sources(within(MEASURE, request)).await;
        Ok(convert::measure(&answer.map_err(doing("measuring the data"))?.into_inner()))
    }

    async fn fork_snapshot(&self, id: &str, fork: &str) -> Result<Vec<String>, EngineError> {
        let request = wire::ForkSnapshotRequest { snapshot_id: id.to_owned(), fork_id: fork.to_owned() };
        let answer = self.rehearsals.clone().fork_snapshot(within(self.timeouts.snapshot(), request)).await;
        Ok(answer.map_err(doing("copying the copy of the data for the rehearsal"))?.into_inner().volumes)
    }

    async fn discard_fork(&self, fork: &str) -> Result<(), EngineError> {
        let request = wire::DiscardForkRequest { fork_id: fork.to_owned() };
        let answer = self.rehearsals.clone().discard_fork(within(self.timeouts.stop(), request)).await;
        answer.map_err(doing("removing what the rehearsal made"))?;
        Ok(())
    }

    async fn take_locks(&self, directories: &[Source], force: bool) -> Result<TakenLocks, EngineError> {
        let directories = directories.iter().map(convert::source).collect();
        let request = wire::TakeUpdateLocksRequest { directories, force };
        let answer = self.locks.clone().take_update_locks(within(self.timeouts.stop(), request)).await;
        Ok(convert::taken_locks(answer.map_err(doing("taking the update locks"))?.into_inner()))
    }

    async fn release_locks(&self, directories: &[Source]) -> Result<(), EngineError> {
        let directories = directories.iter().map(convert::source).collect();
        let request = wire::ReleaseUpdateLocksRequest { directories };
        let answer = self.locks.clone().release_update_locks(within(self.timeouts.stop(), request)).await;
        answer.map_err(doing("giving back the update locks"))?;
        Ok(())
    }

    async fn start_self_update(&self, id: &str, job_json: &str) -> Result<(), EngineError> {
        let request = wire::StartSelfUpdateRequest { id: id.to_owned(), job_json: job_json.as_bytes().to_vec() };
        let answer = self.self_updates.clone().start_self_update(within(self.timeouts.stop(), request)).await;
        answer.map_err(doing("starting the container that updates Homeport"))?;
        Ok(())
    }

    async fn self_update(&self, id: &str) -> Result<SelfUpdateState, EngineError> {
        let action = "asking how far Homeport's own update is";
        let request = wire::GetSelfUpdateRequest { id: id.to_owned() };
        let answer = self.self_updates.clone().get_self_update(within(ASK, request)).await.map_err(doing(action))?;
        convert::self_update(&answer.into_inner()).ok_or_else(|| convert::malformed(action, "how far it is"))
    }

    async fn forget_self_update(&self, id: &str) -> Result<(), EngineError> {
        let request = wire::ForgetSelfUpdateRequest { id: id.to_owned() };
        let answer = self.self_updates.clone().forget_self_update(within(self.timeouts.stop(), request)).await;
        answer.map_err(doing("removing the container that updated Homeport"))?;
        Ok(())
    }

    async fn restart_own(&self) -> Result<Vec<String>, EngineError> {
        let answer = self.self_updates.clone().restart_own(within(ASK, wire::RestartOwnRequest {})).await;
        Ok(answer.map_err(doing("restarting Homeport"))?.into_inner().containers)
    }

    async fn snapshots(&self) -> Result<Vec<String>, EngineError> {
        let answer = self
            .snapshots
            .clone()
            .list_snapshots(within(ASK, wire::ListSnapshotsRequest {}))
            .await
            .map_err(doing("listing the copies of data"))?;
        Ok(answer.into_inner().snapshots.into_iter().map(|snapshot| snapshot.id).collect())
    }
}
