//! The checker: one snapshot, one check at a time.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use futures::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture, stream};
use homeport_service::{clock::Clock, telemetry::chain};
use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    CheckConfig, CheckError, CheckEvents, CheckedContainer, Explanation, Prechecks, Snapshot,
    compose::Files,
    events,
    examine::{Examination, Examined},
    explain,
    order::update_order,
    precheck,
    source::Asked,
    stale::keep_good,
};
use crate::{
    inventory::{Container, Inventory},
    registry::{Client, Freshness},
    schedule::{Run, Schedule},
};

/// Checks containers and keeps what it found. Cheap to clone; all clones share one snapshot.
#[derive(Clone)]
pub struct Checker {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    schedule: Schedule,
    snapshot: ArcSwap<Snapshot>,
    /// Held while a snapshot is made from the one before.
    writing: Mutex<()>,
    /// Told of every new snapshot.
    stored: watch::Sender<()>,
    /// Checks run at their interval, and not only when somebody asks.
    is_timed: AtomicBool,
}

/// What a checker is made of.
pub struct Parts {
    /// Its settings.
    pub config: CheckConfig,
    /// What runs.
    pub inventory: Arc<dyn Inventory>,
    /// What is newer.
    pub registry: Client,
    /// What may be against an update.
    pub prechecks: Arc<dyn Prechecks>,
    /// Where it tells of its work.
    pub events: Arc<dyn CheckEvents>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Checker {
    /// A checker with an empty snapshot. It checks nothing by itself until it is [run](Checker::run).
    pub fn new(parts: Parts) -> Self {
        let (schedule, snapshot, stored) = (Schedule::default(), ArcSwap::default(), watch::Sender::new(()));
        let (writing, is_timed) = (Mutex::default(), AtomicBool::new(true));
        Self { inner: Arc::new(Inner { parts, schedule, snapshot, writing, stored, is_timed }) }
    }

    /// Takes over from an earlier run when registries were asked last.
    pub fn resume(&self, last_refresh_at: Option<Timestamp>) {
        self.inner.update(|before, _| Snapshot { last_refresh_at, ..before.clone() });
    }

    /// Says whether checks run at their interval, and not only when somebody asks.
    pub fn set_timed(&self, on: bool) {
        self.inner.is_timed.store(on, Ordering::Relaxed);
        self.inner
            .update(|before, _| Snapshot { next_run_at: self.inner.next_run(before.last_run_at), ..before.clone() });
    }

    /// What the last check found, at once.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot.load_full()
    }

    /// Whether a check is under way or about to begin.
    pub fn is_checking(&self) -> bool {
        self.inner.schedule.is_busy()
    }

    /// The newest snapshot and whether a check is under way: at once, and then whenever one of the two changes.
    pub fn watch(&self) -> impl Stream<Item = (Arc<Snapshot>, bool)> + Send + use<> {
        let checker = self.clone();
        let (mut stored, changes) = (self.inner.stored.subscribe(), self.inner.schedule.changes());
        stored.mark_changed();
        stream::unfold((checker, stored, changes, None), async |(checker, mut stored, mut changes, told)| {
            loop {
                tokio::select! {
                    stored = stored.changed() => stored.ok()?,
                    () = changes.next() => {}
                }
                let now = (checker.snapshot(), checker.is_checking());
                let is_told = told
                    .as_ref()
                    .is_some_and(|(snapshot, checking)| Arc::ptr_eq(snapshot, &now.0) && *checking == now.1);
                if !is_told {
                    return Some((now.clone(), (checker, stored, changes, Some(now))));
                }
            }
        })
    }

    /// Time between the end of a check and the next one.
    pub fn interval(&self) -> Duration {
        self.inner.parts.config.interval()
    }

    /// Asks for a check that may use remembered answers. During a running check, exactly one more follows it.
    pub fn trigger(&self) {
        let _ticket = self.inner.schedule.ask(false);
    }

    /// Asks for a check and waits for its end, no longer than `wait`. Gives the newest snapshot either way.
    pub async fn run_check(&self, refresh: bool, wait: Duration) -> Arc<Snapshot> {
        let ticket = self.inner.schedule.ask(refresh);
        self.inner.schedule.wait(ticket, wait).await;
        self.snapshot()
    }

    /// Checks one container now, by name or beginning of the id, and puts the result into the snapshot.
    pub async fn check_container(&self, container: &str) -> Result<Arc<CheckedContainer>, CheckError> {
        let inner = &*self.inner;
        let containers = inner.containers().await?;
        let found = find(&containers, container).ok_or_else(|| CheckError::NotFound(container.to_owned()))?;
        let checked = inner.examine(found, &Files::default(), Freshness::Since(Instant::now())).await.checked;
        let checked = precheck::ask(&*inner.parts.prechecks, checked).await;
        Ok(inner.fold(checked, update_order(&containers)))
    }

    /// Says what is offered to a container, by name or beginning of the id, and of every other tag why not. Uses
    /// remembered answers, and leaves the snapshot as it is.
    pub async fn explain_container(&self, container: &str) -> Result<Explanation, CheckError> {
        let inner = &*self.inner;
        let containers = inner.containers().await?;
        let found = find(&containers, container).ok_or_else(|| CheckError::NotFound(container.to_owned()))?;
        Ok(explain::of(inner.examine(found, &Files::default(), Freshness::Remembered).await, &[]))
    }

    /// Checks now, at every interval and when asked, until `drain` is cancelled.
    pub async fn run(&self, drain: CancellationToken) {
        let job = |run: Run| {
            let inner = self.inner.clone();
            async move {
                if !run.is_asked && !inner.is_timed.load(Ordering::Relaxed) {
                    return true;
                }
                inner.check_all(run).await
            }
        };
        self.inner.schedule.run(self.interval(), drain, job).await;
    }
}

impl Inner {
    /// Checks every container. Whether it could be found out which there are.
    async fn check_all(&self, run: Run) -> bool {
        let begun = Instant::now();
        let fresh = if run.refresh { Freshness::Since(begun) } else { Freshness::RememberedOrSince(begun) };
        self.tell("discovering", 0, 0, "", "Looking for containers".to_owned());
        let containers = match self.containers().await {
            Ok(containers) => containers,
            Err(error) => {
                tracing::warn!(error = chain(&error), "the check could not begin");
                self.store_failure(&error);
                return false;
            }
        };
        let total = containers.len();
        self.tell("discovered", total, 0, "", format!("{total} containers found"));
        let fetched = self.parts.registry.fetched();
        let checked = self.examine_all(&containers, fresh).await;
        let checked = precheck::ask_all(&*self.parts.prechecks, checked).await;
        let is_fresh = self.parts.registry.fetched() > fetched;
        self.store(checked, update_order(&containers), is_fresh);
        self.tell("complete", total, total, "", format!("{total} containers checked"));
        self.parts.events.finished(&self.finished(total));
        tracing::info!(containers = total, refresh = run.refresh, duration_ms = begun.elapsed().as_millis(), "checked");
        true
    }

    /// Examines those first of which least is known, or for the longest time: where a registry does not answer all
    /// questions of one check, the next one goes on. Of one repository the older tags come first, because more is asked
    /// about what they are offered than about what already runs.
    async fn examine_all(&self, containers: &[Container], fresh: Freshness) -> Vec<CheckedContainer> {
        let files = Files::default();
        let total = containers.len();
        let snapshot = self.snapshot.load();
        let mut containers: Vec<_> = containers.iter().collect();
        containers.sort_by_cached_key(|container| (snapshot.known_since(container), &container.image));
        // Boxed, because the compiler cannot see that a stream of borrowing futures may be sent to another thread.
        let work: Vec<BoxFuture<'_, CheckedContainer>> = containers
            .into_iter()
            .map(|container| {
                async {
                    self.tell("checking", total, 0, &container.name, format!("Checking {}", container.name));
                    self.examine(container, &files, fresh).await.checked
                }
                .boxed()
            })
            .collect();
        let mut results = stream::iter(work).buffer_unordered(self.parts.config.concurrency.max(1));
        let mut all = Vec::with_capacity(total);
        while let Some(checked) = results.next().await {
            let name = checked.container_name.clone();
            all.push(checked);
            self.tell("checked", total, all.len(), &name, format!("Checked {name}"));
        }
        all
    }

    async fn examine(&self, container: &Container, files: &Files, fresh: Freshness) -> Examined {
        let source = Asked { registry: &self.parts.registry, fresh };
        let examination = Examination {
            inventory: &*self.parts.inventory,
            source: &source,
            files,
            resolve_limit: self.parts.config.resolve_limit,
        };
        examination.examine(container, self.parts.clock.now()).await
    }

    /// Every container but Homeport's helpers.
    async fn containers(&self) -> Result<Vec<Container>, CheckError> {
        let mut containers = self.parts.inventory.containers().await.map_err(CheckError::Inventory)?;
        containers.retain(|container| !container.is_helper());
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(containers)
    }

    /// Puts the results of a whole check into the snapshot. A container that was checked by itself in the meantime keeps
    /// that newer result.
    fn store(&self, checked: Vec<CheckedContainer>, update_order: Vec<String>, is_fresh: bool) {
        self.update(|before, now| {
            let is_newer = |own: &CheckedContainer| {
                before
                    .container(&own.container_name)
                    .filter(|other| other.checked_at > own.checked_at && other.container_id == own.container_id)
            };
            let mut containers: Vec<_> = checked
                .into_iter()
                .map(|own| match is_newer(&own) {
                    Some(newer) => newer.clone(),
                    None => keep_good(before, own, now, self.parts.config.stale_limit()),
                })
                .collect();
            containers.sort_by(|a, b| a.container_name.cmp(&b.container_name));
            Snapshot {
                containers,
                update_order,
                last_run_at: Some(now),
                last_refresh_at: if is_fresh { Some(now) } else { before.last_refresh_at },
                next_run_at: self.next_run(Some(now)),
                error: None,
            }
        });
    }

    /// When the run after the last one comes by itself. None: nobody can say yet, or never.
    fn next_run(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        let last = last.filter(|_| self.is_timed.load(Ordering::Relaxed))?;
        last.checked_add(self.parts.config.interval()).ok()
    }

    fn store_failure(&self, error: &CheckError) {
        self.update(|before, _| Snapshot { error: Some(chain(error)), ..before.clone() });
    }

    /// Puts the result for one container into the snapshot.
    fn fold(&self, checked: CheckedContainer, update_order: Vec<String>) -> Arc<CheckedContainer> {
        let name = checked.container_name.clone();
        let mut result = Arc::new(checked.clone());
        self.update(|before, now| {
            result = keep_good(before, checked, now, self.parts.config.stale_limit());
            let mut containers = before.containers.clone();
            containers.retain(|other| other.container_name != name);
            containers.push(result.clone());
            containers.sort_by(|a, b| a.container_name.cmp(&b.container_name));
            Snapshot { containers, update_order, ..before.clone() }
        });
        self.parts.events.finished(&self.finished(1));
        result
    }

    fn update(&self, make: impl FnOnce(&Snapshot, Timestamp) -> Snapshot) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = make(&self.snapshot.load(), self.parts.clock.now());
        self.snapshot.store(Arc::new(snapshot));
        self.stored.send_replace(());
    }

    fn tell(&self, stage: &'static str, total: usize, checked: usize, container: &str, message: String) {
        let percent = (checked * 100).checked_div(total).unwrap_or(0);
        let container_name = container.to_owned();
        self.parts.events.progress(&events::Progress { stage, total, checked, percent, container_name, message });
    }

    fn finished(&self, container_count: usize) -> events::Finished {
        let timestamp = self.parts.clock.now().as_second();
        events::Finished { source: "background_checker", container_count, timestamp }
    }
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker").field("config", &self.inner.parts.config).finish_non_exhaustive()
    }
}

/// A container by its name, else by the beginning of its id if that is unambiguous.
fn find<'c>(containers: &'c [Container], wanted: &str) -> Option<&'c Container> {
    let wanted = wanted.strip_prefix('/').unwrap_or(wanted);
    containers.iter().find(|container| container.name == wanted).or_else(|| {
        let mut matching = containers.iter().filter(|container| wanted.len() >= 4 && container.id.starts_with(wanted));
        matching.next().filter(|_| matching.next().is_none())
    })
}
