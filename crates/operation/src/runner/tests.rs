//! A model of the world that is crashed at every instant: between any two effects and before any write of the journal.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use homeport_service::clock::SystemClock;
use homeport_store::Store;
use proptest::prelude::*;
use tokio::sync::Notify;

use super::*;
use crate::{StepError, schema};

/// Effects of each step that are in place: two a step, so that one can be half done.
type World = Arc<Mutex<Vec<[bool; 2]>>>;

/// Crashes at the n-th instant.
struct Fuse {
    left: AtomicUsize,
    blown: Notify,
}

impl Fuse {
    fn new(instants: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(instants), blown: Notify::new() })
    }

    async fn instant(&self) {
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

struct Model {
    name: &'static str,
    number: usize,
    fails: bool,
    /// How many more times its undo fails for want of someone.
    away: AtomicUsize,
    world: World,
    fuse: Arc<Fuse>,
}

impl Model {
    async fn set(&self, value: bool) {
        for part in 0..2 {
            self.fuse.instant().await;
            self.world.lock().unwrap_or_else(PoisonError::into_inner)[self.number][part] = value;
        }
        self.fuse.instant().await;
    }
}

#[async_trait]
impl Step for Model {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        scope.record(&self.number).await?;
        self.set(true).await;
        if self.fails { Err(StepError::failed("it is made to fail")) } else { Ok(()) }
    }

    async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
        if self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(StepError::away("nobody is there"));
        }
        self.set(false).await;
        Ok(())
    }
}

struct Watch(Arc<Fuse>);

#[async_trait]
impl Observer for Watch {
    async fn changed(&self, _: &mut Transaction, _: &str, _: &Change<'_>) -> Result<(), StoreError> {
        self.0.instant().await;
        Ok(())
    }
}

const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];
const UNDOABLE: usize = 3;
const RETRY: Retry = Retry { first: Duration::ZERO, ceiling: Duration::ZERO, attempts: 3 };

fn workflow(world: &World, fuse: &Arc<Fuse>, fails: Option<usize>, away: usize) -> Workflow {
    let mut steps = NAMES.iter().enumerate().map(|(number, name)| {
        Box::new(Model {
            name,
            number,
            fails: fails == Some(number),
            away: AtomicUsize::new(away),
            world: Arc::clone(world),
            fuse: Arc::clone(fuse),
        }) as Box<dyn Step>
    });
    Workflow::new(steps.by_ref().take(UNDOABLE).collect(), steps.collect())
}

/// Runs the work with a crash at each of the instants given, then to its end.
async fn crash_and_recover(crashes: &[usize], fails: Option<usize>, away: usize) -> (Outcome, Vec<[bool; 2]>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("test.db"), vec![schema()]).await.unwrap();
    let journal = Journal::new(store.clone(), Arc::new(SystemClock));
    let mut transaction = store.begin().await.unwrap();
    journal.create(&mut transaction, "id", "test", &"plan").await.unwrap();
    transaction.commit().await.unwrap();
    let world = World::new(Mutex::new(vec![[false; 2]; NAMES.len()]));
    let drain = CancellationToken::new();
    let mut ended = None;
    for instants in crashes.iter().copied().chain([usize::MAX]) {
        let fuse = Fuse::new(instants);
        let (watch, workflow) = (Watch(Arc::clone(&fuse)), workflow(&world, &fuse, fails, away));
        let entry = journal.get("id").await.unwrap().unwrap();
        let runner = Runner::new(&journal, &watch, &drain, RETRY);
        tokio::select! {
            outcome = runner.run(&entry, &workflow) => ended = Some(outcome.unwrap()),
            () = fuse.blown.notified() => {}
        }
    }
    assert!(journal.unfinished().await.unwrap().is_empty());
    let world = world.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (ended.unwrap(), world)
}

fn check(outcome: &Outcome, world: &[[bool; 2]]) {
    match outcome {
        Outcome::Done { .. } => assert!(world.iter().flatten().all(|effect| *effect), "{world:?}"),
        Outcome::Undone { .. } => assert!(world.iter().flatten().all(|effect| !effect), "{world:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_crash_at_any_instant_leaves_all_or_nothing() {
    for fails in [None, Some(0), Some(1), Some(2)] {
        let mut undone_before = true;
        for instants in 0..60 {
            let (outcome, world) = crash_and_recover(&[instants], fails, 0).await;
            check(&outcome, &world);
            let undone = matches!(outcome, Outcome::Undone { .. });
            assert!(fails.is_none() || undone, "a step that fails never leads to the end");
            // The first instant belongs to work of which nothing was begun: it simply starts at the recovery.
            assert!(undone_before || !undone || instants <= 1, "past the commit point there is no way back");
            undone_before = undone;
        }
    }
}

#[tokio::test]
async fn an_undo_that_fails_for_good_does_not_hold_up_the_others() {
    struct Stubborn;
    #[async_trait]
    impl Step for Stubborn {
        fn name(&self) -> &'static str {
            "stubborn"
        }
        async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
            Err(StepError::failed("no way forward"))
        }
        async fn undo(&self, _: &Scope<'_>) -> Result<(), StepError> {
            Err(StepError::failed("no way back"))
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("test.db"), vec![schema()]).await.unwrap();
    let journal = Journal::new(store.clone(), Arc::new(SystemClock));
    let mut transaction = store.begin().await.unwrap();
    journal.create(&mut transaction, "id", "test", &"plan").await.unwrap();
    transaction.commit().await.unwrap();
    let fuse = Fuse::new(usize::MAX);
    let world = World::new(Mutex::new(vec![[false; 2]; NAMES.len()]));
    let mut workflow = workflow(&world, &fuse, None, 0);
    workflow.steps.insert(UNDOABLE, Box::new(Stubborn));
    workflow.commit += 1;
    let drain = CancellationToken::new();
    let watch = Watch(fuse);
    let entry = journal.get("id").await.unwrap().unwrap();
    let outcome = Runner::new(&journal, &watch, &drain, RETRY).run(&entry, &workflow).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::Broken { error: "no way forward".to_owned(), left: vec!["stubborn (no way back)".to_owned()] }
    );
    assert!(world.lock().unwrap().iter().flatten().all(|effect| !effect));
    assert_eq!(journal.get("id").await.unwrap().unwrap().status, Status::Broken);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn crashes_during_the_recovery_change_nothing(
        crashes in prop::collection::vec(0_usize..40, 0..5),
        fails in prop::option::of(0_usize..UNDOABLE),
        away in 0_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (outcome, world) = runtime.block_on(crash_and_recover(&crashes, fails, away));
        check(&outcome, &world);
    }
}
