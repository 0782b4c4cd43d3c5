//! The journal: what was begun, what was done, what was undone.

use std::sync::Arc;

use homeport_service::clock::Clock;
use homeport_store::{Schema, Store, StoreError, Transaction};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{FromRow, Row as _, sqlite::SqliteRow};

/// The journal's tables, for [`Store::open`].
pub fn schema() -> Schema {
    Schema { name: "journal", migrator: sqlx::migrate!("./migrations") }
}

/// How far a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// On its way; would be undone now.
    Open,
    /// Past the commit point; only tidying up is left.
    Committed,
    /// On its way back.
    Undoing,
    /// Everything happened.
    Done,
    /// Nothing happened, as far as anyone can tell now.
    Undone,
    /// Undone, but for what the error names.
    Broken,
}

impl Status {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Open, "open"),
        (Self::Committed, "committed"),
        (Self::Undoing, "undoing"),
        (Self::Done, "done"),
        (Self::Undone, "undone"),
        (Self::Broken, "broken"),
    ];

    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::Broken)
    }

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("open", |(_, text)| text)
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == text)
            .map(|(status, _)| *status)
            .ok_or_else(|| StoreError::corrupt("journal.status", text))
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Anything of it may have been done.
    Begun,
    /// All of it was done.
    Done,
    /// All of it was taken back.
    Undone,
}

impl StepState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Undone => "undone",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        [Self::Begun, Self::Done, Self::Undone]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| StoreError::corrupt("journal_step.state", text))
    }
}

/// A piece of work as the journal has it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Chosen by whoever began it.
    pub id: String,
    /// What sort of work it is; says how to read the plan.
    pub kind: String,
    /// What it was decided to do.
    pub plan: Value,
    /// How far it is.
    pub status: Status,
    /// Why it is being undone, or what could not be tidied up.
    pub error: Option<String>,
    pub(crate) steps: Vec<StepRow>,
}

impl Entry {
    /// The plan in its own type.
    pub fn plan<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        T::deserialize(&self.plan).map_err(|error| StoreError::corrupt("journal.plan", error))
    }

    /// How far a step is. None: it was not begun.
    pub fn step(&self, name: &str) -> Option<StepState> {
        self.steps.iter().find(|step| step.name == name).map(|step| step.state)
    }

    /// When a step began and when it ended, in microseconds since 1970. None: it has not ended.
    pub fn times(&self, name: &str) -> Option<(i64, i64)> {
        let step = self.steps.iter().find(|step| step.name == name)?;
        Some((step.begun_us, step.ended_us?))
    }

    /// What a step recorded.
    pub fn data<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        read_data(self.steps.iter().find(|step| step.name == name))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct StepRow {
    pub(crate) name: String,
    pub(crate) state: StepState,
    pub(crate) data: Option<Value>,
    pub(crate) begun_us: i64,
    pub(crate) ended_us: Option<i64>,
}

pub(crate) fn read_data<T: DeserializeOwned>(row: Option<&StepRow>) -> Result<Option<T>, StoreError> {
    let Some(value) = row.and_then(|row| row.data.as_ref()) else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|error| StoreError::corrupt("journal_step.data", error))
}

/// The journal in a database.
#[derive(Clone)]
pub struct Journal {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// The journal in a database that has its tables.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Enters work that is to be begun.
    pub async fn create(
        &self,
        transaction: &mut Transaction,
        id: &str,
        kind: &str,
        plan: &(impl Serialize + Sync),
    ) -> Result<(), StoreError> {
        let plan = serde_json::to_string(plan).map_err(|error| StoreError::corrupt("journal.plan", error))?;
        let now = self.now();
        sqlx::query(
            "INSERT INTO journal (id, kind, plan, status, created_us, updated_us) VALUES ($1, $2, $3, 'open', $4, $4)",
        )
        .bind(id)
        .bind(kind)
        .bind(plan)
        .bind(now)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// Work by its id.
    pub async fn get(&self, id: &str) -> Result<Option<Entry>, StoreError> {
        let reader = self.store.reader();
        let row = sqlx::query("SELECT id, kind, plan, status, error FROM journal WHERE id = $1")
            .bind(id)
            .fetch_optional(reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let steps = sqlx::query(
            "SELECT name, state, data, begun_us, ended_us FROM journal_step WHERE journal_id = $1 ORDER BY position",
        )
        .bind(id)
        .fetch_all(reader)
        .await?;
        let mut entry = Entry::try_from(&row)?;
        entry.steps = steps.iter().map(StepRow::try_from).collect::<Result<_, _>>()?;
        Ok(Some(entry))
    }

    /// Ids of all work that has not ended, oldest first.
    pub async fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT id FROM journal WHERE status IN ('open', 'committed', 'undoing') ORDER BY created_us, id",
        )
        .fetch_all(self.store.reader())
        .await?)
    }

    /// Forgets work that has ended.
    pub async fn delete(&self, transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM journal WHERE id = $1 AND status IN ('done', 'undone', 'broken')")
            .bind(id)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        self.store.begin().await
    }

    pub(crate) async fn set_status(
        &self,
        transaction: &mut Transaction,
        id: &str,
        status: Status,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE journal SET status = $2, error = COALESCE($3, error), updated_us = $4 WHERE id = $1")
            .bind(id)
            .bind(status.as_str())
            .bind(error)
            .bind(self.now())
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    pub(crate) async fn begin_step(
        &self,
        transaction: &mut Transaction,
        id: &str,
        position: usize,
        name: &str,
    ) -> Result<(), StoreError> {
        // Begun before: a step past the commit point that goes on after a crash.
        sqlx::query(
            "INSERT INTO journal_step (journal_id, position, name, state, begun_us) VALUES ($1, $2, $3, 'begun', $4) \
             ON CONFLICT (journal_id, position) DO UPDATE SET state = 'begun'",
        )
        .bind(id)
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(name)
        .bind(self.now())
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    pub(crate) async fn end_step(
        &self,
        transaction: &mut Transaction,
        id: &str,
        name: &str,
        state: StepState,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE journal_step SET state = $3, ended_us = $4 WHERE journal_id = $1 AND name = $2")
            .bind(id)
            .bind(name)
            .bind(state.as_str())
            .bind(self.now())
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }

    pub(crate) async fn record(&self, id: &str, name: &str, data: &Value) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE journal_step SET data = $3 WHERE journal_id = $1 AND name = $2")
            .bind(id)
            .bind(name)
            .bind(data.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    fn now(&self) -> i64 {
        self.clock.now().as_microsecond()
    }
}

impl TryFrom<&SqliteRow> for Entry {
    type Error = StoreError;

    fn try_from(row: &SqliteRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            plan: serde_json::from_str(row.try_get("plan")?)
                .map_err(|error| StoreError::corrupt("journal.plan", error))?,
            status: Status::parse(row.try_get("status")?)?,
            error: row.try_get("error")?,
            steps: Vec::new(),
        })
    }
}

impl TryFrom<&SqliteRow> for StepRow {
    type Error = StoreError;

    fn try_from(row: &SqliteRow) -> Result<Self, StoreError> {
        let (name, state, data, begun_us, ended_us) =
            <(String, String, Option<String>, i64, Option<i64>)>::from_row(row)?;
        let data = data
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| StoreError::corrupt("journal_step.data", error))?;
        Ok(Self { name, state: StepState::parse(&state)?, data, begun_us, ended_us })
    }
}
