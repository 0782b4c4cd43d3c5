//! What a step sees of the work that it is part of.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use homeport_store::StoreError;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Entry, Journal, Observer, StepError, StepState,
    journal::{StepRow, read_data},
};

/// What a step sees of the work that it is part of: its id, what other steps did and recorded, and whom to tell of
/// progress.
pub struct Scope<'a> {
    id: &'a str,
    step: &'static str,
    is_undo: bool,
    journal: &'a Journal,
    observer: &'a dyn Observer,
    rows: &'a Rows,
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("id", &self.id).field("step", &self.step).finish_non_exhaustive()
    }
}

impl<'a> Scope<'a> {
    pub(crate) const fn new(
        id: &'a str,
        step: &'static str,
        is_undo: bool,
        journal: &'a Journal,
        observer: &'a dyn Observer,
        rows: &'a Rows,
    ) -> Self {
        Self { id, step, is_undo, journal, observer, rows }
    }

    /// Id of the work.
    pub const fn id(&self) -> &str {
        self.id
    }

    /// Writes what the step's undo will need, before doing what makes it needed. Replaces what it wrote before.
    pub async fn record(&self, data: &(impl Serialize + Sync)) -> Result<(), StepError> {
        let value = serde_json::to_value(data).map_err(StepError::failed)?;
        self.journal.record(self.id, self.step, &value).await?;
        self.rows.change(self.step, |row| row.data = Some(value));
        Ok(())
    }

    /// What a step recorded, this one or another.
    pub fn data<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StoreError> {
        self.rows.with(step, read_data)
    }

    /// How far another step is. None: it was not begun.
    pub fn state(&self, step: &str) -> Option<StepState> {
        self.rows.with(step, |row| row.map(|row| row.state))
    }

    /// Tells how far the step is, 0 to 100, in words for a person.
    pub fn progress(&self, percent: u32, message: &str) {
        self.observer.progressed(self.id, self.step, self.is_undo, percent.min(100), message);
    }
}

/// The steps as they are in the journal.
#[derive(Debug, Default)]
pub(crate) struct Rows(Mutex<BTreeMap<String, StepRow>>);

impl Rows {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self(Mutex::new(entry.steps.iter().map(|row| (row.name.clone(), row.clone())).collect()))
    }

    pub(crate) fn state(&self, step: &str) -> Option<StepState> {
        self.with(step, |row| row.map(|row| row.state))
    }

    pub(crate) fn set(&self, step: &str, state: StepState) {
        self.change(step, |row| row.state = state);
    }

    fn with<T>(&self, step: &str, read: impl FnOnce(Option<&StepRow>) -> T) -> T {
        read(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(step))
    }

    fn change(&self, step: &str, change: impl FnOnce(&mut StepRow)) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = rows.entry(step.to_owned()).or_insert_with(|| StepRow {
            name: step.to_owned(),
            state: StepState::Begun,
            data: None,
            begun_us: 0,
            ended_us: None,
        });
        change(row);
    }
}
