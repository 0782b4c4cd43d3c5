//! What holds an update up: scripts that say no, and locks that applications hold.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::engine::{Mount, MountKind};

impl Bench {
    pub(super) fn script(&self, name: &str, text: &str) {
        let path = self.directory.path().join("scripts").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `db` has a directory of locks, and holds one.
    pub(in crate::operations) fn lock(&self) {
        self.lock_of("db");
    }

    fn lock_of(&self, name: &str) {
        let (mut world, source) = (self.engine.world(), format!("/run/locks/{name}"));
        let container = world.containers.values_mut().find(|container| container.name == name).unwrap();
        container.mounts.push(Mount {
            kind: MountKind::Bind,
            source: source.clone(),
            destination: "/tmp/balena".to_owned(),
            is_writable: true,
        });
        world.locks_held.insert(source);
    }

    /// Whether neither the application nor the updater holds a lock.
    pub(in crate::operations) fn is_unlocked(&self) -> bool {
        let world = self.engine.world();
        world.locks_held.is_empty() && world.locks_taken.is_empty()
    }
}

impl Process {
    async fn forced(&self, container: &str) -> Result<Started, UpdateError> {
        let container = container.to_owned();
        self.operations.start_update(UpdateRequest { container, force: true, ..UpdateRequest::default() }).await
    }

    async fn scripted(&self, container: &str, script: &str) -> Result<Started, UpdateError> {
        let (container, script) = (container.to_owned(), script.to_owned());
        self.operations.start_update(UpdateRequest { container, script, ..UpdateRequest::default() }).await
    }
}

#[tokio::test]
async fn s10_1_an_assigned_script_is_really_asked_and_its_no_is_final() {
    let bench = Bench::new();
    bench.script("no.sh", "echo $2 is busy; exit 7");
    let process = bench.process().await;
    process.work();
    assert!(process.operations.assign_script("web", "missing.sh", "ada").await.is_err());
    assert!(process.operations.assign_script("nobody", "no.sh", "ada").await.is_err());
    process.operations.assign_script("web", "no.sh", "ada").await.unwrap();
    let plan = process.plan("web").await.unwrap().text;
    assert!(plan.contains("2. ask the script no.sh"), "{plan}");
    let ended = process.updated("web").await;
    assert_eq!((ended.status, ended.rollback_occurred), (Status::Failed, false));
    assert!(
        ended.error.starts_with("Pre-update check failed: script exited with code 7: web is busy"),
        "{}",
        ended.error
    );
    assert_eq!(bench.engine.world().starts, 3, "nothing was restarted");

    let forced = process.forced("web").await.unwrap();
    assert_eq!(process.ended(&forced.operation).await.status, Status::Complete);
    process.operations.unassign_script("web").await.unwrap();
    assert!(matches!(process.operations.unassign_script("web").await, Err(UpdateError::NoAssignment { .. })));
    assert!(process.operations.assignments().await.unwrap().is_empty());
    process.stop().await;
}

#[tokio::test]
async fn the_script_of_a_request_goes_before_that_of_the_label() {
    let bench = Bench::new();
    bench.script("no.sh", "exit 1");
    bench.script("yes.sh", "exit 0");
    let label = ("docksmith.pre-update-check".to_owned(), "no.sh".to_owned());
    for container in bench.engine.world().containers.values_mut().filter(|container| container.name == "lone") {
        container.labels.extend([label.clone()]);
    }
    let process = bench.process().await;
    process.work();
    assert_eq!(process.updated("lone").await.status, Status::Failed);
    assert!(matches!(process.scripted("lone", "../x").await, Err(UpdateError::Script(_))));
    let started = process.scripted("lone", "yes.sh").await.unwrap();
    assert_eq!(process.ended(&started.operation).await.status, Status::Complete);
    process.stop().await;
}

#[tokio::test]
async fn a_lock_of_the_project_is_waited_for_after_the_pull_and_before_the_stop() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    process.work();
    let started = process.update("web").await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let waiting = process.operations.get(&started.operation).await.unwrap();
    assert_eq!((waiting.status, waiting.stage.as_str()), (Status::InProgress, "locking"));
    assert!(bench.engine.world().images.contains("sha256:new"), "it was fetched meanwhile");
    assert_eq!((bench.runs("web").as_str(), bench.file().as_str()), ("1", FILE));
    bench.engine.world().locks_held.clear();
    let ended = process.ended(&started.operation).await;
    assert_eq!((ended.status, ended.error.as_str()), (Status::Complete, ""));
    assert!(bench.engine.world().locks_taken.is_empty());
    process.stop().await;
}

#[tokio::test]
async fn force_reaches_an_update_that_waits_and_is_told() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    process.work();
    let started = process.update("web").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(process.forced("web").await.unwrap(), started);
    let ended = process.ended(&started.operation).await;
    assert_eq!(ended.status, Status::Complete);
    assert_eq!(ended.error, "the update lock of db (updates.lock, uid 1000: copying) was broken by force");
    process.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_lock_when_the_process_ends_waits_on_in_the_next_one() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    process.work();
    let started = process.update("web").await.unwrap();
    process.staged(&started.operation, "locking").await;
    process.stop().await;
    for _ in 0..2 {
        let process = bench.process().await;
        process.work();
        process.staged(&started.operation, "locking").await;
        assert_eq!((bench.runs("web").as_str(), bench.file().as_str()), ("1", FILE));
        assert_eq!(bench.engine.world().starts, 3, "nothing was stopped");
        process.stop().await;
    }
    bench.engine.world().locks_held.clear();
    let process = bench.process().await;
    process.work();
    let ended = process.ended(&started.operation).await;
    assert_eq!((ended.status, ended.error.as_str()), (Status::Complete, ""));
    assert_eq!(bench.runs("web"), "2");
    assert!(bench.engine.world().locks_taken.is_empty());
    process.stop().await;
}

#[tokio::test]
async fn a_rehearsal_says_what_it_saw() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let request = UpdateRequest { container: "web".to_owned(), rehearse: true, ..UpdateRequest::default() };
    let plan = process.operations.plan(&request).await.unwrap().text;
    assert!(plan.contains("try the new version"), "{plan}");
    let started = process.operations.start_update(request).await.unwrap();
    let ended = process.ended(&started.operation).await;
    assert_eq!(ended.status, Status::Complete);
    assert_eq!(ended.error, "rehearsed for 0 s without network on a copy of the data: it was healthy");
    process.stop().await;
}

#[tokio::test]
async fn a_restart_does_not_wait_for_a_lock_and_force_breaks_it() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    process.work();
    let restart =
        |force| RestartRequest { what: Restarted::Container("web".to_owned()), force, requested_by: String::new() };
    let started = process.operations.start_restart(restart(false)).await.unwrap();
    let ended = process.ended(&started.id).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(ended.error.contains("Lockfile exists: the update lock of db"), "{}", ended.error);
    let report = process.operations.restart_report(&ended).await.unwrap();
    assert!(report.locked && report.restarted == 0, "{report:?}");
    assert_eq!(bench.engine.world().starts, 3, "nothing was stopped");
    let started = process.operations.start_restart(restart(true)).await.unwrap();
    let ended = process.ended(&started.id).await;
    assert_eq!(ended.status, Status::Complete, "{}", ended.error);
    assert!(bench.is_unlocked());
    process.stop().await;
}

#[tokio::test]
async fn where_locks_are_overridden_nobody_waits_for_one() {
    let bench = Bench::new();
    bench.lock();
    let limits = OperationsConfig { lock_override: true, ..OperationsConfig::default() };
    let process = bench.process_with(limits).await;
    process.work();
    let ended = process.updated("web").await;
    assert_eq!(ended.status, Status::Complete);
    assert!(ended.error.contains("the update lock of db"), "{}", ended.error);
    assert!(bench.is_unlocked());
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_6_the_lock_of_one_that_follows_from_elsewhere_holds_the_update() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "web");
    bench.lock_of("lone");
    let process = bench.process().await;
    process.work();
    let id = process.update("web").await.unwrap().operation;
    process.staged(&id, "locking").await;
    assert_eq!(bench.runs("web"), "1");
    bench.engine.world().locks_held.clear();
    assert_eq!(process.ended(&id).await.status, Status::Complete);
    assert!(bench.is_unlocked());
    process.stop().await;
}
