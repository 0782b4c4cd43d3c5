//! Updates of Homeport by itself: decided and fetched here, carried out by a container beside the stack, and brought to its
//! end by whichever updater runs afterwards.

use std::{collections::BTreeMap, time::Duration};

use homeport_service::{Context, telemetry::chain};
use homeport_store::{StoreError, Transaction};
use tokio::time::Instant;

use super::{
    Inner, Operations, Started, UpdateRequest,
    start::{change_type, digest_of},
};
use crate::{
    engine::{Container, EngineErrorKind, Pull, SelfUpdateState},
    error::UpdateError,
    events::{self, ContainerChanged, Progress},
    gather::find,
    plan::{Target, tag_of},
    self_update::{OwnFacts, Part, SelfJob, SelfOutcome, SelfResult, gather_own, plan_self_update},
    sight::Sight,
    store::{self, Detail, DetailEnd, DetailStatus, Kind, Operation, Status, detail},
};

/// The lock of operations on Homeport itself: nothing else is under way with them.
pub(super) const LOCK: &str = "homeport";
/// Label of Homeport's own containers.
const ROLE_LABEL: &str = "homeport.role";
/// Between two looks how far the container beside the stack is.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing else begins while Homeport restarts. Its turn comes within the grace periods of the others.
const RESTART_LIMIT: Duration = Duration::from_secs(120);
/// What clients know these moments as.
const EDITED: (&str, u32) = ("updating_compose", 20);
const HANDED_OVER: (&str, u32) = ("pending_restart", 80);
const RESTARTING: (&str, u32) = ("pending_restart", 90);

impl Operation {
    /// Whether it is an update of Homeport by itself, or the way back from one.
    pub(super) fn is_of_itself(&self) -> bool {
        self.lock == LOCK
    }
}

/// The container, if it is one of Homeport's.
pub(super) fn own_part<'a>(sight: &'a Sight, name: &str) -> Option<&'a Container> {
    let is_own = |container: &&Container| {
        container.label(ROLE_LABEL).is_some() || sight.own_container() == Some(container.id.as_str())
    };
    find(sight.all(), name).filter(is_own)
}

impl Operations {
    /// Starts the update of all of Homeport to the version that one of its containers is asked to go to.
    pub(super) async fn start_own_update(
        &self,
        container: Container,
        request: UpdateRequest,
        group: &str,
    ) -> Result<Started, UpdateError> {
        let inner = &self.0;
        let (facts, job) = inner.own_update(&container, &request).await?;
        let version = job.parts.iter().find(|part| part.container.id == container.id).map(|part| part.tag.clone());
        let version = version.unwrap_or_default();
        let detail =
            |(old, part)| Detail { plan_hash: request.plan_hash.clone(), ..detail_of(old, part, request.force) };
        let details = facts.containers.iter().zip(&job.parts).map(detail).collect();
        let mut operation = inner.new_operation(Kind::Single, request.requested_by, details);
        LOCK.clone_into(&mut operation.lock);
        operation.container_id.clone_from(&container.id);
        operation.container_name.clone_from(&container.name);
        tag_of(&container.image).clone_into(&mut operation.old_version);
        operation.new_version.clone_from(&version);
        group.clone_into(&mut operation.group);
        let known = inner.enqueue_once(&operation, &container.name, &version).await?;
        Ok(Started { operation: known.unwrap_or(operation.id), container: container.name, version })
    }

    /// The containers that Homeport consists of, in the order in which they start.
    pub(crate) async fn own_containers(&self) -> Result<Vec<Container>, UpdateError> {
        Ok(gather_own(self.0.parts.engine.as_ref()).await?.containers)
    }

    /// The last update of Homeport by itself, or the last way back from one.
    pub(crate) async fn last_of_itself(&self) -> Result<Option<Operation>, UpdateError> {
        let last = store::of_lock(&self.0.parts.store, LOCK).await?.into_iter().next();
        let Some(last) = last else { return Ok(None) };
        Ok(store::get(&self.0.parts.store, &last).await?)
    }

    /// Begins to restart all of Homeport's containers, and gives their names. Nothing else begins until this process ends.
    pub(crate) async fn restart_itself(&self, context: &Context) -> Result<Vec<String>, UpdateError> {
        let quiet = self.quiet()?;
        let containers = self.0.parts.engine.restart_own().await?;
        let drain = context.drain().clone();
        context.spawn("restart", async move {
            drain.run_until_cancelled(tokio::time::sleep(RESTART_LIMIT)).await;
            drop(quiet);
        });
        Ok(containers)
    }

    /// Starts the way back from an update of Homeport: to the versions of before. What Homeport remembers stays.
    pub(super) async fn start_own_rollback(
        &self,
        original: Operation,
        force: bool,
        requested_by: String,
    ) -> Result<String, UpdateError> {
        let inner = &self.0;
        let (facts, job) = inner.own_job("", &|name| before(&original, name), force).await?;
        let details = facts.containers.iter().zip(&job.parts).map(|(old, part)| detail_of(old, part, force));
        let mut operation = inner.new_operation(Kind::Rollback, requested_by, details.collect());
        LOCK.clone_into(&mut operation.lock);
        operation.container_name = original.container_name;
        operation.old_version = original.new_version;
        operation.new_version = original.old_version;
        operation.rollback_of = original.id;
        inner.enqueue(&operation).await?;
        Ok(operation.id)
    }
}

/// What one of Homeport's containers is to run.
pub(super) struct Wanted {
    tag: String,
    /// Empty: whatever the registry has for the tag.
    digest: String,
}

impl Wanted {
    pub(super) fn tag(tag: &str) -> Self {
        Self { tag: tag.to_owned(), digest: String::new() }
    }
}

/// What a container ran before an operation.
fn before(original: &Operation, name: &str) -> Option<Wanted> {
    let detail = original.details.iter().find(|detail| detail.container_name == name)?;
    Some(Wanted { tag: detail.old_version.clone(), digest: detail.old_digest.clone() })
}

fn detail_of(old: &Container, part: &Part, force: bool) -> Detail {
    let old_version = tag_of(&old.image);
    Detail {
        container_name: old.name.clone(),
        stack: part.container.stack.clone().unwrap_or_default(),
        force,
        old_version: old_version.to_owned(),
        new_version: part.tag.clone(),
        change_type: change_type(old_version, &part.tag),
        old_resolved_version: String::new(),
        new_resolved_version: String::new(),
        old_digest: digest_of(&old.repo_digests),
        status: DetailStatus::Pending,
        message: String::new(),
        new_container_id: String::new(),
        rolls_back: String::new(),
        kept: false,
        plan_hash: String::new(),
        script: String::new(),
        rehearse: false,
        no_restart: false,
    }
}

impl Inner {
    /// What is to be done for Homeport to go to what is wanted of its containers, by their names.
    pub(super) async fn own_job(
        &self,
        id: &str,
        wanted: &(dyn Fn(&str) -> Option<Wanted> + Sync),
        force: bool,
    ) -> Result<(OwnFacts, SelfJob), UpdateError> {
        let engine = self.parts.engine.as_ref();
        let mut facts = gather_own(engine).await?;
        let mut targets: BTreeMap<String, Target> = BTreeMap::new();
        for container in &facts.containers {
            let repository = crate::self_update::repository(container)?;
            let Some(wanted) = wanted(&container.name).filter(|_| !targets.contains_key(&repository)) else { continue };
            let target = if wanted.digest.is_empty() {
                self.parts.targets.target(container, Some(&wanted.tag), Instant::now()).await?
            } else {
                Target { tag: wanted.tag, digest: wanted.digest }
            };
            targets.insert(repository, target);
        }
        if crate::self_update::needs_files(&facts, &targets) {
            facts.read_files(engine).await?;
        }
        let job = plan_self_update(&facts, &targets, &self.parts.health, id, force)?;
        Ok((facts, job))
    }

    /// Carries out an update of Homeport, or follows the one that is under way to its end. Returns the names of its
    /// containers once it ended.
    pub(super) async fn run_itself(&self, id: &str) -> Result<Vec<String>, StoreError> {
        loop {
            let Some(operation) = store::get(&self.parts.store, id).await? else { return Ok(Vec::new()) };
            let ended = tokio::select! {
                ended = self.look_at_itself(&operation) => ended?,
                () = self.parts.drain.cancelled() => return Ok(Vec::new()),
            };
            if ended {
                return Ok(operation.details.iter().map(|detail| detail.container_name.clone()).collect());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.parts.drain.cancelled() => return Ok(Vec::new()),
            }
        }
    }

    /// Does what is next. True: it ended.
    async fn look_at_itself(&self, operation: &Operation) -> Result<bool, StoreError> {
        let state = match self.parts.engine.self_update(&operation.id).await {
            Ok(state) => state,
            Err(error) => {
                // docker-agent is being replaced, or the engine is away. The container beside the stack goes on.
                tracing::debug!(operation.id = operation.id, error = %error, "cannot see how far Homeport's update is");
                return Ok(false);
            }
        };
        match state {
            SelfUpdateState::None if operation.status == Status::PendingRestart => {
                let error = "the container that was to update Homeport and all that it knew are gone; look at which \
                             version runs";
                self.end_itself(operation, &SelfOutcome::Broken { error: error.to_owned(), left: Vec::new() }).await?;
                Ok(true)
            }
            SelfUpdateState::None => match self.hand_over(operation).await {
                Ok(()) => Ok(false),
                Err(UpdateError::Store(error)) => Err(error),
                Err(error) => {
                    let error = chain(&error);
                    self.end_itself(operation, &SelfOutcome::Undone { error }).await?;
                    self.forget_itself(&operation.id).await;
                    Ok(true)
                }
            },
            SelfUpdateState::Running => {
                if (operation.stage.as_str(), operation.percent) != RESTARTING {
                    self.tell_itself(operation, RESTARTING, "Homeport is about to be replaced").await?;
                }
                Ok(false)
            }
            SelfUpdateState::Ended(result) => {
                let result = serde_json::from_str::<SelfResult>(&result);
                let outcome = match result {
                    Ok(result) => self.verified(operation, result).await,
                    Err(error) => SelfOutcome::Broken { error: error.to_string(), left: Vec::new() },
                };
                self.end_itself(operation, &outcome).await?;
                self.forget_itself(&operation.id).await;
                Ok(true)
            }
        }
    }

    /// Decides anew, fetches the images, and hands the job over.
    async fn hand_over(&self, operation: &Operation) -> Result<(), UpdateError> {
        self.tell_itself(operation, ("validating", 0), "looking at Homeport's containers and the registry").await?;
        let original = match operation.kind {
            Kind::Rollback => store::get(&self.parts.store, &operation.rollback_of).await?,
            _ => None,
        };
        let wanted = |name: &str| match &original {
            Some(original) => before(original, name),
            None => {
                operation.details.iter().find(|one| one.container_name == name).map(|one| Wanted::tag(&one.new_version))
            }
        };
        let force = operation.details.iter().any(|detail| detail.force);
        let (_, mut job) = self.own_job(&operation.id, &wanted, force).await?;
        let agreed = operation.details.first().map_or("", |detail| detail.plan_hash.as_str());
        self.hold_to_own(agreed, &operation.container_name, &job).await?;
        if !job.files.is_empty() {
            let message = "the compose file with the new version is ready; it is put in place with the containers";
            self.tell_itself(operation, EDITED, message).await?;
        }
        let mut fetched: BTreeMap<String, String> = BTreeMap::new();
        for part in &mut job.parts {
            if !fetched.contains_key(&part.repository) {
                let pull = Pull { repository: part.repository.clone(), digest: part.digest.clone() };
                let on_progress =
                    |percent: u32, message: &str| self.tick_itself(operation, 30 + percent * 2 / 5, message);
                self.tell_itself(operation, ("pulling_image", 30), &format!("fetching {}", part.new_reference)).await?;
                let present = format!("{}@{}", part.repository, part.digest);
                let image = match self.parts.engine.image(&present).await? {
                    Some(image) => image,
                    None => self.parts.engine.pull(&pull, &on_progress).await?,
                };
                fetched.insert(part.repository.clone(), image.id);
            }
            part.new_id = fetched.get(&part.repository).cloned().unwrap_or_default();
        }
        job.obsolete = self.obsolete_itself(&operation.id).await?;
        let json = serde_json::to_string(&job).map_err(|error| StoreError::corrupt("job", error))?;
        self.tell_itself(operation, HANDED_OVER, "a container beside Homeport takes over").await?;
        loop {
            match self.parts.engine.start_self_update(&operation.id, &json).await {
                Err(error) if error.kind == EngineErrorKind::Away => tokio::time::sleep(LOOK).await,
                result => return Ok(result?),
            }
        }
    }

    /// The images that the update before kept; of this one they will be kept instead.
    async fn obsolete_itself(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let mut obsolete = Vec::new();
        for before in store::of_lock(&self.parts.store, LOCK).await?.into_iter().filter(|before| before != id) {
            let Some(before) = store::get(&self.parts.store, &before).await? else { continue };
            for detail in &before.details {
                let subject = crate::plan::Subject {
                    id: String::new(),
                    name: detail.container_name.clone(),
                    stack: None,
                    run: crate::plan::Run::Always,
                };
                obsolete.push(crate::plan::Names::new(&subject, &before.id).kept_image());
            }
        }
        Ok(obsolete)
    }

    /// A success is one only if what stands there now is what was put there.
    async fn verified(&self, operation: &Operation, result: SelfResult) -> SelfOutcome {
        let SelfOutcome::Done { warnings } = result.outcome else { return result.outcome };
        let mut left = Vec::new();
        for detail in &operation.details {
            let name = &detail.container_name;
            match self.parts.engine.container(name).await {
                Ok(Some(found)) if tag_of(&found.image) == detail.new_version => {}
                Ok(found) => {
                    let runs = found.map_or_else(|| "is gone".to_owned(), |found| format!("runs {}", found.image));
                    left.push(format!("container {name} {runs}"));
                }
                // What cannot be looked at is not known to be wrong.
                Err(error) => tracing::warn!(container.name = name, error = %error, "cannot be looked at"),
            }
        }
        if left.is_empty() {
            return SelfOutcome::Done { warnings };
        }
        SelfOutcome::Broken { error: "another version than the new one was found afterwards".to_owned(), left }
    }

    async fn end_itself(&self, operation: &Operation, outcome: &SelfOutcome) -> Result<(), StoreError> {
        let handed_over = operation.status == Status::PendingRestart;
        let (status, message, rolled_back) = match outcome {
            SelfOutcome::Done { warnings } if warnings.is_empty() => {
                (Status::Complete, "Self-update completed successfully after restart".to_owned(), false)
            }
            SelfOutcome::Done { warnings } => (
                Status::Complete,
                format!(
                    "Self-update completed successfully after restart; left to clean up by hand: {}",
                    warnings.join("; ")
                ),
                false,
            ),
            SelfOutcome::Undone { error } if handed_over => {
                (Status::Failed, format!("{error}. The old version of Homeport is back as it was."), true)
            }
            SelfOutcome::Undone { error } => (Status::Failed, format!("{error}. Nothing was changed."), false),
            SelfOutcome::Broken { error, left } => (
                Status::Failed,
                format!("{error}. Not everything could be brought back; look at: {}", left.join("; ")),
                false,
            ),
        };
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin().await?;
        for position in 0..operation.details.len() {
            self.end_part(&mut transaction, operation, position, status, &message).await?;
        }
        store::finish(&mut transaction, &operation.id, status, &message, rolled_back, now).await?;
        if operation.kind == Kind::Rollback && status == Status::Complete {
            store::mark_rolled_back(&mut transaction, &operation.rollback_of, now).await?;
        }
        transaction.commit().await?;
        tracing::info!(operation.id = operation.id, outcome = ?outcome, "Homeport's own update ended");
        Ok(())
    }

    async fn end_part(
        &self,
        transaction: &mut Transaction,
        operation: &Operation,
        position: usize,
        status: Status,
        message: &str,
    ) -> Result<(), StoreError> {
        let detail = &operation.details[position];
        let is_good = status == Status::Complete;
        let end = DetailEnd { message: message.to_owned(), ..DetailEnd::default() };
        let ended = if is_good { DetailStatus::Complete } else { DetailStatus::Failed };
        detail::end(transaction, &operation.id, position, ended, &end).await?;
        let (stage, percent, changed) = if is_good { ("complete", 100, "updated") } else { ("failed", 0, "failed") };
        let progress = self.progress_itself(operation, &detail.container_name, (stage, percent), message);
        events::progress(transaction, &progress).await?;
        let changed = ContainerChanged {
            operation_id: operation.id.clone(),
            container_id: String::new(),
            container_name: detail.container_name.clone(),
            stack_name: detail.stack.clone(),
            status: changed,
        };
        events::container(transaction, &changed).await
    }

    /// Tells and remembers how far it is.
    async fn tell_itself(
        &self,
        operation: &Operation,
        (stage, percent): (&str, u32),
        message: &str,
    ) -> Result<(), StoreError> {
        let mut transaction = self.parts.store.begin().await?;
        if stage == HANDED_OVER.0 {
            store::set_status(&mut transaction, &operation.id, Status::PendingRestart).await?;
        }
        store::set_stage(&mut transaction, &operation.id, stage, percent, self.parts.clock.now()).await?;
        let progress = self.progress_itself(operation, &operation.container_name, (stage, percent), message);
        events::progress(&mut transaction, &progress).await?;
        transaction.commit().await?;
        self.moved.notify_waiters();
        Ok(())
    }

    fn tick_itself(&self, operation: &Operation, percent: u32, message: &str) {
        let progress =
            self.progress_itself(operation, &operation.container_name, ("pulling_image", percent.min(70)), message);
        self.parts.ticks.tick(&progress);
    }

    fn progress_itself(
        &self,
        operation: &Operation,
        container: &str,
        (stage, percent): (&str, u32),
        message: &str,
    ) -> Progress {
        Progress {
            operation_id: operation.id.clone(),
            container_name: container.to_owned(),
            stack_name: operation.stack.clone(),
            stage: stage.to_owned(),
            progress: percent,
            message: message.to_owned(),
            timestamp: events::seconds(self.parts.clock.now()),
        }
    }

    async fn forget_itself(&self, id: &str) {
        if let Err(error) = self.parts.engine.forget_self_update(id).await {
            tracing::warn!(operation.id = id, error = %error, "what updated Homeport stays until the next start");
        }
    }

    /// Removes what the last update of Homeport may have left when this process died between its end and the clean-up.
    pub(super) async fn tidy_itself(&self) -> Result<(), StoreError> {
        let Some(last) = store::of_lock(&self.parts.store, LOCK).await?.into_iter().next() else { return Ok(()) };
        if store::get(&self.parts.store, &last).await?.is_some_and(|last| last.status.is_final()) {
            self.forget_itself(&last).await;
        }
        Ok(())
    }
}
