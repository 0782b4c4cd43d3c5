//! The way back by hand.

use super::*;

#[tokio::test]
async fn a_rollback_by_hand_brings_back_file_and_data_once() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let done = process.updated("web").await;
    assert_eq!(bench.data(), "written by new");
    let id = process.rollback(&done.id, false).await.unwrap();
    let back = process.ended(&id).await;
    assert_eq!((back.kind, back.status), (Kind::Rollback, Status::Complete), "{}", back.error);
    assert_eq!(back.rollback_of, done.id);
    assert_eq!(
        (bench.runs("web").as_str(), bench.file().as_str(), bench.data().as_str()),
        ("1", FILE, "written by old")
    );
    assert!(process.operations.get(&done.id).await.unwrap().rollback_occurred);
    assert!(bench.engine.world().snapshots.is_empty(), "nothing is kept any more");
    assert!(matches!(process.rollback(&done.id, false).await, Err(UpdateError::NoWayBack { .. })));
    assert!(matches!(process.rollback(&id, false).await, Err(UpdateError::NoWayBack { .. })));
    assert!(matches!(process.rollback("unknown", false).await, Err(UpdateError::NoOperation)));
    process.stop().await;
}

#[tokio::test]
async fn a_rollback_leaves_a_persons_changes_of_the_file() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let done = process.updated("web").await;
    let changed = format!("# mine\n{}", bench.file());
    bench.engine.world().files.insert(PATH.to_owned(), changed);
    let id = process.rollback(&done.id, false).await.unwrap();
    assert_eq!(process.ended(&id).await.status, Status::Complete);
    assert_eq!(bench.file(), format!("# mine\n{FILE}"));
    process.stop().await;
}

#[tokio::test]
async fn only_the_newest_update_keeps_something_and_is_rolled_back_without_force() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let first = process.updated("web").await;
    let request =
        UpdateRequest { container: "web".to_owned(), version: Some("3".to_owned()), ..UpdateRequest::default() };
    let second = process.operations.start_update(request).await.unwrap().operation;
    assert_eq!(process.ended(&second).await.status, Status::Complete);
    assert!(!process.operations.get(&first.id).await.unwrap().details[0].kept);
    assert_eq!(bench.engine.world().snapshots.len(), 1);
    assert!(matches!(process.rollback(&first.id, false).await, Err(UpdateError::NotNewest { .. })));
    let id = process.rollback(&second, false).await.unwrap();
    assert_eq!(process.ended(&id).await.status, Status::Complete);
    assert_eq!(bench.runs("web"), "2");
    process.stop().await;
}
