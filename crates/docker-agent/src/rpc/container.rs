//! `ContainerService`.

use std::collections::HashMap;

use homeport_proto::docker::v1::{
    self as wire, CompareContainersRequest, CompareContainersResponse, CreateReplacementRequest,
    CreateReplacementResponse, GetContainerRequest, GetContainerResponse, KillContainerRequest, KillContainerResponse,
    ListContainersRequest, ListContainersResponse, PauseContainerRequest, PauseContainerResponse, ProbePortsRequest,
    ProbePortsResponse, RemoveContainerRequest, RemoveContainerResponse, RenameContainerRequest,
    RenameContainerResponse, RestartContainerRequest, RestartContainerResponse, SetServiceImageRequest,
    SetServiceImageResponse, StartContainerRequest, StartContainerResponse, StopContainerRequest,
    StopContainerResponse, UnpauseContainerRequest, UnpauseContainerResponse,
    container_service_server::ContainerService,
};
use serde_json::Value;
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::{
    container::{Inspected, compare::compare, replace::Replacement},
    document::Document as _,
    error::EngineError,
    own,
    probe::probe,
    swarm::SERVICE_ID_LABEL,
};

#[tonic::async_trait]
impl ContainerService for Rpc {
    async fn list_containers(
        &self,
        request: Request<ListContainersRequest>,
    ) -> Result<Response<ListContainersResponse>, Status> {
        let request = request.into_inner();
        answer(self.list(request.all, &request.labels).await, |containers| ListContainersResponse { containers })
    }

    async fn get_container(
        &self,
        request: Request<GetContainerRequest>,
    ) -> Result<Response<GetContainerResponse>, Status> {
        let wanted = request.into_inner().container;
        let found = match self.0.containers.inspect(&wanted).await {
            Err(error) if error.is_not_found() => match self.0.swarm.find(&wanted).await {
                Ok(Some(service)) => Ok(convert::service(&service)),
                Ok(None) => Err(error),
                Err(other) => Err(other),
            },
            result => result.map(|inspected| convert::container(&inspected)),
        };
        answer(found, |container| GetContainerResponse { container: Some(container) })
    }

    async fn start_container(
        &self,
        request: Request<StartContainerRequest>,
    ) -> Result<Response<StartContainerResponse>, Status> {
        answer(self.0.containers.start(&request.into_inner().container).await, |()| StartContainerResponse {})
    }

    async fn set_service_image(
        &self,
        request: Request<SetServiceImageRequest>,
    ) -> Result<Response<SetServiceImageResponse>, Status> {
        let SetServiceImageRequest { service, image } = request.into_inner();
        answer(self.0.swarm.set_image(&service, &image).await, |()| SetServiceImageResponse {})
    }

    async fn stop_container(
        &self,
        request: Request<StopContainerRequest>,
    ) -> Result<Response<StopContainerResponse>, Status> {
        let request = request.into_inner();
        let stopped = self.0.containers.stop(&request.container, convert::timeout(request.timeout)).await;
        answer(stopped, |()| StopContainerResponse {})
    }

    async fn restart_container(
        &self,
        request: Request<RestartContainerRequest>,
    ) -> Result<Response<RestartContainerResponse>, Status> {
        let request = request.into_inner();
        let restarted = self.0.containers.restart(&request.container, convert::timeout(request.timeout)).await;
        answer(restarted, |()| RestartContainerResponse {})
    }

    async fn kill_container(
        &self,
        request: Request<KillContainerRequest>,
    ) -> Result<Response<KillContainerResponse>, Status> {
        let request = request.into_inner();
        let signal = if request.signal.is_empty() { "SIGKILL" } else { &request.signal };
        answer(self.0.containers.kill(&request.container, signal).await, |()| KillContainerResponse {})
    }

    async fn pause_container(
        &self,
        request: Request<PauseContainerRequest>,
    ) -> Result<Response<PauseContainerResponse>, Status> {
        answer(self.0.containers.pause(&request.into_inner().container).await, |()| PauseContainerResponse {})
    }

    async fn unpause_container(
        &self,
        request: Request<UnpauseContainerRequest>,
    ) -> Result<Response<UnpauseContainerResponse>, Status> {
        answer(self.0.containers.unpause(&request.into_inner().container).await, |()| UnpauseContainerResponse {})
    }

    async fn remove_container(
        &self,
        request: Request<RemoveContainerRequest>,
    ) -> Result<Response<RemoveContainerResponse>, Status> {
        let request = request.into_inner();
        let removed = async {
            let document = match self.0.containers.document(&request.container).await {
                Ok(document) => document,
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
            };
            // Volumes that the engine made for a container that never ran hold nothing, and nobody would find them again.
            let never_ran = document.text("State.Status") == "created";
            self.0.containers.remove(document.text("Id"), request.force, never_ran || request.volumes).await
        };
        answer(removed.await, |()| RemoveContainerResponse {})
    }

    async fn rename_container(
        &self,
        request: Request<RenameContainerRequest>,
    ) -> Result<Response<RenameContainerResponse>, Status> {
        let request = request.into_inner();
        let renamed = self.0.containers.rename(&request.container, &request.name).await;
        answer(renamed, |()| RenameContainerResponse {})
    }

    async fn create_replacement(
        &self,
        request: Request<CreateReplacementRequest>,
    ) -> Result<Response<CreateReplacementResponse>, Status> {
        let request = request.into_inner();
        let made = async {
            let replacement = Replacement {
                old: document(&request.inspect_json)?,
                image: request.image,
                name: request.name,
                operation: request.operation_id,
            };
            replacement.make(&self.0.engine, &self.0.containers).await
        };
        answer(made.await, |made| CreateReplacementResponse {
            container_id: made.id,
            differences: made.differences.into_iter().map(convert::difference).collect(),
        })
    }

    async fn compare_containers(
        &self,
        request: Request<CompareContainersRequest>,
    ) -> Result<Response<CompareContainersResponse>, Status> {
        let request = request.into_inner();
        let compared = async {
            let before = self.described(&request.before_inspect_json).await?;
            let after = self.described(&request.after_inspect_json).await?;
            Ok(compare(&before, &after))
        };
        answer(compared.await, |differences| CompareContainersResponse {
            differences: differences.into_iter().map(convert::difference).collect(),
        })
    }

    async fn probe_ports(&self, request: Request<ProbePortsRequest>) -> Result<Response<ProbePortsResponse>, Status> {
        let request = request.into_inner();
        let probed = async {
            let ports = request.ports.into_iter().map(convert::wanted_port).collect::<Result<_, _>>()?;
            let limit = convert::duration(request.time_limit);
            probe(&self.0.containers, &self.0.workshop, &request.container, ports, limit).await
        };
        answer(probed.await, |ports| ProbePortsResponse {
            ports: ports.into_iter().map(convert::probed_port).collect(),
        })
    }
}

impl Rpc {
    pub(super) async fn described(&self, json: &str) -> Result<Inspected, EngineError> {
        let container = document(json)?;
        let image = self.0.images.of(container.text("Image")).await?;
        Ok(Inspected { container, image })
    }
}

fn document(json: &str) -> Result<Value, EngineError> {
    match serde_json::from_str::<Value>(json) {
        Ok(document) if !document.text("Id").is_empty() => Ok(document),
        _ => Err(EngineError::Argument("the inspect document is none".to_owned())),
    }
}

impl Rpc {
    async fn list(&self, all: bool, labels: &HashMap<String, String>) -> Result<Vec<wire::Container>, EngineError> {
        // Helpers come and go with the jobs that they do.
        let mut list = self.0.containers.list(all, labels).await?;
        list.retain(|one| !own::is_helper(&one.container));
        let services = self.0.swarm.list().await?;
        if services.is_empty() {
            return Ok(list.iter().map(convert::container).collect());
        }
        let ids: Vec<&str> = services.iter().map(|service| service.document.text("ID")).collect();
        let is_task = |one: &&Inspected| {
            let service = one.container.at("Config.Labels").get(SERVICE_ID_LABEL).and_then(Value::as_str);
            service.is_some_and(|service| ids.contains(&service))
        };
        let mut containers: Vec<wire::Container> =
            list.iter().filter(|one| !is_task(one)).map(convert::container).collect();
        let matches = |one: &wire::Container| {
            labels
                .iter()
                .all(|(name, value)| one.labels.get(name).is_some_and(|found| value.is_empty() || found == value))
        };
        containers.extend(services.iter().map(convert::service).filter(matches));
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }
}
