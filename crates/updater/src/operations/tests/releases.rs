//! Homeport's own version: what is wanted of it, and what it does by itself.

use std::sync::{Mutex, atomic::AtomicBool, atomic::Ordering};

use super::*;
use crate::release::{Change, Finder, Release, Releases};

/// What a check would have found.
#[derive(Default)]
struct Found {
    newer: Mutex<Option<&'static str>>,
    is_timed: AtomicBool,
}

impl Finder for Found {
    fn newer(&self, _: &Container) -> Option<String> {
        self.newer.lock().unwrap().map(str::to_owned)
    }

    fn set_timed(&self, on: bool) {
        self.is_timed.store(on, Ordering::SeqCst);
    }
}

/// A stack whose containers are Homeport's.
fn homeport() -> Bench {
    let bench = Bench::new();
    bench.engine.world().own = Some("web".to_owned());
    for name in ["web", "db"] {
        bench.label(name, "homeport.role", name);
    }
    bench
}

fn releases(process: &Process) -> (Releases, Arc<Found>) {
    let found = Arc::new(Found::default());
    let store = process.operations.0.parts.store.clone();
    (Releases::new(store, process.operations.clone(), Arc::clone(&found) as _), found)
}

#[tokio::test]
async fn what_is_set_stays_and_nothing_is_set_by_halves() {
    let bench = Bench::new();
    let process = bench.process().await;
    let (releases, found) = releases(&process);
    assert_eq!(releases.get().await.unwrap(), Release { version: None, check_updates: true, auto_update: false });
    let version = |text: &str| Change { version: Some(text.to_owned()), ..Change::default() };
    releases.set(version("0.2.0")).await.unwrap();
    releases.set(Change { check_updates: Some(true), auto_update: Some(true), ..Change::default() }).await.unwrap();
    assert!(found.is_timed.load(Ordering::SeqCst));
    for wrong in ["a b", "-x", ".x", "a/b", &"x".repeat(129)] {
        let change = Change { auto_update: Some(false), ..version(wrong) };
        assert!(matches!(releases.set(change).await, Err(UpdateError::BadTag { .. })), "{wrong}");
    }
    let expected = Release { version: Some("0.2.0".to_owned()), check_updates: true, auto_update: true };
    assert_eq!(releases.get().await.unwrap(), expected);
    releases.set(version("")).await.unwrap();
    assert_eq!(releases.get().await.unwrap().version, None);
    process.stop().await;
}

#[tokio::test]
async fn an_update_goes_to_what_is_set_or_was_found() {
    let bench = homeport();
    let process = bench.process().await;
    let (releases, found) = releases(&process);
    assert_eq!(releases.update("ada").await.unwrap(), None, "nothing newer is known");
    *found.newer.lock().unwrap() = Some("2");
    let operation = releases.update("ada").await.unwrap().unwrap();
    let operation = process.operations.get(&operation).await.unwrap();
    assert_eq!((operation.new_version.as_str(), operation.requested_by.as_str()), ("2", "ada"));
    releases.set(Change { version: Some("1".to_owned()), ..Change::default() }).await.unwrap();
    assert_eq!(releases.update("ada").await.unwrap(), None, "it runs already");
    process.stop().await;
}

#[tokio::test]
async fn by_itself_each_version_is_tried_once() {
    let bench = homeport();
    let process = bench.process().await;
    let (releases, found) = releases(&process);
    *found.newer.lock().unwrap() = Some("2");
    let tries = async |tried: &mut Option<String>| {
        releases.update_by_itself(tried).await.unwrap();
        process.operations.list(&Filter::default()).await.unwrap().operations.len()
    };
    let mut tried = None;
    assert_eq!(tries(&mut tried).await, 0, "nobody wants it");
    releases.set(Change { auto_update: Some(true), ..Change::default() }).await.unwrap();
    releases.update_by_itself(&mut tried).await.unwrap();
    let first = process.operations.last_of_itself().await.unwrap().unwrap();
    assert_eq!((first.new_version.as_str(), first.requested_by.as_str()), ("2", "auto-update"));
    releases.update_by_itself(&mut tried).await.unwrap();
    releases.update_by_itself(&mut None).await.unwrap();
    let same = process.operations.last_of_itself().await.unwrap().unwrap();
    assert_eq!(same.id, first.id, "not even after a restart");
    process.stop().await;
}

#[tokio::test]
async fn outside_of_containers_it_says_so() {
    let bench = Bench::new();
    let process = bench.process().await;
    let (releases, _) = releases(&process);
    assert!(matches!(releases.update("ada").await, Err(UpdateError::Plan(PlanError::NotContained))));
    process.stop().await;
}

#[tokio::test]
async fn a_restart_waits_for_nobody_and_nothing_begins_meanwhile() {
    let bench = homeport();
    let process = bench.process().await;
    process.work();
    let busy = process.operations.occupy(&["app".to_owned()], 4).unwrap();
    assert!(matches!(process.operations.restart_itself(&process.context).await, Err(UpdateError::NotQuiet)));
    drop(busy);
    assert!(!process.operations.restart_itself(&process.context).await.unwrap().is_empty());
    assert!(process.operations.occupy(&["app".to_owned()], 4).is_none());
    process.stop().await;
}
