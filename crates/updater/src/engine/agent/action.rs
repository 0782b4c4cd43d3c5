//! What people do by hand, as requests to docker-agent.

use std::time::Duration;

use homeport_proto::docker::v1::{self as wire, container_service_client::ContainerServiceClient};
use homeport_service::rpc::Client;
use tonic::{Response, Status};

use super::{EngineError, convert, doing, within};
use crate::{config::Timeouts, operations::Action};

pub(super) async fn send(
    mut client: ContainerServiceClient<Client>,
    timeouts: Timeouts,
    container: &str,
    action: &Action,
) -> Result<(), EngineError> {
    let limit = timeouts.stop();
    let name = container.to_owned();
    let wait = |timeout: &Option<Duration>| timeout.and_then(|timeout| timeout.try_into().ok());
    let done: Result<(), Status> = match action {
        Action::Start => {
            ended(client.start_container(within(limit, wire::StartContainerRequest { container: name })).await)
        }
        Action::Stop { timeout } => {
            let request = wire::StopContainerRequest { container: name, timeout: wait(timeout) };
            ended(client.stop_container(within(limit, request)).await)
        }
        Action::Restart { timeout } => {
            let request = wire::RestartContainerRequest { container: name, timeout: wait(timeout) };
            ended(client.restart_container(within(limit, request)).await)
        }
        Action::Pause => {
            ended(client.pause_container(within(limit, wire::PauseContainerRequest { container: name })).await)
        }
        Action::Unpause => {
            ended(client.unpause_container(within(limit, wire::UnpauseContainerRequest { container: name })).await)
        }
        Action::Kill { signal } => {
            let request = wire::KillContainerRequest { container: name, signal: signal.clone() };
            ended(client.kill_container(within(limit, request)).await)
        }
        Action::Remove { force, volumes } => {
            let request = wire::RemoveContainerRequest { container: name, force: *force, volumes: *volumes };
            ended(client.remove_container(within(limit, request)).await)
        }
    };
    done.map_err(doing(format!("container {}", convert::short(container))))
}

fn ended<T>(answer: Result<Response<T>, Status>) -> Result<(), Status> {
    answer.map(drop)
}
