//! docker-agent's containers, lists and figures, and the updater's work by hand, reduced to what a test must see.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use homeport_proto::{
    docker::v1::{
        self as docker, container_service_server::ContainerService, observe_service_server::ObserveService,
        upkeep_service_server::UpkeepService,
    },
    updater::v1::{
        self as updater, action::Kind, container_action_service_server::ContainerActionService,
        history_service_server::HistoryService, script_service_server::ScriptService,
        setting_service_server::SettingService,
    },
};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{Fake, Reply, reply};

/// The inspect document of `web`.
fn inspect() -> String {
    json!({
        "Id": "web-id", "Name": "/web", "Created": "2026-01-01T00:00:00Z",
        "State": { "Status": "running", "Running": true, "Pid": 7, "Health": { "Status": "healthy" } },
        "Config": {
            "Image": "nginx:1", "Hostname": "h", "Env": ["TZ=UTC", "DB_PASSWORD=hunter2"], "Cmd": null,
            "ExposedPorts": { "80/tcp": {} }, "Labels": { "a": "b" },
        },
        "NetworkSettings": {
            "Ports": { "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8080" }], "443/tcp": null },
            "Networks": { "front": { "IPAddress": "10.0.0.2", "Aliases": null, "NetworkID": "n" } },
        },
        "Mounts": [{ "Type": "volume", "Name": "data", "Source": "/var/lib/x", "Destination": "/d", "RW": true }],
        "HostConfig": { "NetworkMode": "front", "RestartPolicy": { "Name": "always" }, "Memory": 1024 },
    })
    .to_string()
}

fn missing() -> Status {
    Status::not_found("No such container")
}

fn known(name: &str) -> Result<(), Status> {
    if matches!(name, "web" | "silent") { Ok(()) } else { Err(missing()) }
}

macro_rules! not_here {
    ($($method:ident: $request:ident => $response:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl ContainerService for Fake {
            async fn get_container(
                &self,
                request: Request<docker::GetContainerRequest>,
            ) -> Reply<docker::GetContainerResponse> {
                known(&request.into_inner().container)?;
                let labels = [("docksmith.ignore".to_owned(), "true".to_owned())].into();
                let container =
                    docker::Container { name: "web".to_owned(), labels, inspect_json: inspect(), ..Default::default() };
                reply(docker::GetContainerResponse { container: Some(container) })
            }

            $(async fn $method(&self, _: Request<docker::$request>) -> Reply<docker::$response> {
                Err(Status::permission_denied("the gateway has no business here"))
            })+
        }
    };
}

not_here! {
    list_containers: ListContainersRequest => ListContainersResponse,
    set_service_image: SetServiceImageRequest => SetServiceImageResponse,
    start_container: StartContainerRequest => StartContainerResponse,
    stop_container: StopContainerRequest => StopContainerResponse,
    restart_container: RestartContainerRequest => RestartContainerResponse,
    kill_container: KillContainerRequest => KillContainerResponse,
    pause_container: PauseContainerRequest => PauseContainerResponse,
    unpause_container: UnpauseContainerRequest => UnpauseContainerResponse,
    remove_container: RemoveContainerRequest => RemoveContainerResponse,
    rename_container: RenameContainerRequest => RenameContainerResponse,
    create_replacement: CreateReplacementRequest => CreateReplacementResponse,
    compare_containers: CompareContainersRequest => CompareContainersResponse,
    probe_ports: ProbePortsRequest => ProbePortsResponse,
}

#[tonic::async_trait]
impl ObserveService for Fake {
    async fn get_inventory(&self, _: Request<docker::GetInventoryRequest>) -> Reply<docker::GetInventoryResponse> {
        self.0.note("inventory");
        let at = Some(prost_types::Timestamp { seconds: 1_784_800_000, nanos: 0 });
        let container = |name: &str, stack: &str| docker::InventoryContainer {
            id: format!("{name}-id"),
            name: name.to_owned(),
            image: "nginx:1".to_owned(),
            state: docker::ContainerState::Exited.into(),
            created_at: at,
            labels: [("com.docker.compose.project".to_owned(), stack.to_owned())].into(),
            networks: vec!["front".to_owned()],
            ..Default::default()
        };
        reply(docker::GetInventoryResponse {
            containers: vec![container("db", ""), container("web", "site")],
            images: vec![docker::InventoryImage { id: "sha256:a".to_owned(), dangling: true, ..Default::default() }],
            networks: vec![docker::InventoryNetwork {
                name: "bridge".to_owned(),
                is_default: true,
                ..Default::default()
            }],
            volumes: vec![
                docker::InventoryVolume {
                    name: "data".to_owned(),
                    size_bytes: Some(5),
                    created_at: at,
                    ..Default::default()
                },
                docker::InventoryVolume { name: "new".to_owned(), ..Default::default() },
            ],
        })
    }

    async fn get_stats(&self, request: Request<docker::GetStatsRequest>) -> Reply<docker::GetStatsResponse> {
        known(&request.into_inner().container)?;
        let raw_json = json!({ "read": "2026-01-01T00:00:00Z", "cpu_stats": { "online_cpus": 2 } }).to_string();
        reply(docker::GetStatsResponse { raw_json, cpu_percent: 12.5, memory_usage_bytes: 7, ..Default::default() })
    }

    async fn read_own_logs(&self, _: Request<docker::ReadOwnLogsRequest>) -> Reply<docker::ReadOwnLogsResponse> {
        let line = docker::LogLine {
            at: Some(prost_types::Timestamp { seconds: 1_784_800_000, nanos: 7_999 }),
            container_id: "0123456789abcdef".to_owned(),
            container_name: "homeport-auth-1".to_owned(),
            image: "homeport/homeport:local".to_owned(),
            is_error: true,
            text: "sign in as admin".to_owned(),
        };
        reply(docker::ReadOwnLogsResponse { lines: vec![line] })
    }

    type ReadLogsStream = Pin<Box<dyn Stream<Item = Result<docker::ReadLogsResponse, Status>> + Send>>;

    async fn read_logs(&self, request: Request<docker::ReadLogsRequest>) -> Reply<Self::ReadLogsStream> {
        let request = request.into_inner();
        self.0.note(&request);
        known(&request.container)?;
        let chunk = |text: &str| Ok(docker::ReadLogsResponse { chunk: text.as_bytes().to_vec() });
        let lines = stream::iter([chunk("one\ntw"), chunk("o\n")]);
        if request.follow { reply(lines.chain(stream::pending()).boxed()) } else { reply(lines.boxed()) }
    }
}

#[tonic::async_trait]
impl UpkeepService for Fake {
    async fn remove_image(&self, request: Request<docker::RemoveImageRequest>) -> Reply<docker::RemoveImageResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        match request.image.as_str() {
            "used" => Err(Status::failed_precondition("conflict: image is being used by running container")),
            "gone" => Err(Status::not_found("No such image")),
            "kept" => Err(Status::permission_denied("image kept is kept by Homeport")),
            _ => {
                let change = |untagged: &str, deleted: &str| docker::RemovedImage {
                    untagged: untagged.to_owned(),
                    deleted: deleted.to_owned(),
                };
                reply(docker::RemoveImageResponse { removed: vec![change("a:1", ""), change("", "sha256:a")] })
            }
        }
    }

    async fn remove_network(
        &self,
        request: Request<docker::RemoveNetworkRequest>,
    ) -> Reply<docker::RemoveNetworkResponse> {
        self.0.note(request.into_inner());
        reply(docker::RemoveNetworkResponse {})
    }

    async fn remove_volume(
        &self,
        request: Request<docker::RemoveVolumeRequest>,
    ) -> Reply<docker::RemoveVolumeResponse> {
        self.0.note(request.into_inner());
        reply(docker::RemoveVolumeResponse {})
    }

    async fn prune(&self, _: Request<docker::PruneRequest>) -> Reply<docker::PruneResponse> {
        Err(Status::permission_denied("the updater is asked first"))
    }
}

#[tonic::async_trait]
impl ContainerActionService for Fake {
    async fn act(&self, request: Request<updater::ActRequest>) -> Reply<updater::ActResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let kind = request.action.and_then(|action| action.kind).unwrap();
        let error = match (request.container.as_str(), kind) {
            ("busy", _) => return Err(Status::aborted("busy or its stack is being worked on")),
            ("own", _) => return Err(Status::failed_precondition("own is one of Homeport's own")),
            ("web", Kind::Remove(updater::action::Remove { force: false, .. })) => {
                return Err(Status::failed_precondition("container is running, use force=true to remove"));
            }
            ("port", _) => "port is already allocated",
            ("locked", Kind::Stop(_)) if !request.force => {
                return reply(updater::ActResponse {
                    error: "Lockfile exists: the update lock of locked is held".to_owned(),
                    locked: true,
                    ..updater::ActResponse::default()
                });
            }
            ("locked" | "web", _) => "",
            _ => return Err(Status::not_found("no such container")),
        };
        let (operation_id, error) = ("op-7".to_owned(), error.to_owned());
        reply(updater::ActResponse { operation_id, container_name: request.container, error, locked: false })
    }

    async fn act_on_many(&self, request: Request<updater::ActOnManyRequest>) -> Reply<updater::ActOnManyResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        let result = |name: &String| {
            let (id, error) = if name == "web" { ("op-7", "") } else { ("", "container not found") };
            updater::act_on_many_response::Result {
                container: name.clone(),
                operation_id: id.to_owned(),
                error: error.to_owned(),
            }
        };
        let results = request.containers.iter().map(result).collect();
        reply(updater::ActOnManyResponse { batch_group_id: "group-2".to_owned(), results })
    }

    async fn prune(&self, request: Request<updater::PruneRequest>) -> Reply<updater::PruneResponse> {
        let what = request.into_inner().what.unwrap_or_default();
        self.0.note(&what);
        let resources = what.kinds().map(|kind| docker::PrunedResource {
            kind: kind.into(),
            id: format!("{kind:?}-id"),
            name: format!("{kind:?}"),
            size_bytes: 10,
        });
        let went = docker::PruneResponse { resources: resources.collect(), space_reclaimed_bytes: 42 };
        reply(updater::PruneResponse { went: Some(went) })
    }
}

#[tonic::async_trait]
impl HistoryService for Fake {
    async fn list_history(&self, request: Request<updater::ListHistoryRequest>) -> Reply<updater::ListHistoryResponse> {
        self.0.note(request.into_inner());
        let at = Some(prost_types::Timestamp { seconds: 1_784_800_000, nanos: 5_000_000 });
        let entry = |kind: updater::HistoryKind, status: &str| updater::HistoryEntry {
            at,
            kind: kind.into(),
            container_name: "web".to_owned(),
            status: status.to_owned(),
            old_version: "1".to_owned(),
            new_version: "2".to_owned(),
            ..Default::default()
        };
        let entries =
            vec![entry(updater::HistoryKind::Update, "success"), entry(updater::HistoryKind::Check, "up_to_date")];
        reply(updater::ListHistoryResponse { entries })
    }

    async fn clear_history(
        &self,
        request: Request<updater::ClearHistoryRequest>,
    ) -> Reply<updater::ClearHistoryResponse> {
        self.0.note(request.into_inner());
        reply(updater::ClearHistoryResponse { deleted: 3 })
    }

    async fn list_ways_back(&self, _: Request<updater::ListWaysBackRequest>) -> Reply<updater::ListWaysBackResponse> {
        let way = updater::list_ways_back_response::WayBack {
            container_name: "web".to_owned(),
            operation_id: "op-1".to_owned(),
            old_version: "1".to_owned(),
        };
        reply(updater::ListWaysBackResponse { ways: vec![way] })
    }
}

#[tonic::async_trait]
impl SettingService for Fake {
    async fn get_setting(&self, request: Request<updater::GetSettingRequest>) -> Reply<updater::GetSettingResponse> {
        let key = request.into_inner().key;
        if key != "history_retention_days" {
            return Err(Status::not_found(format!("unknown setting key: {key}")));
        }
        reply(updater::GetSettingResponse { value: "30".to_owned() })
    }

    async fn set_setting(&self, request: Request<updater::SetSettingRequest>) -> Reply<updater::SetSettingResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        match request.value.as_str() {
            "x" => Err(Status::invalid_argument("it takes a whole number of days")),
            _ => Ok(Response::new(updater::SetSettingResponse {})),
        }
    }
}

#[tonic::async_trait]
impl ScriptService for Fake {
    async fn list_scripts(&self, _: Request<updater::ListScriptsRequest>) -> Reply<updater::ListScriptsResponse> {
        let script = updater::Script {
            name: "ask.sh".to_owned(),
            path: "/scripts/web/ask.sh".to_owned(),
            relative_path: "web/ask.sh".to_owned(),
            executable: true,
            size_bytes: 7,
            modified_at: None,
        };
        reply(updater::ListScriptsResponse { scripts: vec![script] })
    }

    async fn list_script_assignments(
        &self,
        _: Request<updater::ListScriptAssignmentsRequest>,
    ) -> Reply<updater::ListScriptAssignmentsResponse> {
        let assignment = updater::ScriptAssignment {
            container_name: "web".to_owned(),
            script_path: "web/ask.sh".to_owned(),
            assigned_by: "ada".to_owned(),
            ..updater::ScriptAssignment::default()
        };
        reply(updater::ListScriptAssignmentsResponse { assignments: vec![assignment] })
    }

    async fn assign_script(
        &self,
        request: Request<updater::AssignScriptRequest>,
    ) -> Reply<updater::AssignScriptResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        match request.script_path.as_str() {
            "gone.sh" => Err(Status::invalid_argument("script validation failed: there is no gone.sh")),
            _ => Ok(Response::new(updater::AssignScriptResponse::default())),
        }
    }

    async fn unassign_script(
        &self,
        request: Request<updater::UnassignScriptRequest>,
    ) -> Reply<updater::UnassignScriptResponse> {
        let request = request.into_inner();
        self.0.note(&request);
        match request.container.as_str() {
            "web" => Ok(Response::new(updater::UnassignScriptResponse {})),
            container => Err(Status::not_found(format!("{container} has no script"))),
        }
    }
}
