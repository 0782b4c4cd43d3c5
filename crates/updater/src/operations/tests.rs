//! The work as its callers see it: asked for, queued, done, taken back, found again after a restart.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_service::{Context, Paths, clock::SystemClock, config::Environment};
use homeport_store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    config::ScriptsConfig,
    engine::{
        Container,
        fake::{FakeEngine, Fault, World},
    },
    events::Progress,
    plan::{PlanError, Target, tag_of},
    store::{DetailStatus, Kind, Status},
};

mod api;
mod back;
mod broken;
mod held;
mod kept;
mod pipelines;
mod plans;
mod releases;
mod rivals;
mod told;

const PATH: &str = "/stacks/app/compose.yaml";
const FILE: &str = "services:\n  web:\n    image: app:1 # the web\n  db:\n    image: app:1\n";

/// Digest of a version in the registry.
fn digest(version: &str) -> String {
    format!("sha256:{version:0>64}")
}

/// Everything is there but what is pinned to a digest in this.
#[derive(Default)]
struct Table {
    gone: std::sync::Mutex<BTreeSet<String>>,
    rechecked: std::sync::Mutex<Vec<String>>,
    /// While a test has this, no check ends.
    checks: tokio::sync::Mutex<()>,
    /// Tags that were built anew, with what they point at since.
    rebuilt: std::sync::Mutex<std::collections::BTreeMap<String, String>>,
}

impl Table {
    fn digest_of(&self, tag: &str) -> String {
        self.rebuilt.lock().unwrap().get(tag).cloned().unwrap_or_else(|| digest(tag))
    }
}

#[async_trait]
impl Targets for Table {
    async fn target(&self, container: &Container, version: Option<&str>, _: Instant) -> Result<Target, UpdateError> {
        match version.unwrap_or("2") {
            tag @ ("1" | "2" | "3") => Ok(Target { tag: tag.to_owned(), digest: self.digest_of(tag) }),
            tag => Err(UpdateError::NoImage { reference: format!("{}:{tag}", container.image) }),
        }
    }

    async fn digest(&self, reference: &str) -> Result<String, UpdateError> {
        match tag_of(reference) {
            tag if self.gone.lock().unwrap().contains(tag) => {
                Err(UpdateError::NoImage { reference: reference.to_owned() })
            }
            tag @ ("1" | "2" | "3") => Ok(self.digest_of(tag)),
            _ => Err(UpdateError::NoImage { reference: reference.to_owned() }),
        }
    }

    async fn exists(&self, reference: &str) -> Result<bool, UpdateError> {
        let digest = reference.split_once('@').map_or(reference, |(_, digest)| digest);
        Ok(!self.gone.lock().unwrap().contains(digest))
    }

    async fn tag_of_version(&self, _: &str, _: &str, version: &str) -> Result<Option<String>, UpdateError> {
        Ok(Some(version.to_owned()))
    }

    async fn recheck(&self, container: &str) {
        drop(self.checks.lock().await);
        self.rechecked.lock().unwrap().push(container.to_owned());
    }
}

struct NoTicks;

impl Ticks for NoTicks {
    fn tick(&self, _: &Progress) {}
}

pub(super) struct Bench {
    directory: tempfile::TempDir,
    pub(super) engine: Arc<FakeEngine>,
    targets: Arc<Table>,
}

/// Stage and percentage of each progress that was told.
fn stages(events: &[(String, String)]) -> Vec<(String, u64)> {
    let progress = events.iter().filter(|(topic, _)| topic == crate::events::PROGRESS);
    let payloads = progress.map(|(_, payload)| serde_json::from_str::<serde_json::Value>(payload).unwrap());
    payloads.map(|told| (told["stage"].as_str().unwrap().to_owned(), told["progress"].as_u64().unwrap())).collect()
}

/// A process with the work in it.
pub(super) struct Process {
    pub(super) operations: Operations,
    pub(super) context: Context,
}

impl Process {
    /// Starts carrying out what waits.
    pub(super) fn work(&self) {
        let (operations, context) = (self.operations.clone(), self.context.clone());
        self.context.spawn("work", async move { operations.work(&context).await });
    }

    async fn update(&self, container: &str) -> Result<Started, UpdateError> {
        let container = container.to_owned();
        self.operations.start_update(UpdateRequest { container, ..UpdateRequest::default() }).await
    }

    async fn plan(&self, container: &str) -> Result<Shown, UpdateError> {
        let container = container.to_owned();
        self.operations.plan(&UpdateRequest { container, ..UpdateRequest::default() }).await
    }

    async fn rollback(&self, operation: &str, force: bool) -> Result<String, UpdateError> {
        let request = RollbackRequest { operation: operation.to_owned(), force, ..RollbackRequest::default() };
        self.operations.start_rollback(request).await
    }

    /// Topic and payload of all that was told.
    async fn events(&self) -> Vec<(String, String)> {
        sqlx::query_as("SELECT topic, payload FROM outbox ORDER BY id")
            .fetch_all(self.operations.0.parts.store.reader())
            .await
            .unwrap()
    }

    pub(super) async fn ended(&self, operation: &str) -> Operation {
        for _ in 0..2_000 {
            let found = self.operations.get(operation).await.unwrap();
            if found.status.is_final() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("operation {operation} has not ended");
    }

    /// Waits until an operation under way is in a stage.
    pub(super) async fn staged(&self, operation: &str, stage: &str) {
        self.reached(operation, |found| found.status == Status::InProgress && found.stage == stage).await;
    }

    /// Waits until an operation under way is as it should be.
    async fn reached(&self, operation: &str, is_there: impl Fn(&Operation) -> bool) {
        for _ in 0..2_000 {
            let found = self.operations.get(operation).await.unwrap();
            assert!(!found.status.is_final(), "it has ended: {}", found.error);
            if is_there(&found) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("operation {operation} never came there");
    }

    async fn updated(&self, container: &str) -> Operation {
        let started = self.update(container).await.unwrap();
        self.ended(&started.operation).await
    }

    pub(super) async fn stop(self) {
        self.context.drain().cancel();
        self.context.wait_for_tasks().await;
        self.operations.0.parts.store.close().await;
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::of(world())
    }

    fn of(world: World) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), engine: FakeEngine::new(world), targets: Arc::default() }
    }

    pub(super) async fn process(&self) -> Process {
        self.process_with(OperationsConfig::default()).await
    }

    async fn process_with(&self, limits: OperationsConfig) -> Process {
        let schemas = vec![homeport_operation::schema(), store::schema()];
        let store = Store::open(&self.directory.path().join("updater.db"), schemas).await.unwrap();
        let drain = CancellationToken::new();
        let paths = Paths { state: self.directory.path().into(), configs: self.directory.path().into() };
        let context = Context::new("updater", paths, Environment::default(), drain.clone());
        let operations = Operations::new(Parts {
            store,
            engine: Arc::clone(&self.engine) as _,
            targets: Arc::clone(&self.targets) as _,
            ticks: Arc::new(NoTicks),
            clock: Arc::new(SystemClock),
            health: HealthConfig { stable_ms: 0, ..HealthConfig::default() },
            rollback: RollbackConfig::default(),
            keep: KeepConfig::default(),
            limits,
            scripts: Scripts::new(&ScriptsConfig {
                directory: self.directory.path().join("scripts"),
                ..ScriptsConfig::default()
            }),
            retry: homeport_operation::Retry {
                first: Duration::from_millis(1),
                ceiling: Duration::from_millis(1),
                attempts: 8,
            },
            drain,
        });
        Process { operations, context }
    }

    /// What runs under a name, as its tag.
    fn runs(&self, name: &str) -> String {
        let world = self.engine.world();
        let mut found = world.containers.values().filter(|container| container.name == name && container.is_up());
        found.next().map(|container| tag_of(&container.image).to_owned()).unwrap_or_default()
    }

    pub(super) fn is_up(&self, name: &str) -> bool {
        !self.runs(name).is_empty()
    }

    pub(super) fn label(&self, name: &str, label: &str, value: &str) {
        let mut world = self.engine.world();
        let container = world.containers.values_mut().find(|container| container.name == name).unwrap();
        container.labels.insert(label.to_owned(), value.to_owned());
    }

    fn file(&self) -> String {
        self.engine.world().files[PATH].clone()
    }

    fn data(&self) -> String {
        self.engine.world().volumes["data"].clone()
    }
}

/// A stack of `web`, which has data, and `db`, which it depends on; and a container without a stack.
fn world() -> World {
    let mut world = World::default();
    world.images.insert("sha256:old".to_owned());
    for (version, image) in [("1", "sha256:old"), ("2", "sha256:new"), ("3", "sha256:newest")] {
        world.registry.insert(digest(version), image.to_owned());
    }
    world.tags.insert("docker.io/library/app:1".to_owned(), "sha256:old".to_owned());
    world.files.insert(PATH.to_owned(), FILE.to_owned());
    world.volumes.insert("data".to_owned(), "written by old".to_owned());
    let labels = |service| {
        [
            ("com.docker.compose.project", "app"),
            ("com.docker.compose.service", service),
            ("com.docker.compose.project.config_files", PATH),
            ("com.docker.compose.project.working_dir", "/stacks/app"),
            ("com.docker.compose.depends_on", if service == "web" { "db:service_started:false" } else { "" }),
        ]
    };
    for id in [
        world.create("web", "app:1", &["data"], &labels("web")),
        world.create("db", "app:1", &[], &labels("db")),
        world.create("lone", "app:1", &[], &[]),
    ] {
        world.start(&id);
    }
    world
}

#[tokio::test]
async fn an_update_is_kept_in_the_history_with_everything_that_clients_ask_for() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let done = process.updated("web").await;
    assert_eq!((done.kind, done.status, done.error.as_str()), (Kind::Single, Status::Complete, ""));
    assert_eq!((done.stage.as_str(), done.percent, done.rollback_occurred), ("complete", 100, false));
    let detail = &done.details[0];
    assert_eq!((detail.old_version.as_str(), detail.new_version.as_str(), detail.change_type), ("1", "2", 3));
    assert_eq!(detail.old_digest, digest("1"));
    assert!(detail.kept && !detail.new_container_id.is_empty());
    assert_eq!(bench.runs("web"), "2");
    assert_eq!(bench.file(), FILE.replacen("app:1", "app:2", 1), "nothing but the tag");
    let events = process.events().await;
    let stages: Vec<String> = stages(&events).into_iter().map(|(stage, _)| stage).collect();
    assert_eq!(
        stages.join(" "),
        "validating pulling_image backup updating_compose stopping backup recreating health_check complete"
    );
    assert!(events.iter().any(|(topic, payload)| topic == crate::events::CONTAINER && payload.contains("updated")));
    process.stop().await;
}

#[tokio::test]
async fn s11_asking_twice_is_asking_once_and_a_queue_survives_a_restart() {
    let bench = Bench::new();
    let process = bench.process().await;
    let first = process.update("web").await.unwrap();
    assert_eq!(process.update("web").await.unwrap(), first);
    let other = process.update("db").await.unwrap();
    assert_ne!(other.operation, first.operation);
    process.stop().await;
    let process = bench.process().await;
    process.work();
    for operation in [first.operation, other.operation] {
        assert_eq!(process.ended(&operation).await.status, Status::Complete);
    }
    process.stop().await;
}

#[tokio::test]
async fn s11_a_restart_in_the_middle_ends_in_one_version() {
    for instants in (0..110).step_by(7) {
        let bench = Bench::new();
        let process = bench.process().await;
        let started = process.update("web").await.unwrap();
        bench.engine.arm(Fault::Updater, instants);
        process.work();
        tokio::select! {
            () = bench.engine.blown.notified() => {}
            _ = process.ended(&started.operation) => {}
        }
        process.stop().await;
        bench.engine.arm(Fault::Updater, usize::MAX);
        let process = bench.process().await;
        process.work();
        let ended = process.ended(&started.operation).await;
        let new = ended.status == Status::Complete;
        assert_eq!(bench.runs("web"), if new { "2" } else { "1" }, "after {instants}: {ended:?}");
        assert_eq!(bench.file() == FILE, !new, "after {instants}");
        assert_eq!(bench.data(), if new { "written by new" } else { "written by old" }, "after {instants}");
        process.stop().await;
    }
}

#[tokio::test]
async fn s10_2_a_batch_goes_stack_by_stack_and_one_failure_stays_alone() {
    let mut world = world();
    world.exiting.insert("sha256:newest".to_owned());
    let bench = Bench::of(world);
    let process = bench.process().await;
    process.work();
    let item = |name: &str, version: &str| BatchItem {
        update: UpdateRequest {
            container: name.to_owned(),
            version: Some(version.to_owned()),
            ..UpdateRequest::default()
        },
        stack: "theirs".to_owned(),
        ..BatchItem::default()
    };
    let items = vec![item("web", "2"), item("db", "3"), item("lone", "2"), item("nobody", "2"), item("lone", "9")];
    let (_, answers) = process.operations.start_batch(items, "me").await.unwrap();
    assert!(answers.iter().all(|answer| answer.stack == "theirs"));
    let find = |name: &str| answers.iter().find(|answer| answer.containers.contains(&name.to_owned())).unwrap();
    assert!(find("nobody").error.contains("not found"));
    assert_eq!(find("web").containers, ["db", "web"], "what others depend on comes first");
    let stack = process.ended(&find("web").operation).await;
    assert_eq!((stack.status, stack.container_name.as_str()), (Status::Complete, "2 containers"));
    assert_eq!(stack.error, "Batch update completed: 1 succeeded, 1 failed");
    let statuses: Vec<DetailStatus> = stack.details.iter().map(|detail| detail.status).collect();
    assert_eq!(statuses, [DetailStatus::Failed, DetailStatus::Complete]);
    assert_eq!((bench.runs("db").as_str(), bench.runs("web").as_str()), ("1", "2"));
    let lone = answers.iter().find(|answer| answer.containers == ["lone"] && !answer.operation.is_empty()).unwrap();
    assert_eq!(process.ended(&lone.operation).await.status, Status::Complete);
    assert!(matches!(process.operations.start_batch(vec![], "me").await, Err(UpdateError::NoItems)));
    process.stop().await;
}

#[tokio::test]
async fn s2_3_pages_lose_nothing() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let mut ids = Vec::new();
    for name in ["web", "db", "lone"] {
        ids.push(process.updated(name).await.id);
    }
    ids.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let filter = Filter { limit: 1, cursor, ..Filter::default() };
        let page = process.operations.list(&filter).await.unwrap();
        seen.extend(page.operations.into_iter().map(|operation| operation.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let filter = Filter { limit: 10, container: "db".to_owned(), ..Filter::default() };
    assert_eq!(process.operations.list(&filter).await.unwrap().operations.len(), 1);
    let filter = Filter { limit: 10, kinds: vec![Kind::Rollback], ..Filter::default() };
    assert!(process.operations.list(&filter).await.unwrap().operations.is_empty());
    process.stop().await;
}

/// What an update of `web` is refused with in a world that was changed.
async fn refusal(change: impl FnOnce(&mut World, &str)) -> UpdateError {
    let mut world = world();
    let id = world.containers.values().find(|container| container.name == "web").unwrap().id.clone();
    change(&mut world, &id);
    let bench = Bench::of(world);
    let process = bench.process().await;
    let error = process.update("web").await.unwrap_err();
    assert_eq!(store::waiting(&process.operations.0.parts.store).await.unwrap(), 0);
    process.stop().await;
    error
}

#[tokio::test]
async fn what_cannot_be_updated_is_refused_before_anything_is_done() {
    let edit =
        |change: fn(&mut Container)| move |world: &mut World, id: &str| change(world.containers.get_mut(id).unwrap());
    let error = refusal(edit(|web| web.auto_remove = true)).await;
    assert!(matches!(error, UpdateError::Plan(PlanError::AutoRemove { .. })), "{error}");
    let error = refusal(edit(|web| {
        web.labels.insert("homeport.health-window".to_owned(), "soon".to_owned());
    }))
    .await;
    assert!(matches!(error, UpdateError::Plan(PlanError::Label(_))), "{error}");
    let error = refusal(edit(|web| {
        web.labels.insert("homeport.role".to_owned(), "updater".to_owned());
    }))
    .await;
    assert!(matches!(error, UpdateError::Plan(PlanError::NotContained)), "{error}");
    let error = refusal(edit(|web| web.name = "other".to_owned())).await;
    assert!(matches!(error, UpdateError::NoContainer { .. }), "{error}");
    let error = refusal(|world, _| {
        world.files.remove(PATH);
    })
    .await;
    assert!(matches!(error, UpdateError::NoComposeFile { .. }), "{error}");
    let error = refusal(|world, _| {
        world.files.insert(PATH.to_owned(), FILE.replace("app:1", "app:7"));
    })
    .await;
    assert!(matches!(error, UpdateError::Plan(PlanError::Mismatch { .. })), "{error}");
    let error = refusal(|world, id| {
        let labels = world.containers[id].labels.clone();
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        world.create("web-2", "app:1", &[], &labels);
    })
    .await;
    assert!(matches!(error, UpdateError::Plan(PlanError::Replicas { .. })), "{error}");
}

#[tokio::test]
async fn a_plan_can_be_read() {
    let bench = Bench::new();
    let process = bench.process().await;
    let shown = process.plan("web").await.unwrap();
    let again = process.plan("web").await.unwrap();
    assert_eq!(shown.hash, again.hash);
    // The last line of the plan is its hash, which says nothing to a reader of this, as what it changes and takes does not.
    let (text, _) = shown.text.rsplit_once("\nplan ").unwrap();
    insta::assert_snapshot!(text, @r"
    Update web: app:1 → app:2
     1. check that web and its files are still as they were when this was planned
     2. keep the image app:1 under a tag of its own
     3. pull app:2 by digest sha256:0000000000000000000000000000000000000000000000000000000000000002
     4. copy the data while web runs: data
     5. change the image of web in /stacks/app/compose.yaml: app:1 → app:2
     6. stop web
     7. copy what of the data has changed since
     8. docker compose up of service web in project app, and compare with before
     9. wait until it has stayed up for 0 s and is healthy by its own check, if it has one
    10. clean up; if any of this fails, bring everything back as it was
    ");
    assert!(!shown.json.contains("inspect"), "what may hold secrets is not in it");
    process.stop().await;
}
