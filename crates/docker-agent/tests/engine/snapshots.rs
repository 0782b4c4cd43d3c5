//! Data of a database, there and back.

use std::collections::HashMap;

use homeport_proto::docker::v1::{
    DeleteSnapshotRequest, DiscardForkRequest, ForkSnapshotRequest, ListSnapshotsRequest, RestoreSnapshotRequest,
    SnapshotSource, TakeSnapshotRequest, TakeSnapshotResponse, snapshot_source::Kind,
};
use tonic::{Code, Status};

use crate::world::{World, docker, patient, try_docker};

const REDIS: &str = "127.0.0.1:5000/redis:7.0.15";

async fn take(world: &World, sources: &[(Kind, &str)]) -> Result<TakeSnapshotResponse, Status> {
    let sources =
        sources.iter().map(|(kind, source)| SnapshotSource { kind: (*kind).into(), source: (*source).to_owned() });
    let request = TakeSnapshotRequest {
        snapshot_id: world.id.clone(),
        sources: sources.collect(),
        labels: HashMap::from([("homeport.test".to_owned(), world.id.clone())]),
    };
    Ok(world.snapshots().take_snapshot(patient(request)).await?.into_inner())
}

async fn restore(world: &World) -> Result<u64, Status> {
    let request = RestoreSnapshotRequest { snapshot_id: world.id.clone() };
    Ok(world.snapshots().restore_snapshot(patient(request)).await?.into_inner().copied_bytes)
}

fn redis(container: &str, words: &[&str]) -> String {
    docker(&[&["exec", container, "redis-cli"], words].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_comes_back_as_it_was() {
    let world = World::new();
    let data = world.name("data");
    docker(&["volume", "create", "--label", &world.label(), &data]);
    let id = world.run(
        "redis",
        &[
            "-v",
            &format!("{data}:/data"),
            REDIS,
            "redis-server",
            "--dir",
            "/data",
            "--appendonly",
            "yes",
            "--bind",
            "*",
        ],
    );
    let source = [(Kind::Volume, data.as_str())];
    let mut tries = 0..100;
    while try_docker(&["exec", &id, "redis-cli", "ping"]).as_deref() != Ok("PONG") {
        tries.next().expect("redis answers within ten seconds");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    redis(&id, &["set", "key", "before"]);
    assert!(take(&world, &source).await.unwrap().copied_bytes > 0, "a first copy while it runs");
    redis(&id, &["set", "key", "at the end"]);
    docker(&["stop", &id]);
    let report = take(&world, &source).await.unwrap();
    assert!(report.total_bytes > 0 && report.files > 0);

    docker(&["start", &id]);
    redis(&id, &["set", "key", "written by the new version"]);
    redis(&id, &["save"]);
    docker(&["stop", &id]);
    restore(&world).await.unwrap();
    docker(&["start", &id]);
    assert_eq!(redis(&id, &["get", "key"]), "at the end");

    docker(&["rm", "-f", &id]);
    docker(&["volume", "rm", &data]);
    restore(&world).await.unwrap();
    let again = world.run(
        "again",
        &[
            "-v",
            &format!("{data}:/data"),
            REDIS,
            "redis-server",
            "--dir",
            "/data",
            "--appendonly",
            "yes",
            "--bind",
            "*",
        ],
    );
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(redis(&again, &["get", "key"]), "at the end");
    let labels = docker(&["volume", "inspect", "--format", "{{index .Labels \"homeport.test\"}}", &data]);
    assert_eq!(labels, world.id, "the volume has its labels again");
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_of_the_host_are_sources_too() {
    let world = World::new();
    let directory = world.stacks().join("config");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("file"), "old").unwrap();
    let path = directory.display().to_string();
    take(&world, &[(Kind::Bind, &path)]).await.unwrap();
    std::fs::write(directory.join("file"), "new").unwrap();
    std::fs::write(directory.join("more"), "new").unwrap();
    assert_eq!(restore(&world).await.unwrap(), 3);
    assert_eq!(std::fs::read(directory.join("file")).unwrap(), b"old");
    assert!(!directory.join("more").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_of_a_file_is_mounted_as_a_file() {
    let world = World::new();
    let file = world.stacks().join("config.json");
    std::fs::write(&file, "old").unwrap();
    take(&world, &[(Kind::Bind, &file.display().to_string())]).await.unwrap();
    let request = ForkSnapshotRequest { snapshot_id: world.id.clone(), fork_id: world.name("fork") };
    let volumes = world.rehearsals().fork_snapshot(patient(request)).await.unwrap().into_inner().volumes;
    let copy = std::path::Path::new(&volumes[0]);
    let volume = copy.parent().and_then(std::path::Path::parent).unwrap().file_name().unwrap().to_str().unwrap();
    let mount = format!("type=bind,src={},dst=/etc/app.json", copy.display());
    let script = "cat /etc/app.json && echo new > /etc/app.json";
    let words = ["run", "--rm", "--mount", &mount, "--entrypoint", "sh", REDIS, "-c", script];
    assert_eq!(docker(&words), "old");
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    let request = DiscardForkRequest { fork_id: world.name("fork") };
    world.rehearsals().discard_fork(patient(request)).await.unwrap();
    assert!(try_docker(&["volume", "inspect", volume]).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_listed_and_deleted() {
    let world = World::new();
    let data = world.name("data");
    let source = [(Kind::Volume, data.as_str())];
    assert_eq!(take(&world, &source).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(restore(&world).await.unwrap_err().code(), Code::NotFound);
    docker(&["volume", "create", "--label", &world.label(), &data]);
    take(&world, &source).await.unwrap();
    let list = world.snapshots().list_snapshots(patient(ListSnapshotsRequest {})).await.unwrap().into_inner().snapshots;
    let own = list.iter().find(|snapshot| snapshot.id == world.id).unwrap();
    assert_eq!((own.sources[0].source.as_str(), own.sources[0].kind()), (data.as_str(), Kind::Volume));
    assert_eq!(own.labels, HashMap::from([("homeport.test".to_owned(), world.id.clone())]));
    assert!(own.created_at.is_some());
    let status = take(&world, &[(Kind::Bind, "/etc")]).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "another thing under the same id");
    for _ in 0..2 {
        let request = DeleteSnapshotRequest { snapshot_id: world.id.clone() };
        world.snapshots().delete_snapshot(patient(request)).await.unwrap();
    }
    assert_eq!(restore(&world).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_never_completed_is_refused() {
    let world = World::new();
    let data = world.name("data");
    docker(&["volume", "create", "--label", &world.label(), &data]);
    take(&world, &[(Kind::Volume, &data)]).await.unwrap();
    let volume = format!("homeport-snapshot-{}", world.id);
    let broken = format!("{volume}:/s");
    docker(&[
        "run",
        "--rm",
        "-v",
        &broken,
        "--entrypoint",
        "sh",
        REDIS,
        "-c",
        "echo '{\"complete\":false}' > /s/homeport.json",
    ]);
    let status = restore(&world).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("never completed"), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_given_up_is_out_of_the_way_of_the_next() {
    let world = World::new();
    let data = world.name("data");
    docker(&["volume", "create", "--label", &world.label(), &data]);
    let fill = format!("{data}:/data");
    docker(&["run", "--rm", "-v", &fill, "--entrypoint", "sh", REDIS, "-c", "head -c 200M /dev/urandom > /data/file"]);
    let source = [(Kind::Volume, data.as_str())];
    let filter = format!("label=homeport.subject=homeport-snapshot-{}", world.id);
    let helpers = || docker(&["ps", "-aq", "--filter", &filter]).lines().count();
    let first = async {
        tokio::select! {
            result = take(&world, &source) => panic!("too quick to be given up: {result:?}"),
            () = async { while helpers() == 0 { tokio::time::sleep(std::time::Duration::from_millis(5)).await } } => {}
        }
    };
    first.await;
    assert_eq!(take(&world, &source).await.unwrap().total_bytes, 200 << 20);
    assert_eq!(helpers(), 0);
    restore(&world).await.unwrap();
}
