//! What the journal's changes mean for the history and the bus, written in the journal's own transactions.

use std::sync::PoisonError;

use async_trait::async_trait;
use homeport_operation::{Change, Entry, Observer};
use homeport_store::{StoreError, Transaction};

use super::{Inner, run::ending};
use crate::{
    events::{self, ContainerChanged, Progress, StepChanged},
    execute::{Followed, Placed, Stage, stage_of, step},
    plan::{Job, Kind as PlanKind, Way},
    store::{self, DetailEnd, DetailStatus, Kind, Operation, Status, detail, operation::get_on, record::of_journal_id},
};

/// Watches one container of an operation.
pub(super) struct Watch<'a> {
    inner: &'a Inner,
    operation: &'a Operation,
    position: usize,
}

/// How a container's turn ended.
pub(super) struct Ending {
    status: DetailStatus,
    message: String,
    rolled_back: bool,
    /// The new version is in place, whatever it is like.
    in_place: bool,
}

impl Ending {
    pub(super) const fn good(message: String) -> Self {
        Self { status: DetailStatus::Complete, message, rolled_back: false, in_place: true }
    }

    pub(super) const fn bad(message: String, rolled_back: bool) -> Self {
        Self { status: DetailStatus::Failed, message, rolled_back, in_place: false }
    }

    /// The new version has not proved itself, and stays.
    pub(super) const fn unproved(message: String) -> Self {
        Self { status: DetailStatus::Failed, message, rolled_back: false, in_place: true }
    }
}

/// Step and state of a change, as the bus is told. The end is told of by other events.
const fn entry_of<'a>(change: &Change<'a>) -> Option<(&'a str, &'static str)> {
    Some(match change {
        Change::Begun(step) => (step, "begun"),
        Change::Done(step) => (step, "done"),
        Change::Undone(step) => (step, "undone"),
        Change::Committed => ("", "committed"),
        Change::Undoing(_) => ("", "undoing"),
        Change::Ended(_) => return None,
    })
}

/// The container that a journal entry's work put in place.
pub(super) fn new_container(entry: &Entry) -> Result<Option<String>, StoreError> {
    for name in [step::RECREATE, step::SWAP] {
        if let Some(placed) = entry.data::<Placed>(name)? {
            return Ok(placed.new_container);
        }
    }
    Ok(None)
}

#[async_trait]
impl Observer for Watch<'_> {
    async fn changed(&self, transaction: &mut Transaction, id: &str, change: &Change<'_>) -> Result<(), StoreError> {
        if let Some((step, state)) = entry_of(change) {
            let (operation_id, container_name) = (&self.operation.id, &self.name());
            events::step(transaction, &StepChanged { operation_id, container_name, step, state }).await?;
        }
        match change {
            Change::Begun(name) => match self.stage_of(name) {
                Some(stage) => self.stage(transaction, stage.name, self.overall(&stage, 0), stage.message).await,
                None => Ok(()),
            },
            Change::Undoing(error) => self.stage(transaction, "rolling_back", self.percent(), error).await,
            Change::Ended(outcome) => {
                let entry = self.inner.journal.get(id).await?;
                let Some(ending) = ending(outcome, entry.as_ref(), &self.name()) else { return Ok(()) };
                self.ended(transaction, entry, ending).await
            }
            Change::Done(step::RESTART) => {
                self.stage(transaction, "starting", self.scaled(60), "the container starts").await
            }
            Change::Done(step::RECREATE) if self.operation.kind == Kind::LabelChange => {
                self.stage(transaction, "starting", self.scaled(70), "the container starts").await
            }
            Change::Done(step::FOLLOW) => {
                let entry = self.inner.journal.get(id).await?;
                let followed = entry.map(|entry| entry.data::<Followed>(step::FOLLOW)).transpose()?.flatten();
                let followed = followed.unwrap_or_default();
                let percent = self.stage_of(step::FOLLOW).map_or(98, |stage| stage.to);
                self.stage(transaction, "restarting_dependents", self.scaled(percent), &followed.to_string()).await
            }
            Change::Done(_) | Change::Undone(_) | Change::Committed => Ok(()),
        }
    }

    fn progressed(&self, _: &str, step: &'static str, is_undo: bool, percent: u32, message: &str) {
        let Some(stage) = self.stage_of(step).filter(|_| !is_undo) else { return };
        let overall = self.onward(stage.name, self.overall(&stage, percent));
        if self.remember(stage.name, overall) {
            self.inner.parts.ticks.tick(&self.progress(stage.name, overall, message));
        }
    }
}

impl<'a> Watch<'a> {
    pub(super) const fn new(inner: &'a Inner, operation: &'a Operation, position: usize) -> Self {
        Self { inner, operation, position }
    }

    /// The container's turn has come; it is being looked at.
    pub(super) async fn looking(&self) -> Result<(), StoreError> {
        let mut transaction = self.inner.parts.store.begin().await?;
        if self.operation.details.len() > 1 {
            events::progress(&mut transaction, &self.progress("in_progress", 0, "its turn has come")).await?;
        }
        let percent = self.scaled(0);
        self.stage(&mut transaction, "validating", percent, "looking at the container and the registry").await?;
        transaction.commit().await
    }

    /// The container is Homeport's own, which is not restarted in passing.
    pub(super) async fn skipped(&self) -> Result<(), StoreError> {
        let mut transaction = self.inner.parts.store.begin().await?;
        self.ended(&mut transaction, None, Ending::good("Skipped (self)".to_owned())).await?;
        transaction.commit().await
    }

    fn stage_of(&self, step: &str) -> Option<Stage> {
        let kind = match self.operation.kind {
            Kind::Restart => PlanKind::Restart,
            Kind::LabelChange => PlanKind::Labels,
            Kind::FixMismatch => PlanKind::Mismatch,
            _ => PlanKind::Update,
        };
        let mut stage = stage_of(step, kind)?;
        if step == step::RESTART && self.operation.details.len() > 1 {
            stage.name = "restarting";
        }
        Some(stage)
    }

    /// What a success is called.
    fn success(&self) -> (&'static str, String) {
        let name = self.name();
        match self.operation.kind {
            Kind::Restart => ("restarted", format!("{name} was restarted")),
            Kind::LabelChange => ("complete", format!("{name} has its new labels")),
            Kind::FixMismatch => ("updated", format!("{name} and its compose file say the same")),
            Kind::Rollback => ("updated", format!("{name} is back at its old version and healthy")),
            _ => ("updated", format!("{name} is up to date and healthy")),
        }
    }

    /// The container's turn ended before anything was done.
    pub(super) async fn refused(&self, error: &str) -> Result<(), StoreError> {
        let mut transaction = self.inner.parts.store.begin().await?;
        self.ended(&mut transaction, None, Ending::bad(error.to_owned(), false)).await?;
        transaction.commit().await
    }

    fn name(&self) -> String {
        self.operation.details.get(self.position).map(|detail| detail.container_name.clone()).unwrap_or_default()
    }

    fn stack(&self) -> String {
        self.operation.details.get(self.position).map(|detail| detail.stack.clone()).unwrap_or_default()
    }

    /// Per cent of the whole operation at this much of one container.
    fn scaled(&self, percent: u32) -> u32 {
        let count = u32::try_from(self.operation.details.len().max(1)).unwrap_or(u32::MAX);
        let position = u32::try_from(self.position).unwrap_or_default();
        (position * 100 + percent.min(100)) / count
    }

    fn overall(&self, stage: &Stage, of_stage: u32) -> u32 {
        self.scaled(stage.percent(of_stage))
    }

    fn percent(&self) -> u32 {
        let live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get(&self.operation.id).map_or(self.operation.percent, |(_, percent)| *percent)
    }

    /// How far the whole is when one container is there: of several at the same time the slower ones set nothing back. The
    /// restart of a stack is between 10 and 90 while its containers are.
    fn onward(&self, stage: &str, percent: u32) -> u32 {
        if self.operation.details.len() < 2 {
            return percent;
        }
        let is_of_restart = self.operation.kind == Kind::Restart && stage != "validating";
        let percent = if is_of_restart { percent.clamp(10, 90) } else { percent };
        percent.max(self.percent())
    }

    /// Notes how far it is. False: that far it was before.
    fn remember(&self, stage: &str, percent: u32) -> bool {
        let mut live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        let now = (stage.to_owned(), percent);
        live.insert(self.operation.id.clone(), now.clone()) != Some(now)
    }

    fn progress(&self, stage: &str, percent: u32, message: &str) -> Progress {
        Progress {
            operation_id: self.operation.id.clone(),
            container_name: self.name(),
            stack_name: self.stack(),
            stage: stage.to_owned(),
            progress: percent,
            message: message.to_owned(),
            timestamp: events::seconds(self.inner.parts.clock.now()),
        }
    }

    async fn stage(
        &self,
        transaction: &mut Transaction,
        stage: &str,
        percent: u32,
        message: &str,
    ) -> Result<(), StoreError> {
        let percent = self.onward(stage, percent);
        self.remember(stage, percent);
        let now = self.inner.parts.clock.now();
        store::set_stage(transaction, &self.operation.id, stage, percent, now).await?;
        events::progress(transaction, &self.progress(stage, percent, message)).await
    }

    /// Writes how the container's turn ended, and how the operation did if it was the last one.
    async fn ended(
        &self,
        transaction: &mut Transaction,
        entry: Option<Entry>,
        ending: Ending,
    ) -> Result<(), StoreError> {
        let new_container_id = match &entry {
            Some(entry) if ending.in_place => new_container(entry)?.unwrap_or_default(),
            _ => String::new(),
        };
        let job: Option<Job> = entry.map(|entry| entry.plan()).transpose()?;
        let kept = ending.in_place
            && self.inner.parts.keep.rollbacks > 0
            && job.as_ref().is_some_and(|job| {
                matches!(job.plan.kind, PlanKind::Update | PlanKind::Mismatch) && job.plan.way != Way::Stay
            });
        let end = DetailEnd { message: ending.message.clone(), new_container_id: new_container_id.clone(), kept };
        detail::end(transaction, &self.operation.id, self.position, ending.status, &end).await?;
        if let Some(job) = job.filter(|_| ending.in_place) {
            for kept in &job.plan.obsolete {
                if let Some((operation, position)) = of_journal_id(&kept.snapshot)
                    && operation != self.operation.id
                {
                    store::set_kept(transaction, operation, position, false).await?;
                }
            }
        }
        self.tell_end(transaction, &ending, new_container_id).await?;
        self.close(transaction).await
    }

    async fn tell_end(
        &self,
        transaction: &mut Transaction,
        ending: &Ending,
        container_id: String,
    ) -> Result<(), StoreError> {
        let is_good = ending.status == DetailStatus::Complete;
        let (word, message) = self.success();
        // Of several containers the whole is told of by itself, so that each says only how it ended.
        let whole = if self.operation.details.len() > 1 { 0 } else { 100 };
        let (stage, percent, status) = if is_good { ("complete", whole, word) } else { ("failed", 0, "failed") };
        let message = if is_good && ending.message.is_empty() { message } else { ending.message.clone() };
        events::progress(transaction, &self.progress(stage, percent, &message)).await?;
        let container_id = if container_id.is_empty() { self.operation.container_id.clone() } else { container_id };
        let changed = ContainerChanged {
            operation_id: self.operation.id.clone(),
            container_id,
            container_name: self.name(),
            stack_name: self.stack(),
            status,
        };
        events::container(transaction, &changed).await?;
        if ending.rolled_back { self.note_rolled_back(transaction).await } else { Ok(()) }
    }

    async fn note_rolled_back(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        store::mark_rolled_back(transaction, &self.operation.id, self.inner.parts.clock.now()).await
    }

    /// Ends the operation once all its containers have had their turn.
    async fn close(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let Some(operation) = get_on(transaction, &self.operation.id).await? else { return Ok(()) };
        let count = |status| operation.details.iter().filter(|detail| detail.status == status).count();
        let (good, bad) = (count(DetailStatus::Complete), count(DetailStatus::Failed));
        if good + bad < operation.details.len() {
            return Ok(());
        }
        let now = self.inner.parts.clock.now();
        let status = if good > 0 { Status::Complete } else { Status::Failed };
        let message = summary(&operation, good, bad);
        let rolled_back = operation.rollback_occurred && status == Status::Failed;
        store::finish(transaction, &operation.id, status, &message, rolled_back, now).await?;
        if !operation.rollback_of.is_empty() && bad == 0 {
            store::mark_rolled_back(transaction, &operation.rollback_of, now).await?;
        }
        if operation.details.len() > 1 {
            let stage = if good > 0 { "complete" } else { "failed" };
            let whole = Progress { container_name: String::new(), ..self.progress(stage, 100, &message) };
            events::progress(transaction, &whole).await?;
        }
        for entry in store::prune(transaction, self.inner.parts.keep.operations).await? {
            self.inner.journal.delete(transaction, &entry).await?;
        }
        Ok(())
    }
}

fn summary(operation: &Operation, good: usize, bad: usize) -> String {
    match operation.details.as_slice() {
        [only] => only.message.clone(),
        _ if operation.kind == Kind::Restart && bad == 0 => String::new(),
        _ if operation.kind == Kind::Restart => {
            format!("Some containers failed to restart: {good} succeeded, {bad} failed")
        }
        _ => format!("Batch update completed: {good} succeeded, {bad} failed"),
    }
}
