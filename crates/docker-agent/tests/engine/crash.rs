//! docker-agent is killed in the middle.

use std::time::Duration;

use homeport_proto::docker::v1::{ListContainersRequest, SnapshotSource, TakeSnapshotRequest, snapshot_source::Kind};

use crate::{
    compose::Stack,
    world::{World, docker, patient},
};

/// It does not stop when it is asked to, so that compose has to wait.
const STUBBORN: &str = "services:
  web:
    image: 127.0.0.1:5000/nginx:1.22.1
    entrypoint: [sh, -c, 'trap \"\" TERM; while :; do sleep 1; done']
    stop_signal: SIGTERM
    stop_grace_period: 5s
    labels: {homeport.test: ID}
networks:
  default:
    labels: {homeport.test: ID}
";

async fn until(what: &str, mut met: impl FnMut() -> bool) {
    for _ in 0..600 {
        if met() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen within 30 s");
}

/// Running compose processes of a project.
fn compose_processes(project: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains("docker-compose") && line.contains(project)).count()
}

async fn serving(world: &World) {
    let request = || patient(ListContainersRequest { all: false, labels: [("none".to_owned(), String::new())].into() });
    for _ in 0..600 {
        if world.containers().list_containers(request()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("docker-agent did not start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compose_dies_with_docker_agent_and_the_next_one_finishes() {
    let (world, mut command) = World::with_process();
    let stack = Stack::new(&world, STUBBORN);
    stack.compose(&["up", "--detach"]);
    let [old] = {
        let mut agent = command.spawn().unwrap();
        serving(&world).await;
        let containers: [_; 1] = stack.containers(&world, "web").await.try_into().unwrap();
        stack.change("1.22.1", "1.26.3");
        let up = stack.up(&world);
        let kill = async {
            let stray = || {
                docker(&["ps", "-aq", "--filter", &format!("label=homeport.test={}", world.id)]).lines().count() == 2
            };
            until("the new container", stray).await;
            assert_eq!(compose_processes(&world.id), 1);
            agent.kill().unwrap();
            agent.wait().unwrap();
        };
        let (result, ()) = tokio::join!(up, kill);
        result.unwrap_err();
        containers
    };
    until("the end of compose", || compose_processes(&world.id) == 0).await;
    let mut agent = command.spawn().unwrap();
    serving(&world).await;
    stack.up(&world).await.unwrap();
    let [new] = stack.containers(&world, "web").await.try_into().unwrap();
    assert!(new.image.ends_with("1.26.3") && new.name == old.name && new.id != old.id);
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn helpers_that_are_left_over_go_at_the_next_start() {
    let (world, mut command) = World::with_process();
    let data = world.name("data");
    docker(&["volume", "create", "--label", &world.label(), &data]);
    let fill = format!("{data}:/data");
    docker(&[
        "run",
        "--rm",
        "-v",
        &fill,
        "--entrypoint",
        "sh",
        "127.0.0.1:5000/nginx:1.22.1",
        "-c",
        "head -c 300M /dev/urandom > /data/file",
    ]);
    let mut agent = command.spawn().unwrap();
    serving(&world).await;
    let sources = vec![SnapshotSource { kind: Kind::Volume.into(), source: data }];
    let labels = [("homeport.test".to_owned(), world.id.clone())].into();
    let request = TakeSnapshotRequest { snapshot_id: world.id.clone(), sources, labels };
    let mut snapshots = world.snapshots();
    let filter = format!("label=homeport.instance={}", world.id);
    let helpers = || docker(&["ps", "-aq", "--filter", &filter]).lines().count();
    let kill = async {
        until("the helper", || helpers() == 1).await;
        agent.kill().unwrap();
        agent.wait().unwrap();
    };
    let (result, ()) = tokio::join!(snapshots.take_snapshot(patient(request.clone())), kill);
    result.unwrap_err();
    let mut agent = command.spawn().unwrap();
    until("the sweep", || helpers() == 0).await;
    let report = world.snapshots().take_snapshot(patient(request)).await.unwrap().into_inner();
    assert_eq!((report.files, report.total_bytes), (1, 300 << 20), "the same snapshot can be completed");
    agent.kill().unwrap();
    agent.wait().unwrap();
}
