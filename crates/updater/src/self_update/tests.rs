//! Whoever dies at whatever instant, Homeport ends in one version, with the files and the data of that version.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use homeport_operation::{Change, Journal, Observer, Outcome, Retry, Runner};
use homeport_service::clock::SystemClock;
use homeport_store::{Store, StoreError, Transaction};
use tokio_util::sync::CancellationToken;

use super::{SelfJob, gather_own, plan_self_update, workflow};
use crate::{
    config::HealthConfig,
    engine::fake::{FakeEngine, Fault, World},
    plan::{Target, tag_of},
};

const PATH: &str = "/stacks/homeport/compose.yaml";
const FILE: &str =
    "services:\n  bus: &a\n    image: app:1\n  agent:\n    image: app:1 # the agent\n  updater:\n    <<: *a\n";
const SERVICES: [&str; 3] = ["agent", "bus", "updater"];

fn digest(version: &str) -> String {
    format!("sha256:{version:0>64}")
}

fn world() -> World {
    let mut world = World::default();
    for (version, image) in [("1", "sha256:old"), ("2", "sha256:new")] {
        world.registry.insert(digest(version), image.to_owned());
        world.images.insert(image.to_owned());
    }
    world.tags.insert("docker.io/library/app:1".to_owned(), "sha256:old".to_owned());
    world.files.insert(PATH.to_owned(), FILE.to_owned());
    world.volumes.insert("state".to_owned(), "written by old".to_owned());
    world.own = Some("hp-agent".to_owned());
    for service in SERVICES {
        let labels = [
            ("com.docker.compose.project", "homeport"),
            ("com.docker.compose.service", service),
            ("com.docker.compose.project.config_files", PATH),
            ("com.docker.compose.project.working_dir", "/stacks/homeport"),
            ("homeport.role", service),
        ];
        let data: &[&str] = if service == "updater" { &["state"] } else { &[] };
        let id = world.create(&format!("hp-{service}"), "app:1", data, &labels);
        world.start(&id);
    }
    // In the same project, but somebody else's.
    let labels = [("com.docker.compose.project", "homeport"), ("com.docker.compose.service", "proxy")];
    let id = world.create("hp-proxy", "app:1", &[], &labels);
    world.start(&id);
    world
}

struct Silent;

#[async_trait::async_trait]
impl Observer for Silent {
    async fn changed(&self, _: &mut Transaction, _: &str, _: &Change<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn job(engine: &FakeEngine) -> SelfJob {
    let mut facts = gather_own(engine).await.unwrap();
    facts.read_files(engine).await.unwrap();
    let target = Target { tag: "2".to_owned(), digest: digest("2") };
    let targets = BTreeMap::from([("docker.io/library/app".to_owned(), target)]);
    let health = HealthConfig { stable_ms: 0, ..HealthConfig::default() };
    let mut job = plan_self_update(&facts, &targets, &health, "op-1", false).unwrap();
    job.parts.iter_mut().for_each(|part| part.new_id = "sha256:new".to_owned());
    job
}

/// One life of the process that does the swap. None: it died.
async fn live(engine: &Arc<FakeEngine>, job: &SelfJob, directory: &std::path::Path) -> Option<Outcome> {
    let store = Store::open(&directory.join("journal.db"), vec![homeport_operation::schema()]).await.unwrap();
    let journal = Journal::new(store.clone(), Arc::new(SystemClock));
    if journal.get(&job.id).await.unwrap().is_none() {
        let mut transaction = store.begin().await.unwrap();
        journal.create(&mut transaction, &job.id, "self_update", job).await.unwrap();
        transaction.commit().await.unwrap();
    }
    let entry = journal.get(&job.id).await.unwrap().unwrap();
    let steps = workflow(engine.clone(), engine.clone(), job.clone());
    let retry = Retry { first: Duration::from_millis(1), ceiling: Duration::from_millis(1), attempts: 8 };
    let drain = CancellationToken::new();
    let outcome = {
        let runner = Runner::new(&journal, &Silent, &drain, retry);
        tokio::select! {
            outcome = runner.run(&entry, &steps) => Some(outcome.unwrap()),
            () = engine.blown.notified() => None,
        }
    };
    store.close().await;
    outcome
}

/// Everything is of one version, and nothing else is there.
fn check(engine: &FakeEngine, outcome: &Outcome, when: &str) {
    let is_new = match outcome {
        Outcome::Done { warnings } => {
            assert!(warnings.is_empty(), "{when}: {warnings:?}");
            true
        }
        Outcome::Undone { .. } => false,
        other => panic!("{when}: {other:?}"),
    };
    let world = engine.world();
    let version = if is_new { "2" } else { "1" };
    for service in SERVICES {
        let name = format!("hp-{service}");
        let found: Vec<_> = world.containers.values().filter(|one| one.name.starts_with(&name)).collect();
        assert_eq!(found.len(), 1, "{when}: {name}");
        assert_eq!((tag_of(&found[0].image), found[0].is_up()), (version, true), "{when}: {name}");
    }
    let proxy = world.containers.values().find(|one| one.name == "hp-proxy").unwrap();
    assert_eq!(tag_of(&proxy.image), "1", "{when}");
    let file = FILE.replace("app:1", &format!("app:{version}"));
    assert_eq!(world.files[PATH], file, "{when}");
    assert_eq!(world.volumes["state"], if is_new { "written by new" } else { "written by old" }, "{when}");
    assert!(world.snapshots.is_empty(), "{when}: a snapshot is left");
    let kept = world.tags.keys().filter(|tag| tag.starts_with("homeport.local/")).count();
    assert_eq!(kept, if is_new { SERVICES.len() } else { 0 }, "{when}: {:?}", world.tags);
    assert_eq!(world.tags.contains_key("docker.io/library/app:2"), is_new, "{when}");
}

#[tokio::test]
async fn s13_all_parts_go_to_the_new_version_and_others_stay() {
    let engine = FakeEngine::new(world());
    let directory = tempfile::tempdir().unwrap();
    let job = job(&engine).await;
    assert_eq!(job.parts.len(), SERVICES.len());
    assert_eq!((job.agent.as_str(), job.data.len(), job.files.len()), ("hp-agent", 1, 1));
    let outcome = live(&engine, &job, directory.path()).await.unwrap();
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    check(&engine, &outcome, "without a fault");
}

#[tokio::test]
async fn s13_a_version_that_does_not_stay_up_is_taken_back() {
    let mut world = world();
    world.exiting.insert("sha256:new".to_owned());
    let engine = FakeEngine::new(world);
    let directory = tempfile::tempdir().unwrap();
    let outcome = live(&engine, &job(&engine).await, directory.path()).await.unwrap();
    assert!(matches!(&outcome, Outcome::Undone { error } if error.contains("is not healthy")), "{outcome:?}");
    check(&engine, &outcome, "a broken version");
}

#[tokio::test]
async fn s13_data_that_cannot_be_brought_back_is_not_given_to_the_old_version() {
    let mut world = world();
    world.exiting.insert("sha256:new".to_owned());
    world.is_full = true;
    let engine = FakeEngine::new(world);
    let directory = tempfile::tempdir().unwrap();
    let outcome = live(&engine, &job(&engine).await, directory.path()).await.unwrap();
    let Outcome::Broken { left, .. } = outcome else { panic!("{outcome:?}") };
    assert!(left.iter().any(|left| left.contains("snapshot op-1")), "{left:?}");
    let world = engine.world();
    assert_eq!(world.volumes["state"], "written by new");
    assert_eq!(world.snapshots["op-1"]["state"], "written by old");
    for service in SERVICES {
        let old = world.containers.values().find(|one| one.name == format!("hp-{service}")).unwrap();
        assert_eq!((tag_of(&old.image), old.is_up()), ("1", false), "{service}");
    }
}

#[tokio::test]
async fn s13_a_part_that_was_started_while_its_data_was_copied_ends_it() {
    let mut world = world();
    world.on_copy = Some("hp-updater".to_owned());
    let engine = FakeEngine::new(world);
    let directory = tempfile::tempdir().unwrap();
    let outcome = live(&engine, &job(&engine).await, directory.path()).await.unwrap();
    assert!(matches!(&outcome, Outcome::Undone { error } if error.contains("started again by someone")), "{outcome:?}");
    check(&engine, &outcome, "a start in between");
}

#[tokio::test]
async fn s13_whoever_dies_at_whatever_instant_it_ends_in_one_version() {
    for fault in [Fault::Updater, Fault::Agent, Fault::Engine] {
        let mut ended_both_ways = [false; 2];
        // Every third: each journal is a database on the disk.
        for instants in (0..).step_by(3) {
            let engine = FakeEngine::new(world());
            let directory = tempfile::tempdir().unwrap();
            let job = job(&engine).await;
            engine.arm(fault, instants);
            let mut outcome = live(&engine, &job, directory.path()).await;
            let has_died = engine.is_blown();
            engine.arm(Fault::Updater, usize::MAX);
            while outcome.is_none() {
                outcome = live(&engine, &job, directory.path()).await;
            }
            let outcome = outcome.unwrap();
            ended_both_ways[usize::from(matches!(outcome, Outcome::Done { .. }))] = true;
            check(&engine, &outcome, &format!("{fault:?} after {instants}"));
            if !has_died {
                assert!(instants > 60, "only {instants} instants");
                break;
            }
        }
        assert_eq!(ended_both_ways, [true; 2], "{fault:?}");
    }
}
