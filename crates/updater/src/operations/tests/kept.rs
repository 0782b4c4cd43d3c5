//! What is kept: within limits, and no longer than there is somebody to keep it for.

use super::*;

#[tokio::test]
async fn data_beyond_the_limit_or_the_disk_is_refused_before_anything_is_done() {
    let bench = Bench::new();
    let mut process = bench.process().await;
    let inner = Arc::get_mut(&mut process.operations.0).unwrap();
    inner.parts.keep.snapshot_max_mib = 5;
    process.work();
    for (bytes, reason) in [(6 << 20, "at most 5 MiB are copied"), (2 << 40, "at most 5 MiB")] {
        bench.engine.world().measured = bytes;
        let ended = process.updated("web").await;
        assert_eq!((ended.status, ended.rollback_occurred), (Status::Failed, false));
        assert!(ended.error.contains(reason), "{}", ended.error);
    }
    process.stop().await;
    let process = bench.process().await;
    process.work();
    let ended = process.updated("web").await;
    assert!(ended.error.contains("MiB are free"), "{}", ended.error);
    assert_eq!(bench.engine.world().starts, 3, "nothing was touched");
    bench.engine.world().measured = 1 << 20;
    assert_eq!(process.updated("web").await.status, Status::Complete);
    process.stop().await;
}

#[tokio::test]
async fn what_is_kept_goes_some_time_after_its_container() {
    let bench = Bench::new();
    let mut process = bench.process().await;
    let inner = Arc::get_mut(&mut process.operations.0).unwrap();
    inner.parts.keep.gone_days = 0;
    process.work();
    let done = process.updated("web").await;
    let kept = || {
        let world = bench.engine.world();
        (world.snapshots.len(), world.tags.keys().filter(|tag| tag.starts_with("homeport.local")).count())
    };
    let none = BTreeSet::new();
    assert_eq!(process.operations.sweep_once(&none).await.unwrap(), none);
    assert_eq!(kept(), (1, 1), "its container is there");

    bench.engine.world().containers.retain(|_, container| container.name != "web");
    let missing = process.operations.sweep_once(&none).await.unwrap();
    assert_eq!((missing.len(), kept()), (1, (1, 1)), "it may just be recreated");
    process.operations.sweep_once(&missing).await.unwrap();
    assert_eq!(kept(), (0, 0));
    assert!(!process.operations.get(&done.id).await.unwrap().details[0].kept);
    process.stop().await;
}
