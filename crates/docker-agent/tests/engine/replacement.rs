//! A container of `docker run` made again: nothing may be lost.

use homeport_proto::docker::v1::{
    CompareContainersRequest, Container, CreateReplacementRequest, CreateReplacementResponse, StartContainerRequest,
    StopContainerRequest, mount::Kind,
};
use serde_json::Value;
use tonic::Code;

use crate::world::{NEW, OLD, World, docker, patient};

/// A network of this test, in a subnet that hardly any other has.
fn network(world: &World, name: &str, number: u8) -> (String, String) {
    let seed = world.id.bytes().fold(u8::from(name.len() > 4), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let (name, prefix) = (world.name(name), format!("10.{}.{seed}", 240 + number));
    docker(&["network", "create", "--label", &world.label(), "--subnet", &format!("{prefix}.0/24"), &name]);
    (name, prefix)
}

async fn replace(world: &World, old: &Container, image: &str) -> CreateReplacementResponse {
    let request = CreateReplacementRequest {
        inspect_json: old.inspect_json.clone(),
        image: image.to_owned(),
        name: world.name("replacement"),
        operation_id: "operation-1".to_owned(),
    };
    world.containers().create_replacement(patient(request)).await.unwrap().into_inner()
}

async fn swap(world: &World, old: &Container, new: &str) {
    let mut client = world.containers();
    client.stop_container(patient(StopContainerRequest { container: old.id.clone(), timeout: None })).await.unwrap();
    client.start_container(patient(StartContainerRequest { container: new.to_owned() })).await.unwrap();
}

async fn differences(world: &World, before: &Container, after: &Container) -> Vec<String> {
    let request = CompareContainersRequest {
        before_inspect_json: before.inspect_json.clone(),
        after_inspect_json: after.inspect_json.clone(),
    };
    let response = world.containers().compare_containers(patient(request)).await.unwrap().into_inner();
    response.differences.into_iter().map(|d| format!("{}: {} -> {}", d.field, d.before, d.after)).collect()
}

fn inspect(container: &Container) -> Value {
    serde_json::from_str(&container.inspect_json).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_person_chose_stays() {
    let world = World::new();
    let (front, prefix) = network(&world, "front", 0);
    let (back, back_prefix) = network(&world, "back", 1);
    let address = format!("{prefix}.77");
    let named = world.name("named");
    docker(&["volume", "create", "--label", &world.label(), &named]);
    let id = world.run(
        "web",
        &[
            "--network",
            &front,
            "--network-alias",
            "www",
            "--ip",
            &address,
            "--mac-address",
            "02:42:aa:bb:cc:0d",
            "--memory",
            "64m",
            "--cpus",
            "0.5",
            "--pids-limit",
            "100",
            "--ulimit",
            "nofile=1000:2000",
            "--shm-size",
            "8m",
            "--sysctl",
            "net.core.somaxconn=200",
            "--cap-add",
            "NET_ADMIN",
            "--cap-drop",
            "MKNOD",
            "--device",
            "/dev/null:/dev/hp",
            "--init",
            "--restart",
            "unless-stopped",
            "--stop-timeout",
            "3",
            "--stop-signal",
            "SIGTERM",
            "--hostname",
            "web-host",
            "--dns",
            "9.9.9.9",
            "--add-host",
            "db:10.0.0.1",
            "--env",
            "MINE=1",
            "--env",
            "EMPTY=",
            "--label",
            "mine=",
            "--user",
            "0",
            "--workdir",
            "/tmp",
            "--health-cmd",
            "true",
            "--health-interval",
            "7s",
            "--health-retries",
            "4",
            "--log-opt",
            "max-size=1m",
            "--tmpfs",
            "/scratch:size=1m",
            "--volume",
            "/anonymous",
            "--volume",
            &format!("{named}:/named"),
            "--volume",
            "/etc:/host:ro",
            "--mount",
            "type=volume,dst=/mounted",
            "--publish",
            "127.0.0.1::80",
            "--read-only=false",
            "--security-opt",
            "no-new-privileges",
            "--group-add",
            "7",
            "--oom-score-adj",
            "5",
            "--expose",
            "9000/udp",
            OLD,
        ],
    );
    docker(&["network", "connect", "--alias", "api", "--ip", &format!("{back_prefix}.88"), &back, &id]);
    docker(&["exec", &id, "sh", "-c", "echo kept > /anonymous/file; echo kept > /mounted/file"]);
    let old = world.container(&id).await;

    let made = replace(&world, &old, NEW).await;
    assert_eq!(made.differences, []);
    let made = replace(&world, &old, NEW).await;
    assert_eq!(made.differences, [], "a second try takes the place of the first");
    swap(&world, &old, &made.container_id).await;

    let new = world.container(&made.container_id).await;
    assert_eq!(differences(&world, &old, &new).await, Vec::<String>::new());
    assert_eq!(new.image, NEW);
    let document = inspect(&new);
    let endpoint = &document["NetworkSettings"]["Networks"][&front];
    assert_eq!(
        (endpoint["IPAddress"].as_str(), endpoint["MacAddress"].as_str()),
        (Some(address.as_str()), Some("02:42:aa:bb:cc:0d"))
    );
    assert_eq!(document["NetworkSettings"]["Networks"][&back]["IPAddress"], format!("{back_prefix}.88"));
    assert_eq!(docker(&["exec", &made.container_id, "cat", "/anonymous/file", "/mounted/file"]), "kept\nkept");
    let volumes = |container: &Container| {
        let mounts = container.mounts.iter().filter(|mount| mount.kind() == Kind::Volume);
        let mut pairs: Vec<_> = mounts.map(|mount| (mount.destination.clone(), mount.source.clone())).collect();
        pairs.sort();
        pairs
    };
    assert_eq!(volumes(&new), volumes(&old));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_image_brought_follows_the_new_one() {
    let world = World::new();
    let id = world.run("web", &["--env", "MINE=1", OLD]);
    let old = world.container(&id).await;
    let made = replace(&world, &old, NEW).await;
    assert_eq!(made.differences, []);
    let new = inspect(&world.container(&made.container_id).await);
    let image: Value = serde_json::from_str(&docker(&["image", "inspect", NEW])).unwrap();
    let image = &image[0]["Config"];
    for field in ["Cmd", "Entrypoint", "ExposedPorts", "StopSignal", "WorkingDir", "User"] {
        assert_eq!(new["Config"][field], image[field], "{field}");
    }
    let variables =
        |config: &Value| config["Env"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut expected = variables(image);
    expected.push("\"MINE=1\"".to_owned());
    expected.sort();
    let mut found = variables(&new["Config"]);
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_networks_stay_unusual() {
    let world = World::new();
    let owner = world.run("owner", &[OLD]);
    let (front, _) = network(&world, "front", 0);
    for (name, words) in [
        ("shared", vec!["--network", &format!("container:{owner}"), "--entrypoint", "sleep", OLD, "1000"]),
        ("none", vec!["--network", "none", OLD]),
        ("host", vec!["--network", "host", "--entrypoint", "sleep", OLD, "1000"]),
        ("late", vec!["--network", &front, OLD]),
    ] {
        let id = world.run(name, &words);
        if name == "late" {
            docker(&["network", "connect", "bridge", &id]);
            docker(&["network", "disconnect", &front, &id]);
        }
        let old = world.container(&id).await;
        let made = replace(&world, &old, NEW).await;
        assert_eq!(made.differences, [], "{name}");
        swap(&world, &old, &made.container_id).await;
        assert_eq!(
            differences(&world, &old, &world.container(&made.container_id).await).await,
            Vec::<String>::new(),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_somebody_else_is_left_alone() {
    let world = World::new();
    let id = world.run("web", &[OLD]);
    let other = world.run("replacement", &[OLD]);
    let request = CreateReplacementRequest {
        inspect_json: world.container(&id).await.inspect_json,
        image: NEW.to_owned(),
        name: world.name("replacement"),
        operation_id: "operation-1".to_owned(),
    };
    let status = world.containers().create_replacement(patient(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("in use"), "{}", status.message());
    assert_eq!(world.container(&other).await.id, other);
}
