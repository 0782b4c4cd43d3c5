//! New versions that are not as they should be.

use super::*;

#[tokio::test]
async fn s10_3_what_is_broken_is_taken_back_and_says_why() {
    let mut world = world();
    world.exiting.insert("sha256:new".to_owned());
    let bench = Bench::of(world);
    let process = bench.process().await;
    process.work();
    for name in ["web", "lone"] {
        let failed = process.updated(name).await;
        assert_eq!((failed.status, failed.rollback_occurred), (Status::Failed, true));
        assert!(failed.error.contains("ended with code 1"), "{}", failed.error);
        assert!(failed.error.contains("is back as it was"), "{}", failed.error);
        assert_eq!(bench.runs(name), "1");
    }
    assert_eq!((bench.file().as_str(), bench.data().as_str()), (FILE, "written by old"));
    process.stop().await;
}

/// Contract, section 10.3: without an automatic way back the new version stays, counts as failed, and a person goes back.
#[tokio::test]
async fn s10_3_what_is_broken_stays_where_a_person_wants_to_decide() {
    let mut world = world();
    world.exiting.insert("sha256:new".to_owned());
    let bench = Bench::of(world);
    let process = bench.process().await;
    process.work();
    for name in ["web", "lone"] {
        bench.label(name, "docksmith.auto_rollback", "false");
        let shown = process.plan(name).await.unwrap().text;
        assert!(shown.contains("if only the proof fails, leave"), "{shown}");
        let failed = process.updated(name).await;
        assert_eq!((failed.status, failed.rollback_occurred), (Status::Failed, false));
        assert!(failed.error.contains("ended with code 1"), "{}", failed.error);
        assert!(failed.error.contains(&format!("The new version of {name} stays")), "{}", failed.error);
        let detail = &failed.details[0];
        assert!(detail.kept && !detail.new_container_id.is_empty());
        assert_eq!(bench.runs(name), "", "it has ended, and nobody starts it");
        let back = process.rollback(&failed.id, false).await.unwrap();
        let back = process.ended(&back).await;
        assert_eq!((back.status, bench.runs(name).as_str()), (Status::Complete, "1"), "{}", back.error);
        assert!(process.operations.get(&failed.id).await.unwrap().rollback_occurred);
        assert!(matches!(process.rollback(&failed.id, false).await, Err(UpdateError::NoWayBack { .. })));
    }
    assert_eq!((bench.file().as_str(), bench.data().as_str()), (FILE, "written by old"));
    process.stop().await;
}

/// Invariant 2: also by force it is known in what the new container differs before the old one is touched.
#[tokio::test]
async fn s10_1_what_force_lets_pass_is_told() {
    let mut world = world();
    world.loses_mounts = true;
    let bench = Bench::of(world);
    let process = bench.process().await;
    process.work();
    let request = UpdateRequest { container: "db".to_owned(), force: true, ..UpdateRequest::default() };
    let started = process.operations.start_update(request).await.unwrap().operation;
    let ended = process.ended(&started).await;
    assert_eq!((ended.status, bench.runs("db").as_str()), (Status::Complete, "2"), "{}", ended.error);
    assert!(ended.error.contains("force let it differ from before: Mounts: nothing instead of"), "{}", ended.error);
    process.stop().await;
}

#[tokio::test]
async fn s10_1_what_would_lose_something_is_refused_while_the_old_container_runs() {
    let mut world = world();
    world.loses_mounts = true;
    let bench = Bench::of(world);
    let process = bench.process().await;
    process.work();
    let failed = process.updated("db").await;
    assert_eq!(failed.status, Status::Failed);
    assert!(failed.error.contains("Mounts: nothing instead of"), "{}", failed.error);
    assert_eq!((bench.runs("db").as_str(), bench.file().as_str()), ("1", FILE));
    assert_eq!(bench.engine.world().starts, 3, "it was neither stopped nor started");
    process.stop().await;
}
