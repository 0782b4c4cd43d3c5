//! The way back by hand.

use super::*;

#[tokio::test]
async fn s10_3_a_rollback_by_hand_brings_back_file_and_data_once() {
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
async fn s9_a_rollback_leaves_a_persons_changes_of_the_file() {
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
async fn s10_3_only_the_newest_update_keeps_something_and_is_rolled_back_without_force() {
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

/// Contract, section 10.3: the image itself, by its digest, what its tag is now, what its tag was then, or nothing.
#[tokio::test]
async fn s10_3_where_the_old_image_is_gone_the_nearest_is_taken_or_nothing_is_done() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let done = process.updated("web").await;
    {
        let mut world = bench.engine.world();
        let kept: Vec<String> =
            world.tags.iter().filter(|(_, id)| *id == "sha256:old").map(|(tag, _)| tag.clone()).collect();
        world.tags.retain(|tag, _| !kept.contains(tag));
        world.images.remove("sha256:old");
        // The tag was built anew since, and nobody has what it was.
        world.registry.insert(digest("1"), "sha256:old-again".to_owned());
    }
    let gone = |text: String| bench.targets.gone.lock().unwrap().insert(text);
    gone(digest("1"));
    gone("1".to_owned());
    let refused = process.rollback(&done.id, false).await.unwrap_err().to_string();
    assert!(refused.starts_with("no containers can be rolled back"), "{refused}");
    bench.targets.gone.lock().unwrap().remove("1");
    let back = process.rollback(&done.id, false).await.unwrap();
    let back = process.ended(&back).await;
    assert_eq!(
        (back.status, bench.runs("web").as_str(), bench.file().as_str()),
        (Status::Complete, "1", FILE),
        "{}",
        back.error
    );
    process.stop().await;
}

/// Contract, section 10.3, the branch "resolved": a moving tag whose former image is gone goes to the version that it was.
#[tokio::test]
async fn s10_3_where_the_tag_was_the_same_the_version_that_it_was_is_pinned() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    // To the same tag, which was rebuilt meanwhile.
    bench.targets.rebuilt.lock().unwrap().insert("1".to_owned(), digest("2"));
    let item = |container: &str| BatchItem {
        update: UpdateRequest {
            container: container.to_owned(),
            version: Some("1".to_owned()),
            ..UpdateRequest::default()
        },
        old_resolved_version: "3".to_owned(),
        ..BatchItem::default()
    };
    let (_, answers) = process.operations.start_batch(vec![item("web")], "ada").await.unwrap();
    assert_eq!(answers[0].error, "");
    let done = process.ended(&answers[0].operation).await;
    assert_eq!(done.status, Status::Complete, "{}", done.error);
    {
        let mut world = bench.engine.world();
        world.tags.retain(|_, id| *id != "sha256:old");
        world.images.remove("sha256:old");
    }
    bench.targets.gone.lock().unwrap().insert(digest("1"));
    let back = process.rollback(&done.id, false).await.unwrap();
    let back = process.ended(&back).await;
    assert_eq!((back.status, bench.runs("web").as_str()), (Status::Complete, "3"), "{}", back.error);
    assert_eq!(bench.file(), FILE.replacen("app:1", "app:3", 1));
    process.stop().await;
}
