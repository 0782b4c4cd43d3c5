//! Listing, inspecting, starting, stopping.

use std::collections::HashMap;

use homeport_proto::docker::v1::{
    ContainerState, ListContainersRequest, RemoveContainerRequest, RenameContainerRequest, StartContainerRequest,
    StopContainerRequest, mount::Kind,
};
use tonic::Code;

use crate::world::{OLD, World, patient};

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_shown_as_it_is() {
    let world = World::new();
    let name = world.name("web");
    let id = world
        .run("web", &["-p", "127.0.0.1::80", "-v", "/data", "--restart", "unless-stopped", "--label", "mine=1", OLD]);
    let labels = HashMap::from([("homeport.test".to_owned(), world.id.clone()), ("mine".to_owned(), String::new())]);
    let request = ListContainersRequest { all: false, labels };
    let list = world.containers().list_containers(patient(request)).await.unwrap().into_inner().containers;
    let [container] = list.try_into().unwrap();
    assert_eq!(
        (container.id.as_str(), container.name.as_str(), container.image.as_str()),
        (id.as_str(), name.as_str(), OLD)
    );
    assert_eq!(container.state(), ContainerState::Running);
    assert!(container.started_at.is_some() && container.created_at.is_some());
    assert!(container.repo_digests.iter().any(|digest| digest.starts_with("127.0.0.1:5000/nginx@sha256:")));
    assert_eq!((container.image_os.as_str(), container.restart_policy.as_str()), ("linux", "unless-stopped"));
    let data = container.mounts.iter().find(|mount| mount.destination == "/data").unwrap();
    assert!(data.kind() == Kind::Volume && data.source.len() == 64 && data.writable);
    let port = container.ports.iter().find(|port| port.container_port == 80).unwrap();
    assert!(port.host_port > 0 && port.host_address == "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_can_be_repeated() {
    let world = World::new();
    let id = world.run("web", &[OLD]);
    let mut client = world.containers();
    for _ in 0..2 {
        client.stop_container(patient(StopContainerRequest { container: id.clone(), timeout: None })).await.unwrap();
        assert_eq!(world.container(&id).await.state(), ContainerState::Exited);
    }
    for _ in 0..2 {
        client.start_container(patient(StartContainerRequest { container: id.clone() })).await.unwrap();
        assert_eq!(world.container(&id).await.state(), ContainerState::Running);
    }
    let name = world.name("renamed");
    for _ in 0..2 {
        let request = RenameContainerRequest { container: id.clone(), name: name.clone() };
        client.rename_container(patient(request)).await.unwrap();
        assert_eq!(world.container(&id).await.name, name);
    }
    let status = client
        .remove_container(patient(RemoveContainerRequest { container: id.clone(), force: false, volumes: false }))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{}", status.message());
    for _ in 0..2 {
        client
            .remove_container(patient(RemoveContainerRequest { container: id.clone(), force: true, volumes: false }))
            .await
            .unwrap();
    }
    client.stop_container(patient(StopContainerRequest { container: id.clone(), timeout: None })).await.unwrap();
    let status = client.start_container(patient(StartContainerRequest { container: id })).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}
