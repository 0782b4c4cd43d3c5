//! Several who want something of the same containers at once: one is first, the others get that or wait, and nothing is
//! half done.

use super::*;

/// What every container runs, and what the file says of it.
fn versions(bench: &Bench) -> [(String, String); 2] {
    let file = bench.file();
    let mut images = file.lines().filter_map(|line| line.trim().strip_prefix("image: app:"));
    let mut said = || images.next().unwrap_or_default().chars().take(1).collect::<String>();
    let (web, db) = (said(), said());
    [(bench.runs("web"), web), (bench.runs("db"), db)]
}

async fn all_of(process: &Process) -> Vec<Operation> {
    let filter = Filter { statuses: Status::ALL.to_vec(), limit: 100, ..Filter::default() };
    process.operations.list(&filter).await.unwrap().operations
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_many_who_ask_for_the_same_at_once_get_the_same() {
    let bench = Bench::new();
    let process = bench.process().await;
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let operations = process.operations.clone();
        let request = UpdateRequest { container: "web".to_owned(), ..UpdateRequest::default() };
        asked.spawn(async move { operations.start_update(request).await.unwrap().operation });
    }
    let ids: BTreeSet<String> = asked.join_all().await.into_iter().collect();
    assert_eq!((ids.len(), all_of(&process).await.len()), (1, 1), "{ids:?}");
    process.work();
    assert_eq!(process.ended(ids.first().unwrap()).await.status, Status::Complete);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_two_on_one_stack_go_one_after_the_other() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let (web, db) = tokio::join!(process.update("web"), process.update("db"));
    let (web, db) = (web.unwrap().operation, db.unwrap().operation);
    let (web, db) = (process.ended(&web).await, process.ended(&db).await);
    assert_eq!((web.status, db.status), (Status::Complete, Status::Complete));
    let (first, second) = if web.started_at < db.started_at { (web, db) } else { (db, web) };
    assert!(first.completed_at <= second.started_at, "they overlapped");
    assert_eq!(versions(&bench), [("2".to_owned(), "2".to_owned()), ("2".to_owned(), "2".to_owned())]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_3_a_way_back_that_waited_behind_another_update_is_refused_untouched() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let first = process.updated("web").await;
    // The lock of `db`'s application holds the stack, so that both of the others wait.
    bench.lock();
    let version = Some("3".to_owned());
    let request = UpdateRequest { container: "web".to_owned(), version, ..UpdateRequest::default() };
    let second = process.operations.start_update(request).await.unwrap().operation;
    let back = process.rollback(&first.id, false).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(process.operations.get(&back).await.unwrap().status, Status::Queued);
    bench.engine.world().locks_held.clear();
    assert_eq!(process.ended(&second).await.status, Status::Complete);
    let back = process.ended(&back).await;
    assert_eq!(back.status, Status::Failed);
    assert!(back.error.contains("was updated again"), "{}", back.error);
    assert_eq!(versions(&bench)[0], ("3".to_owned(), "3".to_owned()));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_against_a_way_back_and_a_restart_leave_whole_containers() {
    for instants in (3..90).step_by(11) {
        let bench = Bench::new();
        let process = bench.process().await;
        process.work();
        let first = process.updated("web").await;
        let item = |name: &str| BatchItem {
            update: UpdateRequest {
                container: name.to_owned(),
                version: Some("3".to_owned()),
                ..UpdateRequest::default()
            },
            ..BatchItem::default()
        };
        bench.engine.arm(Fault::Updater, instants);
        let both = async {
            tokio::join!(
                process.operations.start_batch(vec![item("web"), item("db")], "ada"),
                process.rollback(&first.id, false)
            )
        };
        tokio::select! {
            _ = both => {}
            () = bench.engine.blown.notified() => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        process.stop().await;
        bench.engine.arm(Fault::Updater, usize::MAX);
        let process = bench.process().await;
        process.work();
        for operation in all_of(&process).await {
            assert!(process.ended(&operation.id).await.status.is_final());
        }
        for (runs, file) in versions(&bench) {
            assert!(!runs.is_empty(), "after {instants}: something does not run");
            assert_eq!(runs, file, "after {instants}");
        }
        let data = bench.data();
        assert_eq!(data == "written by old", bench.runs("web") == "1", "after {instants}: {data}");
        process.stop().await;
    }
}

/// Contract, sections 10.6 and 11: who follows from another stack is not worked on at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn s10_6_a_follower_in_another_stack_holds_that_stack_too() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "web");
    // Its application holds the first one up in the middle.
    bench.lock();
    let process = bench.process().await;
    process.work();
    let first = process.update("web").await.unwrap().operation;
    process.staged(&first, "locking").await;
    let second = process.update("lone").await.unwrap().operation;
    let restart = ByHand { action: Action::Restart { timeout: None }, force: false, requested_by: "ada".to_owned() };
    let act = process.operations.act(&process.context, "lone", &restart).await;
    assert!(matches!(act, Err(UpdateError::Busy { .. })), "{act:?}");
    assert_eq!(process.operations.get(&second).await.unwrap().status, Status::Queued);
    bench.engine.world().locks_held.clear();
    let (first, second) = (process.ended(&first).await, process.ended(&second).await);
    assert_eq!((first.status, second.status), (Status::Complete, Status::Complete), "{} {}", first.error, second.error);
    assert!(first.completed_at <= second.started_at, "they overlapped");
    process.stop().await;
}

/// Contract, section 11: two operations that each reach into the other's stack do not wait for each other for ever.
#[tokio::test(flavor = "multi_thread")]
async fn s11_operations_that_reach_into_each_others_stacks_both_end() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "web");
    bench.label("web", "docksmith.restart-after", "lone");
    let process = bench.process().await;
    let (web, lone) = (process.update("web").await.unwrap().operation, process.update("lone").await.unwrap().operation);
    process.work();
    for id in [web, lone] {
        let ended = process.ended(&id).await;
        assert_eq!(ended.status, Status::Complete, "{}", ended.error);
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_batch_a_way_back_and_a_fix_that_are_asked_for_twice_are_one() {
    let bench = Bench::new();
    let process = bench.process().await;
    let item = |name: &str| BatchItem {
        update: UpdateRequest { container: name.to_owned(), ..UpdateRequest::default() },
        ..BatchItem::default()
    };
    let batch = async |names: &[&str]| {
        let (_, answers) =
            process.operations.start_batch(names.iter().map(|name| item(name)).collect(), "test").await.unwrap();
        assert!(answers.iter().all(|answer| answer.error.is_empty()), "{answers:?}");
        answers.iter().map(|answer| answer.operation.clone()).collect::<Vec<_>>()
    };
    let first = batch(&["web", "db"]).await;
    assert_eq!((batch(&["db", "web"]).await, batch(&["web"]).await), (first.clone(), first.clone()));
    assert_eq!(process.update("db").await.unwrap().operation, first[0]);
    process.work();
    assert_eq!(process.ended(&first[0]).await.status, Status::Complete);

    // The lock of `db`'s application holds the stack, so that the ways back wait.
    bench.lock();
    let back = |containers: &[&str]| {
        let containers = containers.iter().map(|name| (*name).to_owned()).collect();
        let request = RollbackRequest { operation: first[0].clone(), containers, ..RollbackRequest::default() };
        process.operations.start_rollback(request)
    };
    let (whole, again) = tokio::join!(back(&[]), back(&[]));
    let whole = whole.unwrap();
    assert_eq!((again.unwrap(), back(&["web", "db"]).await.unwrap()), (whole.clone(), whole.clone()));
    bench.engine.world().locks_held.clear();
    assert_eq!(process.ended(&whole).await.status, Status::Complete);

    bench.lock();
    bench.engine.world().files.insert(PATH.to_owned(), FILE.replacen("app:1", "app:2", 1));
    let fix = process.operations.fix_mismatch("web", false, "test").await.unwrap().id;
    assert_eq!(process.operations.fix_mismatch("web", false, "test").await.unwrap().id, fix);
    bench.engine.world().locks_held.clear();
    assert_eq!(process.ended(&fix).await.status, Status::Complete);
    process.stop().await;
}
