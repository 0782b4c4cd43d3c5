//! Consumer groups: how far each has come.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use homeport_store::StoreError;
use sqlx::Row as _;
use tokio::sync::OwnedMutexGuard;

use super::{Log, signed, unsigned};

/// Groups that there may be.
const GROUPS_MAX: usize = 1024;
/// Bytes of a group's name.
const NAME_BYTES: usize = 128;

/// Why a group was not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    #[error("a group needs a name of at most {NAME_BYTES} bytes")]
    Name,
    #[error("there is no group {name}; subscribe to it first")]
    Unknown { name: String },
    #[error("there are {GROUPS_MAX} groups already; use one of them")]
    TooMany,
    #[error("the group's place cannot be stored; make room on the disk")]
    NotStored(#[source] StoreError),
}

#[derive(Debug)]
pub(crate) struct Groups {
    log: Arc<Log>,
    groups: Mutex<HashMap<String, Group>>,
}

#[derive(Debug, Clone)]
struct Group {
    acknowledged: u64,
    /// Held by the member that receives; the others stand in line.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Groups {
    pub(crate) async fn load(log: Arc<Log>) -> Result<Self, StoreError> {
        let mut groups = HashMap::new();
        for row in sqlx::query("SELECT name, acknowledged FROM consumer_group").fetch_all(log.store.reader()).await? {
            let acknowledged = unsigned(row.try_get("acknowledged")?);
            groups.insert(row.try_get("name")?, Group { acknowledged, turn: Arc::default() });
        }
        Ok(Self { log, groups: Mutex::new(groups) })
    }

    /// Makes a group that begins behind an id, unless there is one.
    pub(crate) async fn join(&self, name: &str, begin: u64) -> Result<(), GroupError> {
        if name.is_empty() || name.len() > NAME_BYTES + socket_bytes(name) {
            return Err(GroupError::Name);
        }
        if self.groups().contains_key(name) {
            return Ok(());
        }
        if self.groups().len() >= GROUPS_MAX {
            return Err(GroupError::TooMany);
        }
        self.keep(name, begin).await?;
        self.groups().entry(name.to_owned()).or_insert(Group { acknowledged: begin, turn: Arc::default() });
        Ok(())
    }

    /// Waits for this member's turn, and answers what the group has acknowledged by then.
    pub(crate) async fn turn(&self, name: &str) -> Option<(OwnedMutexGuard<()>, u64)> {
        let turn = Arc::clone(&self.groups().get(name)?.turn);
        let turn = turn.lock_owned().await;
        let acknowledged = self.groups().get(name)?.acknowledged;
        Some((turn, acknowledged))
    }

    pub(crate) async fn acknowledge(&self, name: &str, id: u64) -> Result<(), GroupError> {
        match self.groups().get(name) {
            None => return Err(GroupError::Unknown { name: name.to_owned() }),
            Some(group) if group.acknowledged >= id => return Ok(()),
            Some(_) => {}
        }
        self.keep(name, id).await?;
        if let Some(group) = self.groups().get_mut(name) {
            group.acknowledged = group.acknowledged.max(id);
        }
        Ok(())
    }

    async fn keep(&self, name: &str, id: u64) -> Result<(), GroupError> {
        let kept = async {
            let mut transaction = self.log.store.begin().await?;
            let sql = "INSERT INTO consumer_group (name, acknowledged) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE \
                       SET acknowledged = excluded.acknowledged WHERE excluded.acknowledged > consumer_group.acknowledged";
            sqlx::query(sql).bind(name).bind(signed(id)).execute(&mut *transaction).await?;
            transaction.commit().await
        };
        kept.await.map_err(GroupError::NotStored)
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        // Nothing in there can panic halfway through a change.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a name that says which client's socket it belongs to.
fn socket_bytes(name: &str) -> usize {
    name.find('\n').map_or(0, |place| place + 1)
}
