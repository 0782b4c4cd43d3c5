//! What nothing uses goes, what something uses or Homeport keeps stays.

use homeport_proto::docker::v1::{
    ContainerState, KillContainerRequest, PauseContainerRequest, PruneRequest, RemoveContainerRequest,
    RemoveImageRequest, RemoveVolumeRequest, ResourceKind, RestartContainerRequest, UnpauseContainerRequest,
};
use tonic::Code;

use crate::world::{OLD, World, docker, patient, try_docker};

/// Only things of this test may go: others use the same engine.
fn prune(world: &World, kinds: &[ResourceKind]) -> PruneRequest {
    let others = docker(&["ps", "-a", "--format", "{{.Names}}"]);
    let others = others.lines().filter(|name| !name.starts_with(&world.id)).map(str::to_owned);
    PruneRequest {
        kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
        dry_run: true,
        protected_containers: others.collect(),
        ..PruneRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_says_first_what_would_go() {
    let world = World::new();
    let (network, volume, kept) = (world.name("net"), world.name("data"), world.name("kept"));
    docker(&["network", "create", "--label", &world.label(), &network]);
    docker(&["volume", "create", "--label", &world.label(), &volume]);
    docker(&["volume", "create", "--label", &world.label(), "--label", "homeport.snapshot=x", &kept]);
    docker(&[
        "create",
        "--name",
        &world.name("idle"),
        "--label",
        &world.label(),
        "--network",
        &network,
        "-v",
        &format!("{volume}:/d"),
        OLD,
    ]);
    world.run("web", &[OLD]);
    let of = |kinds: &[ResourceKind]| PruneRequest { named_volumes: true, ..prune(&world, kinds) };
    let names = async |request: PruneRequest| {
        let found = world.upkeep().prune(patient(request)).await.unwrap().into_inner().resources;
        let mut names: Vec<String> = found.into_iter().map(|one| one.name).collect();
        names.retain(|name| name.starts_with(&world.id));
        names
    };
    assert_eq!(
        names(of(&[ResourceKind::Network, ResourceKind::Volume])).await,
        Vec::<String>::new(),
        "a stopped one uses them"
    );
    let all = of(&[ResourceKind::Container, ResourceKind::Network, ResourceKind::Volume]);
    assert_eq!(names(all.clone()).await, [world.name("idle"), network.clone(), volume.clone()]);
    let protected =
        PruneRequest { protected_containers: [&all.protected_containers[..], &[world.name("idle")]].concat(), ..all };
    assert_eq!(names(protected).await, Vec::<String>::new(), "nothing went, and what is protected keeps what it uses");
    let request = PruneRequest { dry_run: false, ..prune(&world, &[ResourceKind::Container]) };
    assert_eq!(names(request).await, [world.name("idle")]);
    assert!(try_docker(&["inspect", &world.name("idle")]).is_err(), "it is gone");
    assert!(try_docker(&["inspect", &world.name("web")]).is_ok(), "what runs stays");
    assert!(try_docker(&["volume", "inspect", &volume]).is_ok(), "its volume has a name");
    let status =
        world.upkeep().remove_volume(patient(RemoveVolumeRequest { volume: kept, ..Default::default() })).await;
    assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
    world.upkeep().remove_volume(patient(RemoveVolumeRequest { volume, ..Default::default() })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_image_cannot_be_removed() {
    let world = World::new();
    let id = docker(&["commit", &world.run("web", &["-e", &world.id, OLD])]);
    let kept = format!("homeport.local/rollback/{}:1", world.id);
    docker(&["tag", &id, &kept]);
    let remove = |image: &str, force| {
        let request = RemoveImageRequest { image: image.to_owned(), force, requested_by: "test".to_owned() };
        async { world.upkeep().remove_image(patient(request)).await }
    };
    for image in [&id, &kept] {
        assert_eq!(remove(image, true).await.unwrap_err().code(), Code::PermissionDenied, "{image}");
    }
    let request = PruneRequest { tagged_images: true, ..prune(&world, &[ResourceKind::Image]) };
    let found = world.upkeep().prune(patient(request)).await.unwrap().into_inner().resources;
    assert!(found.iter().all(|one| one.id != id), "{found:?}");
    let other = format!("{}.example/free:1", world.id);
    docker(&["tag", &id, &other]);
    docker(&["rmi", &kept]);
    let removed = remove(&other, false).await.unwrap().into_inner().removed;
    assert!(
        removed.iter().any(|one| one.untagged == other) && removed.iter().any(|one| one.deleted == id),
        "{removed:?}"
    );
    assert_eq!(remove(&other, false).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_paused_killed_restarted_and_removed_with_its_volume() {
    let world = World::new();
    let id = world.run("web", &["-v", "/data", "--stop-signal", "SIGKILL", OLD]);
    let mut client = world.containers();
    for _ in 0..2 {
        client.pause_container(patient(PauseContainerRequest { container: id.clone() })).await.unwrap();
        assert_eq!(world.container(&id).await.state(), ContainerState::Paused);
    }
    for _ in 0..2 {
        client.unpause_container(patient(UnpauseContainerRequest { container: id.clone() })).await.unwrap();
        assert_eq!(world.container(&id).await.state(), ContainerState::Running);
    }
    let timeout = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let started = world.container(&id).await.started_at;
    client.restart_container(patient(RestartContainerRequest { container: id.clone(), timeout })).await.unwrap();
    assert_ne!(world.container(&id).await.started_at, started);
    let kill = |signal: &str| KillContainerRequest { container: id.clone(), signal: signal.to_owned() };
    assert_eq!(client.kill_container(patient(kill("NOT A SIGNAL"))).await.unwrap_err().code(), Code::InvalidArgument);
    client.kill_container(patient(kill(""))).await.unwrap();
    assert_eq!(world.container(&id).await.state(), ContainerState::Exited);
    assert_eq!(client.kill_container(patient(kill(""))).await.unwrap_err().code(), Code::FailedPrecondition);
    let volume = world.container(&id).await.mounts[0].source.clone();
    let request = RemoveContainerRequest { container: id, force: false, volumes: true };
    client.remove_container(patient(request)).await.unwrap();
    assert!(try_docker(&["volume", "inspect", &volume]).is_err());
}
