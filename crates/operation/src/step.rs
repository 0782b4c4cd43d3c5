//! What long work is made of.

use async_trait::async_trait;

use crate::Scope;

/// One step. Both ways may be interrupted at any instant and are then called again, so both bring about a state
/// instead of making a change: done twice is done once.
#[async_trait]
pub trait Step: Send + Sync {
    /// Names the step in the journal; unique in its workflow and never changed.
    fn name(&self) -> &'static str;

    /// Whether it only waits, so that it goes on waiting after an interruption instead of being undone with all before it.
    fn only_waits(&self) -> bool {
        false
    }

    /// Does it.
    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError>;

    /// Brings back what was before, whatever [`Step::run`] got done. Steps after the commit point have none.
    async fn undo(&self, _scope: &Scope<'_>) -> Result<(), StepError> {
        Ok(())
    }
}

/// Why a step failed.
#[derive(Debug)]
pub struct StepError {
    source: Box<dyn std::error::Error + Send + Sync>,
    is_away: bool,
}

impl StepError {
    /// It cannot be done.
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into(), is_away: false }
    }

    /// Whoever should do it cannot be reached. An undo waits for that as long as it takes.
    pub fn away(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into(), is_away: true }
    }

    /// Whether waiting helps.
    pub const fn is_away(&self) -> bool {
        self.is_away
    }
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&homeport_service::telemetry::chain(self.source.as_ref()))
    }
}

impl From<homeport_store::StoreError> for StepError {
    fn from(source: homeport_store::StoreError) -> Self {
        Self::failed(source)
    }
}

/// Steps, in order, and the point from which there is no way back.
pub struct Workflow {
    pub(crate) steps: Vec<Box<dyn Step>>,
    pub(crate) commit: usize,
}

impl Workflow {
    /// `undoable` steps first; once all of them are done the work is committed and `finishing` steps tidy up.
    pub fn new(undoable: Vec<Box<dyn Step>>, finishing: Vec<Box<dyn Step>>) -> Self {
        let commit = undoable.len();
        let mut steps = undoable;
        steps.extend(finishing);
        Self { steps, commit }
    }
}

impl std::fmt::Debug for Workflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| step.name())).finish()
    }
}
