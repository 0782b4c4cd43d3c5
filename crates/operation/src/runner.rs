//! Walks the steps, and back.

use std::time::Duration;

use async_trait::async_trait;
use homeport_store::{StoreError, Transaction};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{Entry, Journal, Scope, Status, Step, StepState, Workflow, scope::Rows};

/// Is told of everything that is written into the journal, in the transaction that writes it.
#[async_trait]
pub trait Observer: Send + Sync {
    /// The journal of the work with this id changes. What is written here is kept exactly if the change is.
    async fn changed(&self, transaction: &mut Transaction, id: &str, change: &Change<'_>) -> Result<(), StoreError>;

    /// A step told how far it is. Comes often and is written nowhere.
    fn progressed(&self, _id: &str, _step: &'static str, _is_undo: bool, _percent: u32, _message: &str) {}
}

/// A change of the journal.
#[derive(Debug)]
pub enum Change<'a> {
    /// A step begins.
    Begun(&'a str),
    /// A step is done.
    Done(&'a str),
    /// There is no way back any more.
    Committed,
    /// It is being undone, because of this.
    Undoing(&'a str),
    /// A step was undone.
    Undone(&'a str),
    /// It ended.
    Ended(&'a Outcome),
}

/// How work ended, for now or for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything happened.
    Done {
        /// What could not be tidied up afterwards.
        warnings: Vec<String>,
    },
    /// Nothing happened.
    Undone {
        /// Why.
        error: String,
    },
    /// It was undone, but not everything could be.
    Broken {
        /// Why it was undone.
        error: String,
        /// What could not be.
        left: Vec<String>,
    },
    /// The process stops; the next start goes on.
    Interrupted,
}

/// How often and how soon an undo, or a step past the commit point, is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Before the second attempt. Doubled for each further one.
    pub first: Duration,
    /// The most.
    pub ceiling: Duration,
    /// Attempts of what fails. What is away is waited for without a limit.
    pub attempts: u32,
}

impl Default for Retry {
    /// 250 ms to 5 s, 8 attempts: half a minute, in which an engine has long restarted.
    fn default() -> Self {
        Self { first: Duration::from_millis(250), ceiling: Duration::from_secs(5), attempts: 8 }
    }
}

/// Walks the steps, and back.
pub struct Runner<'a> {
    journal: &'a Journal,
    observer: &'a dyn Observer,
    drain: &'a CancellationToken,
    retry: Retry,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// A step could not be finished because the process stops.
struct Drained;

impl<'a> Runner<'a> {
    /// A runner that stops between two instants of a step when `drain` is cancelled.
    pub const fn new(
        journal: &'a Journal,
        observer: &'a dyn Observer,
        drain: &'a CancellationToken,
        retry: Retry,
    ) -> Self {
        Self { journal, observer, drain, retry }
    }

    /// Brings work to its end from wherever the journal says that it is: new work is done; work that was interrupted
    /// is undone, or finished when it is past its commit point.
    pub async fn run(&self, entry: &Entry, workflow: &Workflow) -> Result<Outcome, StoreError> {
        let rows = Rows::of(entry);
        let walk = Walk { runner: self, id: &entry.id, workflow, rows: &rows };
        match entry.status {
            Status::Open => match walk.resumed() {
                Some(from) => walk.forward(from).await,
                None => walk.back("Homeport was stopped in the middle of it").await,
            },
            Status::Committed => walk.finish().await,
            Status::Undoing => walk.undo(entry.error.as_deref().unwrap_or_default()).await,
            Status::Done => Ok(Outcome::Done { warnings: Vec::new() }),
            Status::Undone => Ok(Outcome::Undone { error: entry.error.clone().unwrap_or_default() }),
            Status::Broken => Ok(Outcome::Broken { error: entry.error.clone().unwrap_or_default(), left: Vec::new() }),
        }
    }
}

struct Walk<'a> {
    runner: &'a Runner<'a>,
    id: &'a str,
    workflow: &'a Workflow,
    rows: &'a Rows,
}

impl Walk<'_> {
    /// The step to go on with: the first one of new work, or one that was interrupted while it only waited. None: what
    /// was interrupted may be half done.
    fn resumed(&self) -> Option<usize> {
        let undoable = &self.workflow.steps[..self.workflow.commit];
        let from = undoable.iter().position(|step| self.rows.state(step.name()) != Some(StepState::Done))?;
        let may_go_on = match self.rows.state(undoable[from].name()) {
            Some(_) => undoable[from].only_waits(),
            None => from == 0,
        };
        (may_go_on && undoable[from + 1..].iter().all(|step| self.rows.state(step.name()).is_none())).then_some(from)
    }

    async fn forward(&self, from: usize) -> Result<Outcome, StoreError> {
        let undoable = &self.workflow.steps[..self.workflow.commit];
        for (position, step) in undoable.iter().enumerate().skip(from) {
            self.begin(position, step.as_ref()).await?;
            match self.unless_drained(step.run(&self.scope(step.as_ref(), false)).instrument(span(step.as_ref()))).await
            {
                Err(Drained) => return Ok(Outcome::Interrupted),
                Ok(Err(error)) => return self.back(&error.to_string()).await,
                Ok(Ok(())) => self.end(step.as_ref(), StepState::Done).await?,
            }
        }
        let mut transaction = self.runner.journal.begin().await?;
        self.runner.journal.set_status(&mut transaction, self.id, Status::Committed, None).await?;
        self.tell(&mut transaction, &Change::Committed).await?;
        transaction.commit().await?;
        self.finish().await
    }

    async fn finish(&self) -> Result<Outcome, StoreError> {
        let mut warnings = Vec::new();
        for (position, step) in self.workflow.steps.iter().enumerate().skip(self.workflow.commit) {
            if self.rows.state(step.name()) == Some(StepState::Done) {
                continue;
            }
            self.begin(position, step.as_ref()).await?;
            match self.insist(step.as_ref(), false).await {
                Err(Drained) => return Ok(Outcome::Interrupted),
                Ok(Err(error)) => warnings.push(error),
                Ok(Ok(())) => self.end(step.as_ref(), StepState::Done).await?,
            }
        }
        let error = (!warnings.is_empty()).then(|| warnings.join("; "));
        self.close(Status::Done, error, Outcome::Done { warnings }).await
    }

    async fn back(&self, error: &str) -> Result<Outcome, StoreError> {
        let mut transaction = self.runner.journal.begin().await?;
        self.runner.journal.set_status(&mut transaction, self.id, Status::Undoing, Some(error)).await?;
        self.tell(&mut transaction, &Change::Undoing(error)).await?;
        transaction.commit().await?;
        self.undo(error).await
    }

    async fn undo(&self, error: &str) -> Result<Outcome, StoreError> {
        let mut left = Vec::new();
        for step in self.workflow.steps[..self.workflow.commit].iter().rev() {
            if !matches!(self.rows.state(step.name()), Some(StepState::Begun | StepState::Done)) {
                continue;
            }
            match self.insist(step.as_ref(), true).await {
                Err(Drained) => return Ok(Outcome::Interrupted),
                Ok(Err(error)) => left.push(error),
                Ok(Ok(())) => self.end(step.as_ref(), StepState::Undone).await?,
            }
        }
        let error = error.to_owned();
        if left.is_empty() {
            return self.close(Status::Undone, None, Outcome::Undone { error }).await;
        }
        let text = format!("{error}; left to do by hand: {}", left.join("; "));
        self.close(Status::Broken, Some(text), Outcome::Broken { error, left }).await
    }

    /// Tries until it works, or has failed too often.
    async fn insist(&self, step: &dyn Step, is_undo: bool) -> Result<Result<(), String>, Drained> {
        let Retry { first, ceiling, attempts } = self.runner.retry;
        let mut pause = first;
        let mut failures = 0;
        loop {
            let scope = self.scope(step, is_undo);
            let attempt = async { if is_undo { step.undo(&scope).await } else { step.run(&scope).await } };
            let error = match self.unless_drained(attempt.instrument(span(step))).await? {
                Ok(()) => return Ok(Ok(())),
                Err(error) => error,
            };
            failures += u32::from(!error.is_away());
            tracing::warn!(
                operation.id = self.id,
                step = step.name(),
                undo = is_undo,
                failures,
                error = %error,
                "a step that must succeed did not; trying again"
            );
            if failures >= attempts {
                return Ok(Err(format!("{} ({error})", step.name())));
            }
            if self.unless_drained(tokio::time::sleep(pause)).await.is_err() {
                return Err(Drained);
            }
            pause = (pause * 2).min(ceiling);
        }
    }

    async fn begin(&self, position: usize, step: &dyn Step) -> Result<(), StoreError> {
        let mut transaction = self.runner.journal.begin().await?;
        self.runner.journal.begin_step(&mut transaction, self.id, position, step.name()).await?;
        self.tell(&mut transaction, &Change::Begun(step.name())).await?;
        transaction.commit().await?;
        self.rows.set(step.name(), StepState::Begun);
        Ok(())
    }

    async fn end(&self, step: &dyn Step, state: StepState) -> Result<(), StoreError> {
        let mut transaction = self.runner.journal.begin().await?;
        self.runner.journal.end_step(&mut transaction, self.id, step.name(), state).await?;
        let change = match state {
            StepState::Undone => Change::Undone(step.name()),
            StepState::Begun | StepState::Done => Change::Done(step.name()),
        };
        self.tell(&mut transaction, &change).await?;
        transaction.commit().await?;
        self.rows.set(step.name(), state);
        Ok(())
    }

    async fn close(&self, status: Status, error: Option<String>, outcome: Outcome) -> Result<Outcome, StoreError> {
        let mut transaction = self.runner.journal.begin().await?;
        self.runner.journal.set_status(&mut transaction, self.id, status, error.as_deref()).await?;
        self.tell(&mut transaction, &Change::Ended(&outcome)).await?;
        transaction.commit().await?;
        Ok(outcome)
    }

    async fn tell(&self, transaction: &mut Transaction, change: &Change<'_>) -> Result<(), StoreError> {
        self.runner.observer.changed(transaction, self.id, change).await
    }

    fn scope(&self, step: &dyn Step, is_undo: bool) -> Scope<'_> {
        Scope::new(self.id, step.name(), is_undo, self.runner.journal, self.runner.observer, self.rows)
    }

    async fn unless_drained<T>(&self, future: impl Future<Output = T>) -> Result<T, Drained> {
        tokio::select! {
            result = future => Ok(result),
            () = self.runner.drain.cancelled() => Err(Drained),
        }
    }
}

fn span(step: &dyn Step) -> tracing::Span {
    tracing::info_span!("step", step = step.name())
}

#[cfg(test)]
mod tests;
