//! One operation, from wherever it is to its end.

use std::sync::{Arc, PoisonError};

use homeport_operation::{Entry, Outcome, Runner};
use homeport_service::telemetry::chain;
use homeport_store::StoreError;
use tokio::time::Instant;

use super::{
    Inner,
    labels::changes_of,
    observe::{Ending, Watch},
    queue::Busy,
    restart::restart_levels,
    start::{UpdateRequest, digest_of},
};
use crate::{
    error::UpdateError,
    execute::{Followed, Locked, Placed, Rehearsed, Settled, Tools, Unproved, Work, step, workflow},
    gather::gather,
    plan::{Facts, Job, Kind as PlanKind, PlanError, mebibytes, permit_after, plan_labels, plan_restart},
    store::{self, Detail, Kind, Operation, Status, detail},
};

/// What docker-agent leaves free on a disk that it copies to.
const RESERVE_BYTES: u64 = 16 << 20;

/// The sort of journal entry that holds a [`Job`].
const JOURNAL_KIND: &str = "update";

impl Inner {
    /// Carries out an operation. One that was interrupted goes on from its journal.
    pub(super) async fn run(&self, id: &str, busy: Busy) {
        let result = self.run_details(id).await;
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        // Whoever hears of the end may ask for the next at once; to look for newer versions holds up nobody.
        drop(busy);
        self.moved.notify_waiters();
        match result {
            Ok(names) => {
                for name in names {
                    self.parts.targets.recheck(&name).await;
                }
            }
            Err(error) => {
                tracing::error!(
                    operation.id = id,
                    error = chain(&error),
                    "the operation waits until its journal can be written"
                );
            }
        }
    }

    /// Returns the names of the containers whose turn ended.
    async fn run_details(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let mut ended = Vec::new();
        // The queue was read before its locks were taken: it may have ended in between, and would begin again.
        let found = store::get(&self.parts.store, id).await?;
        let Some(operation) = found.filter(|operation| !operation.status.is_final()) else { return Ok(ended) };
        if operation.status != Status::PendingRestart {
            let mut transaction = self.parts.store.begin().await?;
            store::start(&mut transaction, id, self.parts.clock.now()).await?;
            transaction.commit().await?;
        }
        if operation.is_of_itself() {
            return self.run_itself(id).await;
        }
        if operation.kind.is_by_hand() && operation.details.is_empty() {
            return Ok(vec![self.carry_out(&operation).await?.container]);
        }
        if operation.kind == Kind::Restart {
            return self.run_levels(&operation).await;
        }
        for (position, detail) in operation.details.iter().enumerate() {
            if detail.is_ended() {
                continue;
            }
            if self.parts.drain.is_cancelled() || self.turn(&operation, position, detail).await? == Outcome::Interrupted
            {
                break;
            }
            ended.push(detail.container_name.clone());
        }
        Ok(ended)
    }

    /// All containers of a restart, those that do not depend on each other at the same time.
    async fn run_levels(&self, operation: &Operation) -> Result<Vec<String>, StoreError> {
        let details = &operation.details;
        let mut levels = vec![(0..details.len()).collect::<Vec<_>>()];
        if details.len() > 1
            && let Ok(all) = self.parts.engine.containers(&[]).await
        {
            let named = |detail: &Detail| all.iter().find(|one| one.name == detail.container_name).cloned();
            let (places, present): (Vec<usize>, Vec<_>) =
                details.iter().enumerate().filter_map(|(at, detail)| Some((at, named(detail)?))).unzip();
            let missing = (0..details.len()).filter(|at| !places.contains(at)).collect();
            levels = restart_levels(&present);
            levels.iter_mut().flatten().for_each(|at| *at = places[*at]);
            levels.push(missing);
        }
        let mut ended = Vec::new();
        for level in levels {
            if self.parts.drain.is_cancelled() {
                break;
            }
            let turns = level.into_iter().filter(|at| !details[*at].is_ended()).map(|at| async move {
                let outcome = self.turn(operation, at, &details[at]).await?;
                Ok::<_, StoreError>((outcome, details[at].container_name.clone()))
            });
            for turn in futures::future::join_all(turns).await {
                let (outcome, name) = turn?;
                if outcome != Outcome::Interrupted {
                    ended.push(name);
                }
            }
        }
        Ok(ended)
    }

    /// One container's turn.
    async fn turn(&self, operation: &Operation, position: usize, detail: &Detail) -> Result<Outcome, StoreError> {
        let journal_id = operation.journal_id(position);
        let watch = Watch::new(self, operation, position);
        if self.journal.get(&journal_id).await?.is_none() {
            let decided = tokio::select! {
                decided = self.decide(operation, position, detail) => decided,
                // Nothing was done yet: the next start decides anew.
                () = self.parts.drain.cancelled() => return Ok(Outcome::Interrupted),
            };
            match decided {
                Ok(job) => self.enter(&journal_id, operation, position, &job).await?,
                Err(UpdateError::Store(error)) => return Err(error),
                Err(UpdateError::Plan(PlanError::Own { .. })) if operation.kind == Kind::Restart => {
                    watch.skipped().await?;
                    return Ok(Outcome::Done { warnings: Vec::new() });
                }
                Err(error) => {
                    let error = chain(&error);
                    watch.refused(&error).await?;
                    return Ok(Outcome::Undone { error });
                }
            }
        }
        let Some(entry) = self.journal.get(&journal_id).await? else {
            return Err(StoreError::corrupt("journal", "an entry that was just written is not there"));
        };
        let work = Work::new(Arc::clone(&self.parts.engine), self.tools(), entry.plan()?, &journal_id);
        let runner = Runner::new(&self.journal, &watch, &self.parts.drain, self.parts.retry);
        tracing::info!(operation.id = operation.id, container.name = detail.container_name, status = ?entry.status, "begins");
        let outcome = runner.run(&entry, &workflow(work)).await?;
        self.forced.forget(&journal_id);
        tracing::info!(operation.id = operation.id, container.name = detail.container_name, outcome = ?outcome, "ended");
        Ok(outcome)
    }

    fn tools(&self) -> Tools {
        Tools {
            scripts: self.parts.scripts.clone(),
            forced: Arc::clone(&self.forced),
            lock_override: self.parts.limits.lock_override,
            // A second, as undos begin with a quarter of one.
            pull_pause: self.parts.retry.first * 4,
        }
    }

    async fn decide(&self, operation: &Operation, position: usize, detail: &Detail) -> Result<Job, UpdateError> {
        Watch::new(self, operation, position).looking().await?;
        let facts = gather(self.parts.engine.as_ref(), &detail.container_name).await?;
        match operation.kind {
            Kind::Restart => return self.decide_restart(operation, detail, facts).await,
            Kind::LabelChange => {
                let restart = !detail.no_restart;
                let changes = changes_of(detail);
                let mut job = plan_labels(&facts, &changes, restart, &self.parts.health, detail.force)?;
                self.ask(&facts, &mut job.plan, "", detail.force || detail.no_restart).await?;
                return Ok(job);
            }
            Kind::FixMismatch => {
                let mut job = self.plan_mismatch(&facts, detail.force).await?;
                permit_after(&facts.container, job.plan.after.as_ref(), self.parts.scripts.allow_exec())
                    .map_err(PlanError::from)?;
                self.ask(&facts, &mut job.plan, "", detail.force).await?;
                self.check_room(&job).await?;
                return Ok(job);
            }
            _ => {}
        }
        if !detail.rolls_back.is_empty() {
            self.check_newest(&detail.container_name, &detail.rolls_back, detail.force).await?;
            return self.plan_rollback(&facts, &detail.rolls_back, detail.force).await;
        }
        let request = UpdateRequest {
            version: Some(detail.new_version.clone()),
            force: detail.force,
            plan_hash: detail.plan_hash.clone(),
            script: detail.script.clone(),
            rehearse: detail.rehearse,
            ..UpdateRequest::default()
        };
        let (mut job, _) = self.update_job(&facts, &request, Instant::now()).await?;
        self.check_room(&job).await?;
        if self.parts.keep.rollbacks == 0 {
            let subject = crate::plan::Subject {
                id: facts.container.id.clone(),
                name: facts.container.name.clone(),
                stack: None,
                run: crate::plan::Run::Always,
            };
            job.plan.obsolete.push(crate::plan::Names::new(&subject, &operation.journal_id(position)).kept());
        }
        Ok(job)
    }

    /// Those that are restarted with it come in their own turn, so they need not follow.
    async fn decide_restart(&self, operation: &Operation, detail: &Detail, facts: Facts) -> Result<Job, UpdateError> {
        if self.is_own(&facts.container).await? {
            return Err(PlanError::Own { container: facts.container.name }.into());
        }
        let mut job = plan_restart(&facts, &self.parts.health, detail.force)?;
        let is_among = |name: &str| operation.details.iter().any(|other| other.container_name == name);
        job.plan.followers.retain(|follower| !is_among(&follower.name));
        self.ask(&facts, &mut job.plan, "", detail.force).await?;
        Ok(job)
    }

    /// Refuses what the disk would not hold, or what is more than may be copied.
    async fn check_room(&self, job: &Job) -> Result<(), UpdateError> {
        if !job.plan.has_data() {
            return Ok(());
        }
        let container = || job.plan.container.name.clone();
        let measure = self.parts.engine.measure(&job.plan.data).await?;
        let (mib, limit_mib) = (mebibytes(measure.needed_bytes), self.parts.keep.snapshot_max_mib);
        if limit_mib > 0 && mib > limit_mib {
            return Err(UpdateError::TooMuchData { container: container(), mib, limit_mib });
        }
        // A rehearsal writes on another copy.
        let needed = if job.plan.rehearse { measure.needed_bytes.saturating_mul(2) } else { measure.needed_bytes };
        if needed.saturating_add(RESERVE_BYTES) > measure.free_bytes {
            let (mib, free_mib) = (mebibytes(needed + RESERVE_BYTES), mebibytes(measure.free_bytes));
            return Err(UpdateError::NoRoom { container: container(), mib, free_mib });
        }
        Ok(())
    }

    /// Writes what was decided into the journal; from here on it is done or undone.
    async fn enter(
        &self,
        journal_id: &str,
        operation: &Operation,
        position: usize,
        job: &Job,
    ) -> Result<(), StoreError> {
        let mut transaction = self.parts.store.begin().await?;
        self.journal.create(&mut transaction, journal_id, JOURNAL_KIND, job).await?;
        let image = &job.plan.image;
        let digest = digest_of(&image.old_digests);
        let before = &operation.details[position].old_version;
        // Of a change of labels the version is the labels.
        let old = if operation.kind == Kind::LabelChange { before.as_str() } else { image.old_tag() };
        detail::begin(&mut transaction, &operation.id, position, old, &digest).await?;
        let dependents: Vec<String> = job.plan.followers.iter().map(|follower| follower.name.clone()).collect();
        store::add_dependents(&mut transaction, &operation.id, &dependents).await?;
        transaction.commit().await?;
        tracing::info!(operation.id = operation.id, plan.hash = job.plan.hash(), "planned:\n{}", job.plan);
        Ok(())
    }
}

/// How a container's turn ended, for its detail and its events.
pub(super) fn ending(outcome: &Outcome, entry: Option<&Entry>, container: &str) -> Option<Ending> {
    match outcome {
        Outcome::Done { warnings } => {
            if let Some(Unproved { problem }) = unproved(entry) {
                let message = format!(
                    "{problem}. The new version of {container} stays, because its way back is not automatic; roll this \
                     operation back to have the old one again."
                );
                return Some(Ending::unproved(message));
            }
            let mut remarks = rehearsed(entry);
            remarks.extend(broken_locks(entry));
            remarks.extend(accepted(entry));
            remarks.extend(followed(entry));
            if !warnings.is_empty() {
                remarks.push(format!("left to clean up by hand: {}", warnings.join("; ")));
            }
            Some(Ending::good(remarks.join("; ")))
        }
        Outcome::Undone { error } => Some(match kind_of(entry) {
            // Its words are what clients look for.
            PlanKind::Restart => Ending::bad(error.clone(), false),
            _ if !entry.is_some_and(was_touched) => Ending::bad(format!("{error}. Nothing was changed."), false),
            PlanKind::Labels => Ending::bad(format!("{error}. {container} and its file are back as they were."), true),
            PlanKind::Update | PlanKind::Rollback | PlanKind::Mismatch => {
                Ending::bad(format!("{error}. The old version of {container} is back as it was."), true)
            }
        }),
        Outcome::Broken { error, left } => Some(Ending::bad(
            format!("{error}. Not everything could be brought back; look at: {}", left.join("; ")),
            false,
        )),
        Outcome::Interrupted => None,
    }
}

/// What was seen at the rehearsal, as a remark.
fn rehearsed(entry: Option<&Entry>) -> Vec<String> {
    entry
        .and_then(|entry| entry.data::<Rehearsed>(step::REHEARSE).ok().flatten())
        .map(|found| found.seen)
        .into_iter()
        .collect()
}

fn unproved(entry: Option<&Entry>) -> Option<Unproved> {
    entry.and_then(|entry| entry.data(step::HEALTH).ok().flatten())
}

/// In what the new container differs that force let pass, as a remark.
fn accepted(entry: Option<&Entry>) -> Option<String> {
    let placed = |name| entry.and_then(|entry| entry.data::<Placed>(name).ok().flatten());
    let differences = [step::RECREATE, step::SWAP].into_iter().find_map(placed)?.differences;
    (!differences.is_empty()).then(|| format!("force let it differ from before: {}", differences.join("; ")))
}

fn kind_of(entry: Option<&Entry>) -> PlanKind {
    let job: Option<Job> = entry.and_then(|entry| entry.plan().ok());
    job.map_or(PlanKind::Update, |job| job.plan.kind)
}

/// What became of those that follow, and of the container's health after a restart, as remarks.
fn followed(entry: Option<&Entry>) -> Vec<String> {
    let Some(entry) = entry else { return Vec::new() };
    let followed = entry.data::<Followed>(step::FOLLOW).ok().flatten().unwrap_or_default();
    let settled = entry.data::<Settled>(step::SETTLE).ok().flatten().unwrap_or_default();
    let mut remarks: Vec<String> = Some(settled.remark).filter(|remark| !remark.is_empty()).into_iter().collect();
    if !followed.blocked.is_empty() {
        remarks.push(format!("Blocked dependents: {}", followed.blocked.join(", ")));
    }
    remarks.extend(followed.failed);
    remarks
}

/// The update locks that were broken by force, as a remark.
fn broken_locks(entry: Option<&Entry>) -> Vec<String> {
    let locked = entry.and_then(|entry| entry.data::<Locked>(step::LOCK).ok().flatten()).unwrap_or_default();
    locked.broken.iter().map(|lock| format!("the update lock of {lock} was broken by force")).collect()
}

/// Whether anything was done to the container or its files, so that there was something to bring back.
fn was_touched(entry: &Entry) -> bool {
    [step::EDIT, step::STOP, step::RECREATE, step::SWAP, step::RESTART].iter().any(|name| entry.step(name).is_some())
}
