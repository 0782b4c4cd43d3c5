//! The inventory as docker-agent gives it.

use std::time::Duration;

use async_trait::async_trait;
use homeport_proto::docker::v1::{
    self as proto, ContainerState, HealthState, ListContainersRequest, ReadFileRequest,
    container_service_client::ContainerServiceClient, stack_file_service_client::StackFileServiceClient,
};
use homeport_service::rpc::{self, MAX_MESSAGE_BYTES};
use tonic::Code;

use crate::registry::Platform;

use super::{ComposePlace, Container, Inventory, InventoryError};

/// Inspecting some hundred containers on a slow disk takes its time.
const LIST_LIMIT: Duration = Duration::from_secs(30);

/// The inventory at the other end of a connection to docker-agent.
#[derive(Debug, Clone)]
pub struct AgentInventory {
    containers: ContainerServiceClient<rpc::Client>,
    files: StackFileServiceClient<rpc::Client>,
}

impl AgentInventory {
    /// Asks the docker-agent at the other end of a connection.
    pub fn new(agent: rpc::Client) -> Self {
        Self {
            containers: ContainerServiceClient::new(agent.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
            files: StackFileServiceClient::new(agent),
        }
    }
}

#[async_trait]
impl Inventory for AgentInventory {
    async fn containers(&self) -> Result<Vec<Container>, InventoryError> {
        let mut request = tonic::Request::new(ListContainersRequest { all: true, ..Default::default() });
        request.set_timeout(LIST_LIMIT);
        let answer = self.containers.clone().list_containers(request).await.map_err(InventoryError)?;
        Ok(answer.into_inner().containers.into_iter().map(Container::from).collect())
    }

    async fn read_file(&self, path: &str) -> Result<Option<String>, InventoryError> {
        let request = ReadFileRequest { path: path.to_owned() };
        match self.files.clone().read_file(request).await {
            Ok(answer) => Ok(String::from_utf8(answer.into_inner().content).ok()),
            Err(status) if matches!(status.code(), Code::NotFound | Code::PermissionDenied) => Ok(None),
            Err(status) => Err(InventoryError(status)),
        }
    }
}

impl From<proto::Container> for Container {
    fn from(from: proto::Container) -> Self {
        let running =
            matches!(from.state(), ContainerState::Running | ContainerState::Paused | ContainerState::Restarting);
        let health = match from.health() {
            HealthState::Unspecified => "none",
            HealthState::Starting => "starting",
            HealthState::Healthy => "healthy",
            HealthState::Unhealthy => "unhealthy",
        };
        let labels = from.labels.into_iter().collect();
        let compose = match from.swarm {
            Some(_) => ComposePlace::of_swarm(&labels, &from.name),
            None => ComposePlace::of_labels(&labels),
        };
        Self {
            compose,
            shares_with: [&from.network_mode, &from.pid_mode, &from.ipc_mode]
                .into_iter()
                .filter_map(|mode| mode.strip_prefix("container:").map(str::to_owned))
                .chain(from.links.values().cloned())
                .collect(),
            id: from.id,
            name: from.name,
            image: from.image,
            repo_digests: from.repo_digests,
            image_id: from.image_id,
            platform: Platform {
                os: from.image_os,
                architecture: from.image_architecture,
                variant: from.image_variant,
            },
            is_image_local: from.image_never_pulled,
            running,
            health,
            labels,
            image_labels: from.image_labels.into_iter().collect(),
        }
    }
}
