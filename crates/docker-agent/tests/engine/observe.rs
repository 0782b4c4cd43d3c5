//! Lists, figures and logs of real containers.

use std::time::Duration;

use futures::StreamExt as _;
use homeport_proto::docker::v1::{ContainerState, GetInventoryRequest, GetStatsRequest, HealthState, ReadLogsRequest};
use tonic::Code;

use crate::world::{OLD, World, docker, patient};

/// Prints a line on each output and then one line a fifth of a second.
const TALKS: &str = "echo out; echo err >&2; i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done";

async fn log(world: &World, request: ReadLogsRequest, most: usize) -> String {
    let mut chunks = world.observe().read_logs(patient(request)).await.unwrap().into_inner();
    let mut text = String::new();
    while let Some(chunk) = chunks.next().await {
        text.push_str(&String::from_utf8(chunk.unwrap().chunk).unwrap());
        if text.lines().count() >= most {
            break;
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inventory_says_who_uses_what() {
    let world = World::new();
    let (network, volume) = (world.name("net"), world.name("data"));
    docker(&["network", "create", "--label", &world.label(), &network]);
    docker(&["volume", "create", "--label", &world.label(), &volume]);
    let mount = format!("{volume}:/data");
    let id = world
        .run("web", &["--network", &network, "-v", &mount, "--health-cmd", "true", "--health-interval", "1s", OLD]);
    let stopped =
        docker(&["create", "--name", &world.name("idle"), "--label", &world.label(), "--network", &network, OLD]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let inventory = world.observe().get_inventory(patient(GetInventoryRequest {})).await.unwrap().into_inner();
    let container = |id: &str| inventory.containers.iter().find(|one| one.id == id).unwrap();
    let web = container(&id);
    assert_eq!((web.state(), web.health()), (ContainerState::Running, HealthState::Healthy));
    assert_eq!((web.networks.as_slice(), web.is_own), (&[network.clone()][..], false));
    assert_eq!(container(&stopped).state(), ContainerState::Created);
    let image = inventory.images.iter().find(|image| image.id == web.image_id).unwrap();
    assert!(image.in_use && !image.dangling && image.size_bytes > 0 && image.repo_tags.contains(&OLD.to_owned()));
    let found = inventory.networks.iter().find(|one| one.name == network).unwrap();
    assert_eq!(found.containers, [world.name("idle"), world.name("web")], "also the one that does not run");
    let found = inventory.volumes.iter().find(|one| one.name == volume).unwrap();
    assert_eq!(found.containers, [world.name("web")]);
    assert!(inventory.networks.iter().any(|one| one.name == "bridge" && one.is_default));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_from_where_it_is_wanted() {
    let world = World::new();
    let id = world.run("talk", &[OLD, "sh", "-c", TALKS]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let wanted = |tail| ReadLogsRequest { container: id.clone(), tail, ..ReadLogsRequest::default() };
    let all = log(&world, wanted(None), 1000).await;
    assert!(all.contains("out\n") && all.contains("err\n") && all.contains("line 2\n"), "{all:?}");
    assert!(!all.contains('\0'), "the frames are taken away: {all:?}");
    assert_eq!(log(&world, wanted(Some(2)), 1000).await.lines().count(), 2);
    let followed = log(&world, ReadLogsRequest { follow: true, ..wanted(Some(0)) }, 3).await;
    assert!(followed.lines().count() >= 3 && !followed.contains("out"), "{followed:?}");
    let stamped = log(&world, ReadLogsRequest { timestamps: true, ..wanted(None) }, 1000).await;
    let third = stamped.lines().find(|line| line.ends_with("line 3")).unwrap().split(' ').next().unwrap();
    let third: jiff::Timestamp = third.parse().unwrap();
    let since = prost_types::Timestamp { seconds: third.as_second(), nanos: third.subsec_nanosecond() };
    let later = log(&world, ReadLogsRequest { since: Some(since), ..wanted(None) }, 1000).await;
    assert!(later.starts_with("line 3\n"), "to the nanosecond: {later:?}");
    let unknown = ReadLogsRequest { container: world.name("nobody"), ..ReadLogsRequest::default() };
    let status = world.observe().read_logs(patient(unknown)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_terminal_printed_is_left_as_it_is() {
    let world = World::new();
    let id =
        world.run("tty", &["--tty", OLD, "sh", "-c", r"printf '\001\000\000\000\000\000\000\002hello\n'; sleep 60"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let request = ReadLogsRequest { container: id, ..ReadLogsRequest::default() };
    let mut chunks = world.observe().read_logs(patient(request)).await.unwrap().into_inner();
    let mut printed = Vec::new();
    while let Some(chunk) = chunks.next().await {
        printed.extend(chunk.unwrap().chunk);
    }
    assert_eq!(printed, b"\x01\0\0\0\0\0\0\x02hello\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_measured() {
    let world = World::new();
    let id = world.run("busy", &["--memory", "64m", OLD, "sh", "-c", "while true; do :; done"]);
    let stats =
        world.observe().get_stats(patient(GetStatsRequest { container: id.clone() })).await.unwrap().into_inner();
    assert!(stats.cpu_percent > 5.0, "{}", stats.cpu_percent);
    assert!(stats.raw_json.contains("cpu_stats"), "{}", stats.raw_json);
    docker(&["stop", "-t", "0", &id]);
    let stats = world.observe().get_stats(patient(GetStatsRequest { container: id })).await.unwrap().into_inner();
    assert!(stats.cpu_percent.abs() < f64::EPSILON, "{}", stats.cpu_percent);
    let status = world.observe().get_stats(patient(GetStatsRequest { container: world.name("x") })).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}
