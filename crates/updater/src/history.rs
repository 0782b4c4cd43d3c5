//! Looking back: what checks found, what was done, and when it is forgotten.

use std::{collections::HashMap, sync::Arc};

use homeport_bus_client::Publisher;
use homeport_operation::Journal;
use homeport_service::{clock::Clock, telemetry::chain};
use homeport_store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    check::{CheckEvents, CheckedContainer, Checker, Finished, Progress, Status},
    error::UpdateError,
    store::{
        history::{self, Found, Line, WayBack},
        setting,
    },
};

/// Days after which what is finished is forgotten.
pub const RETENTION: &str = "history_retention_days";
/// Never, until somebody says otherwise.
const RETENTION_DEFAULT: &str = "0";
/// Longer than anybody looks back, and far from where times end.
const MAX_DAYS: u32 = 36_500;
/// Checks that are kept at most; the oldest go. Some megabytes.
const MAX_CHECKS: i64 = 20_000;

/// Which lines of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Both kinds.
    All,
    /// What checks found.
    Checks,
    /// What was done.
    Updates,
}

/// The history. Cheap to clone.
#[derive(Clone)]
pub struct History {
    store: Store,
    journal: Journal,
    clock: Arc<dyn Clock>,
    /// A check has ended.
    ended: Arc<Notify>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}

impl History {
    /// A history in this database.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let journal = Journal::new(store.clone(), Arc::clone(&clock));
        Self { store, journal, clock, ended: Arc::default() }
    }

    /// Where a checker tells of its work, so that its results are written down; all of it goes on to the bus.
    pub fn listener(&self, publisher: Publisher) -> Listener {
        Listener { publisher, ended: Arc::clone(&self.ended) }
    }

    /// Writes down what each check changed, and forgets what is old, until `drain` is cancelled.
    pub async fn run(self, checker: Checker, drain: CancellationToken) {
        let mut last = HashMap::new();
        let mut is_known = false;
        while drain.run_until_cancelled(self.ended.notified()).await.is_some() {
            let written = async {
                if !is_known {
                    let newest = history::newest(&self.store).await?;
                    last = newest.into_iter().map(|found| (found.container_name.clone(), found)).collect();
                }
                self.write(&checker.snapshot().containers, &mut last).await?;
                self.forget_old().await
            };
            match written.await {
                Ok(()) => is_known = true,
                Err(error) => tracing::error!(error = chain(&error), "the history could not be written"),
            }
        }
    }

    /// Lines, newest first.
    pub async fn list(&self, wanted: Wanted, limit: u32) -> Result<Vec<(Timestamp, Line)>, StoreError> {
        let mut lines = Vec::new();
        if wanted != Wanted::Updates {
            lines.extend(history::checks(&self.store, limit).await?);
        }
        if wanted != Wanted::Checks {
            lines.extend(history::updates(&self.store, limit).await?);
        }
        lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        lines.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(lines)
    }

    /// Forgets what ended more than so many days ago; 0: everything that has ended.
    pub async fn clear(&self, older_than_days: u32) -> Result<u64, StoreError> {
        let age = SignedDuration::from_hours(24 * i64::from(older_than_days.min(MAX_DAYS)));
        // What ended at this very microsecond has ended.
        let before = self.clock.now() + SignedDuration::from_micros(1) - age;
        let mut transaction = self.store.begin().await?;
        let (deleted, entries) = history::forget(&mut transaction, before, MAX_CHECKS).await?;
        for entry in &entries {
            self.journal.delete(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        Ok(deleted)
    }

    /// The way back of each container that has one.
    pub async fn ways_back(&self) -> Result<Vec<WayBack>, StoreError> {
        history::ways_back(&self.store).await
    }

    /// A setting.
    pub async fn setting(&self, key: &str) -> Result<String, UpdateError> {
        known(key)?;
        Ok(setting::get(&self.store, key).await?.unwrap_or_else(|| RETENTION_DEFAULT.to_owned()))
    }

    /// Changes a setting.
    pub async fn set(&self, key: &str, value: &str) -> Result<(), UpdateError> {
        known(key)?;
        let days = value.parse::<u32>().ok().filter(|days| *days <= MAX_DAYS);
        let days = days.ok_or_else(|| UpdateError::BadSetting { key: key.to_owned(), value: value.to_owned() })?;
        let mut transaction = self.store.begin().await?;
        setting::set(&mut transaction, key, &days.to_string()).await?;
        Ok(transaction.commit().await?)
    }

    async fn write(
        &self,
        containers: &[Arc<CheckedContainer>],
        last: &mut HashMap<String, Found>,
    ) -> Result<(), StoreError> {
        let changed: Vec<(Timestamp, Found)> = containers
            .iter()
            .map(|container| (container.checked_at, found(container)))
            .filter(|(_, found)| last.get(&found.container_name) != Some(found))
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        for (at, found) in &changed {
            history::insert(&mut transaction, *at, found).await?;
        }
        transaction.commit().await?;
        last.extend(changed.into_iter().map(|(_, found)| (found.container_name.clone(), found)));
        Ok(())
    }

    async fn forget_old(&self) -> Result<(), StoreError> {
        let days = setting::get(&self.store, RETENTION).await?.and_then(|days| days.parse::<u32>().ok());
        if let Some(days) = days.filter(|days| *days > 0) {
            let deleted = self.clear(days).await?;
            if deleted > 0 {
                tracing::info!(rows = deleted, days, "old history was forgotten");
            }
        }
        Ok(())
    }
}

fn known(key: &str) -> Result<(), UpdateError> {
    if key == RETENTION { Ok(()) } else { Err(UpdateError::NoSetting { key: key.to_owned() }) }
}

fn found(container: &CheckedContainer) -> Found {
    Found {
        container_name: container.container_name.clone(),
        image: container.image.clone(),
        status: word(container.status).to_owned(),
        current_version: container.current_version.clone(),
        latest_version: container.latest_version.clone(),
        error: container.error.clone(),
    }
}

/// As clients know it.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Unknown => "unknown",
        Status::UpdateAvailable => "update_available",
        Status::UpdateAvailableBlocked => "update_available_blocked",
        Status::UpToDate => "up_to_date",
        Status::UpToDatePinnable => "up_to_date_pinnable",
        Status::LocalImage => "local_image",
        Status::ComposeMismatch => "compose_mismatch",
        Status::Ignored => "ignored",
        Status::CheckFailed => "failed",
        Status::MetadataUnavailable => "metadata_unavailable",
    }
}

/// Hears of checks.
#[derive(Debug, Clone)]
pub struct Listener {
    publisher: Publisher,
    ended: Arc<Notify>,
}

impl CheckEvents for Listener {
    fn progress(&self, progress: &Progress) {
        self.publisher.progress(progress);
    }

    fn finished(&self, finished: &Finished) {
        self.publisher.finished(finished);
        self.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use homeport_service::clock::SystemClock;

    use super::*;
    use crate::store::{self, Detail, DetailStatus, Kind, Operation};

    async fn history(directory: &tempfile::TempDir) -> History {
        let schemas = vec![homeport_operation::schema(), store::schema()];
        let store = Store::open(&directory.path().join("updater.db"), schemas).await.unwrap();
        History::new(store, Arc::new(SystemClock))
    }

    fn checked(name: &str, status: Status, at: i64) -> Arc<CheckedContainer> {
        Arc::new(CheckedContainer {
            container_name: name.to_owned(),
            status,
            checked_at: Timestamp::new(at, 0).unwrap(),
            ..CheckedContainer::default()
        })
    }

    async fn update(history: &History, id: &str, at: i64, status: DetailStatus, kept: bool) {
        let at = Timestamp::new(at, 0).unwrap();
        let detail = Detail {
            container_name: "web".to_owned(),
            stack: String::new(),
            force: false,
            old_version: "1".to_owned(),
            new_version: "2".to_owned(),
            change_type: 3,
            old_resolved_version: String::new(),
            new_resolved_version: String::new(),
            old_digest: String::new(),
            status,
            message: String::new(),
            new_container_id: String::new(),
            rolls_back: String::new(),
            kept,
            plan_hash: String::new(),
            script: String::new(),
            rehearse: false,
            no_restart: false,
        };
        let operation = Operation {
            row: 0,
            id: id.to_owned(),
            kind: Kind::Single,
            status: store::Status::InProgress,
            lock: String::new(),
            also_locks: Vec::new(),
            container_id: String::new(),
            container_name: "web".to_owned(),
            stack: String::new(),
            old_version: "1".to_owned(),
            new_version: "2".to_owned(),
            error: String::new(),
            rollback_occurred: false,
            rollback_of: String::new(),
            group: String::new(),
            requested_by: String::new(),
            stage: String::new(),
            percent: 0,
            created_at: at,
            started_at: None,
            completed_at: None,
            updated_at: at,
            dependents: Vec::new(),
            details: vec![detail],
        };
        let mut transaction = history.store.begin().await.unwrap();
        store::insert(&mut transaction, &operation).await.unwrap();
        store::set_kept(&mut transaction, id, 0, kept).await.unwrap();
        store::finish(&mut transaction, id, store::Status::Complete, "", false, at).await.unwrap();
        transaction.commit().await.unwrap();
    }

    #[tokio::test]
    async fn s2_3_a_check_is_written_down_when_its_result_changed() {
        let directory = tempfile::tempdir().unwrap();
        let history = history(&directory).await;
        let mut last = HashMap::new();
        for (at, status) in [(1, Status::UpToDate), (2, Status::UpToDate), (3, Status::UpdateAvailable)] {
            history.write(&[checked("web", status, at), checked("db", Status::Ignored, at)], &mut last).await.unwrap();
        }
        let lines = history.list(Wanted::All, 10).await.unwrap();
        let lines: Vec<_> = lines
            .iter()
            .map(|(at, line)| match line {
                Line::Check(found) => (at.as_second(), found.container_name.as_str(), found.status.as_str()),
                Line::Update(_) => panic!("nothing was updated"),
            })
            .collect();
        assert_eq!(lines, [(3, "web", "update_available"), (1, "db", "ignored"), (1, "web", "up_to_date")]);
        let newest = history::newest(&history.store).await.unwrap();
        assert_eq!(newest.len(), 2, "after a restart it goes on from there");
        assert_eq!(history.list(Wanted::All, 1).await.unwrap().len(), 1);
        assert!(history.list(Wanted::Updates, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn s2_3_what_is_old_is_forgotten_but_not_what_keeps_a_way_back() {
        let directory = tempfile::tempdir().unwrap();
        let history = history(&directory).await;
        let now = SystemClock.now().as_second();
        update(&history, "old", now - 10 * 86_400, DetailStatus::Complete, false).await;
        update(&history, "kept", now - 9 * 86_400, DetailStatus::Complete, true).await;
        update(&history, "new", now - 86_400, DetailStatus::Failed, false).await;
        let ways = history.ways_back().await.unwrap();
        assert_eq!(ways.iter().map(|way| way.operation.as_str()).collect::<Vec<_>>(), ["kept"]);
        assert_eq!(history.list(Wanted::Updates, 10).await.unwrap().len(), 3);
        history.set(RETENTION, "5").await.unwrap();
        history.forget_old().await.unwrap();
        assert_eq!(history.list(Wanted::Updates, 10).await.unwrap().len(), 2);
        assert_eq!(history.clear(0).await.unwrap(), 1);
        let left = history.list(Wanted::All, 10).await.unwrap();
        assert!(matches!(&left[0].1, Line::Update(done) if done.operation == "kept"), "{left:?}");
    }

    #[tokio::test]
    async fn s2_3_a_setting_has_a_default_and_takes_only_days() {
        let directory = tempfile::tempdir().unwrap();
        let history = history(&directory).await;
        assert_eq!(history.setting(RETENTION).await.unwrap(), "0");
        history.set(RETENTION, "30").await.unwrap();
        history.set(RETENTION, "007").await.unwrap();
        assert_eq!(history.setting(RETENTION).await.unwrap(), "7");
        for value in ["", "-1", "x", "1.5", "99999999"] {
            assert!(matches!(history.set(RETENTION, value).await, Err(UpdateError::BadSetting { .. })), "{value}");
        }
        assert!(matches!(history.setting("colour").await, Err(UpdateError::NoSetting { .. })));
    }
}
