//! A Swarm service, in the form of a container.

use homeport_proto::docker::v1::{Container, ContainerState, Port, SwarmService, SwarmTask};
use serde_json::Value;

use super::timestamp;
use crate::{document::Document as _, swarm::Service};

/// The whole service.
pub(in crate::rpc) fn service(service: &Service) -> Container {
    let Service { document, image, tasks } = service;
    let (written, digest) = match service.specified().split_once('@') {
        Some((written, digest)) => (written, Some(digest)),
        None => (service.specified(), None),
    };
    let repository = match written.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => written,
    };
    let repo_digests = match digest {
        Some(digest) => vec![format!("{repository}@{digest}")],
        None => image.texts("RepoDigests"),
    };
    let status = swarm(service, tasks.as_deref());
    let mut labels = document.labels("Spec.Labels");
    labels.extend(document.labels("Spec.TaskTemplate.ContainerSpec.Labels"));
    let state = match (status.desired_tasks, status.running_tasks) {
        (0, _) => ContainerState::Exited,
        (_, 0) => ContainerState::Restarting,
        _ => ContainerState::Running,
    };
    Container {
        id: document.text("ID").to_owned(),
        name: document.at("Spec").text("Name").to_owned(),
        image: written.to_owned(),
        image_id: image.text("Id").to_owned(),
        repo_digests,
        state: state.into(),
        created_at: timestamp(document.text("CreatedAt")),
        started_at: timestamp(document.text("UpdatedAt")),
        labels,
        image_labels: image.labels("Config.Labels"),
        ports: document.list("Endpoint.Ports").iter().filter_map(port).collect(),
        restart_policy: "always".to_owned(),
        inspect_json: document.to_string(),
        image_os: image.text("Os").to_owned(),
        image_architecture: image.text("Architecture").to_owned(),
        image_variant: image.text("Variant").to_owned(),
        swarm: Some(status),
        ..Container::default()
    }
}

fn swarm(service: &Service, tasks: Option<&[Value]>) -> SwarmService {
    let document = &service.document;
    let tasks: Vec<SwarmTask> = tasks.unwrap_or_default().iter().map(task).collect();
    let is_wanted = |task: &&SwarmTask| task.desired_state == "running";
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    // The list says how many there are, and a look at the one service has the tasks themselves.
    let (desired, running) = if document.at("ServiceStatus").is_object() {
        let number = |path| u64::try_from(document.number(path)).unwrap_or_default();
        (number("ServiceStatus.DesiredTasks"), number("ServiceStatus.RunningTasks"))
    } else {
        let wanted = tasks.iter().filter(is_wanted).count();
        let running = tasks.iter().filter(is_wanted).filter(|task| task.state == "running").count();
        let replicas = document.at("Spec.Mode.Replicated.Replicas").as_u64();
        (replicas.unwrap_or_else(|| count(wanted)), count(running))
    };
    SwarmService {
        desired_tasks: desired,
        running_tasks: running,
        specified_image: service.specified().to_owned(),
        update_state: document.text("UpdateStatus.State").to_owned(),
        update_message: document.text("UpdateStatus.Message").to_owned(),
        is_job: ["ReplicatedJob", "GlobalJob"].iter().any(|mode| document.at("Spec.Mode").get(mode).is_some()),
        has_mounts: !document.list("Spec.TaskTemplate.ContainerSpec.Mounts").is_empty(),
        tasks,
    }
}

fn task(task: &Value) -> SwarmTask {
    let error = match task.text("Status.Err") {
        "" => task.text("Status.Message"),
        error => error,
    };
    SwarmTask {
        id: task.text("ID").to_owned(),
        image: task.text("Spec.ContainerSpec.Image").to_owned(),
        state: task.text("Status.State").to_owned(),
        desired_state: task.text("DesiredState").to_owned(),
        error: error.to_owned(),
        changed_at: timestamp(task.text("Status.Timestamp")),
    }
}

fn port(port: &Value) -> Option<Port> {
    Some(Port {
        container_port: u32::try_from(port.number("TargetPort")).ok()?,
        protocol: port.text("Protocol").to_owned(),
        host_port: u32::try_from(port.number("PublishedPort")).ok()?,
        host_address: String::new(),
    })
}
