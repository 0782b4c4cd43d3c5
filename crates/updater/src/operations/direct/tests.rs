use std::sync::Arc;

use super::{super::tests::Bench, *};

const STOP: Action = Action::Stop { timeout: None };

fn by(action: &Action, who: &str) -> ByHand {
    ByHand { action: action.clone(), force: false, requested_by: who.to_owned() }
}

#[tokio::test]
async fn s10_9_an_action_is_done_and_recorded() {
    let bench = Bench::new();
    let process = bench.process().await;
    let acted = process.operations.act(&process.context, "lone", &by(&STOP, "ada")).await.unwrap();
    assert_eq!((acted.container.as_str(), acted.error.as_str()), ("lone", ""));
    assert!(!bench.is_up("lone"));
    let operation = process.operations.get(&acted.operation).await.unwrap();
    assert_eq!(
        (operation.kind, operation.status, operation.requested_by.as_str()),
        (Kind::Stop, Status::Complete, "ada")
    );
    assert!(operation.started_at.is_some() && operation.completed_at.is_some() && operation.details.is_empty());
    let again = process.operations.act(&process.context, "lone", &by(&STOP, "ada")).await.unwrap();
    assert_eq!(again.error, "", "stopping what is stopped succeeds");
}

#[tokio::test]
async fn what_runs_is_removed_only_by_force() {
    let bench = Bench::new();
    let process = bench.process().await;
    let remove = |force| Action::Remove { force, volumes: false };
    let refused = process.operations.act(&process.context, "lone", &by(&remove(false), "")).await;
    assert!(matches!(refused, Err(UpdateError::Running)), "{refused:?}");
    process.operations.act(&process.context, "lone", &by(&remove(true), "")).await.unwrap();
    let gone = process.operations.act(&process.context, "lone", &by(&remove(true), "")).await;
    assert!(matches!(gone, Err(UpdateError::NoContainer { .. })), "{gone:?}");
}

#[tokio::test]
async fn while_a_stack_is_worked_on_its_containers_are_left_alone() {
    let bench = Bench::new();
    let process = bench.process().await;
    let subject = process.operations.0.subject("web", &STOP).await.unwrap();
    let busy = process.operations.seize(&subject).unwrap();
    for name in ["web", "db"] {
        let refused = process.operations.act(&process.context, name, &by(&STOP, "")).await;
        assert!(matches!(refused, Err(UpdateError::Busy { .. })), "{refused:?}");
    }
    process.operations.act(&process.context, "lone", &by(&STOP, "")).await.unwrap();
    drop(busy);
    process.operations.act(&process.context, "web", &by(&STOP, "")).await.unwrap();
}

#[tokio::test]
async fn several_are_worked_on_in_order_and_one_that_fails_holds_up_none() {
    let bench = Bench::new();
    let process = bench.process().await;
    let names = ["db", "nobody", "web", "lone"].map(str::to_owned);
    let (group, results) = process.operations.act_on_many(&process.context, &names, &by(&STOP, "ada")).await;
    let done: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true, true], "{results:?}");
    assert!(["db", "web", "lone"].iter().all(|name| !bench.is_up(name)));
    let filter = crate::store::Filter { limit: 10, group, ..crate::store::Filter::default() };
    assert_eq!(process.operations.list(&filter).await.unwrap().operations.len(), 3);
    let after = process.operations.act(&process.context, "db", &by(&Action::Start, "")).await;
    assert!(after.is_ok(), "the locks were given back: {after:?}");
}

#[tokio::test]
async fn s10_9_what_a_crash_interrupted_is_done_again() {
    let bench = Bench::new();
    let process = bench.process().await;
    let subject = process.operations.0.subject("lone", &STOP).await.unwrap();
    let operation = process.operations.0.record(&subject, &by(&STOP, ""), Vec::new(), "").await.unwrap();
    assert!(bench.is_up("lone"));
    process.stop().await;
    let process = bench.process().await;
    process.work();
    let ended = process.ended(&operation.id).await;
    assert_eq!((ended.status, ended.error.as_str()), (Status::Complete, ""));
    assert!(!bench.is_up("lone"));
}

#[tokio::test]
async fn homeports_own_containers_are_refused() {
    let bench = Bench::new();
    let process = bench.process().await;
    bench.label("lone", "homeport.role", "updater");
    let refused = process.operations.act(&process.context, "lone", &by(&STOP, "")).await;
    assert!(matches!(refused, Err(UpdateError::Plan(PlanError::Own { .. }))), "{refused:?}");
    assert!(bench.is_up("lone"));
}

#[tokio::test]
async fn nothing_begins_while_it_is_quiet() {
    let bench = Bench::new();
    let process = bench.process().await;
    let quiet = process.operations.quiet().unwrap();
    let refused = process.operations.act(&process.context, "lone", &by(&STOP, "")).await;
    assert!(matches!(refused, Err(UpdateError::Busy { .. })), "{refused:?}");
    drop(quiet);
    let acted = Arc::new(process.operations.act(&process.context, "lone", &by(&STOP, "")).await.unwrap());
    assert_eq!(acted.error, "");
    let subject = process.operations.0.subject("web", &STOP).await.unwrap();
    let _busy = process.operations.seize(&subject).unwrap();
    assert!(matches!(process.operations.quiet(), Err(UpdateError::NotQuiet)));
}

#[tokio::test]
async fn the_lock_of_an_application_is_held_until_the_last_of_its_containers_is_done() {
    let bench = Bench::new();
    bench.lock();
    bench.engine.world().locks_held.clear();
    let process = bench.process().await;
    let names = ["db", "web"].map(str::to_owned);
    let (_, results) = process.operations.act_on_many(&process.context, &names, &by(&STOP, "")).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(bench.engine.world().locks_at_acts, [1, 1], "locks that are ours while each is stopped");
    assert!(bench.is_unlocked());
}

#[tokio::test]
async fn locks_that_nobody_needs_are_given_back_when_nothing_is_under_way() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    {
        let mut world = bench.engine.world();
        world.locks_held.clear();
        world.locks_taken.insert("/run/locks/db".to_owned());
    }
    let subject = process.operations.0.subject("lone", &STOP).await.unwrap();
    let busy = process.operations.seize(&subject).unwrap();
    process.operations.sweep_locks().await.unwrap();
    assert!(!bench.is_unlocked(), "something is under way");
    drop(busy);
    let interrupted = process.operations.0.record(&subject, &by(&STOP, ""), Vec::new(), "").await.unwrap();
    process.operations.sweep_locks().await.unwrap();
    assert!(!bench.is_unlocked(), "something was under way before this process");
    process.operations.0.carry_out(&interrupted).await.unwrap();
    process.operations.sweep_locks().await.unwrap();
    assert!(bench.is_unlocked());
}

#[tokio::test]
async fn what_an_update_lock_is_held_for_is_stopped_only_by_force() {
    let bench = Bench::new();
    bench.lock();
    let process = bench.process().await;
    let actions = [STOP, Action::Restart { timeout: None }, Action::Remove { force: true, volumes: false }];
    for action in &actions {
        let refused = process.operations.act(&process.context, "web", &by(action, "")).await;
        let Err(UpdateError::Locked { reason }) = refused else { panic!("{action:?}: {refused:?}") };
        assert!(reason.contains("Lockfile exists") && reason.contains("lock of db (updates.lock"), "{reason}");
    }
    let (_, refused) = process.operations.act_on_many(&process.context, &["web".to_owned()], &by(&STOP, "")).await;
    assert!(matches!(refused[0], Err(UpdateError::Locked { .. })), "{refused:?}");
    let filter = crate::store::Filter { limit: 10, ..crate::store::Filter::default() };
    let begun = process.operations.list(&filter).await.unwrap().operations;
    assert!(bench.is_up("web") && begun.is_empty(), "{begun:?}");
    process.operations.act(&process.context, "lone", &by(&STOP, "")).await.unwrap();
    process.operations.act(&process.context, "web", &by(&Action::Start, "")).await.unwrap();
    let forced = ByHand { force: true, ..by(&STOP, "") };
    process.operations.act(&process.context, "web", &forced).await.unwrap();
    assert!(!bench.is_up("web") && bench.is_unlocked(), "the lock was broken, and ours given back");
}
