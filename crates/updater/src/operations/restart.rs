//! Asking for restarts, of one container or of a stack.

use std::{collections::BTreeSet, time::Duration};

use homeport_operation::Entry;

use super::{Inner, Operations, direct::levels};
use crate::{
    engine::Container,
    error::UpdateError,
    execute::{Followed, Locked, Refused, Settled, step},
    gather::find,
    plan::{depends, followers, tag_of},
    store::{self, Detail, DetailStatus, Kind, Operation, Status},
};

/// What is restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restarted {
    /// One container, by name or the beginning of its id.
    Container(String),
    /// Containers of a stack.
    Stack {
        /// Its name.
        name: String,
        /// Their names. Empty: all of them.
        containers: Vec<String>,
    },
}

/// A request for a restart.
#[derive(Debug, Clone)]
pub struct RestartRequest {
    /// Of what.
    pub what: Restarted,
    /// No script is asked, and update locks are broken.
    pub force: bool,
    /// Who asked.
    pub requested_by: String,
}

/// What became of a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestartReport {
    /// Those that were asked for.
    pub containers: Vec<String>,
    /// How many of them were restarted.
    pub restarted: usize,
    /// Those that followed.
    pub dependents: Vec<String>,
    /// Those whose scripts did not want it.
    pub blocked: Vec<String>,
    /// What went wrong, in words.
    pub errors: Vec<String>,
    /// An update lock of an application was in the way.
    pub locked: bool,
}

impl Operations {
    /// Starts a restart, or queues it behind the work on the same stack.
    pub async fn start_restart(&self, request: RestartRequest) -> Result<Operation, UpdateError> {
        let inner = &self.0;
        let all = inner.parts.engine.containers(&[]).await?;
        let chosen = choose(&all, &request.what)?;
        let dependents = followers_of(&all, &chosen);
        let details = chosen.iter().map(|container| restart_of(container, request.force)).collect();
        let mut operation = inner.new_operation(Kind::Restart, request.requested_by, details);
        match &request.what {
            Restarted::Container(_) => operation.container_id.clone_from(&chosen[0].id),
            Restarted::Stack { name, .. } => operation.container_name.clone_from(name),
        }
        operation.dependents = dependents;
        if let Some(same) = inner.enqueue_restart(&operation).await? {
            return self.get(&same).await;
        }
        Ok(operation)
    }

    /// Waits until an operation has ended. None: it has not after this long, and goes on.
    pub async fn wait(&self, id: &str, limit: Duration) -> Result<Option<Operation>, UpdateError> {
        let operation = self.wait_until(id, limit, Status::is_final).await?;
        Ok(operation.status.is_final().then_some(operation))
    }

    /// An operation once it has come far enough, or as it is after this long.
    pub(crate) async fn wait_until(
        &self,
        id: &str,
        limit: Duration,
        enough: impl Fn(Status) -> bool,
    ) -> Result<Operation, UpdateError> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let moved = self.0.moved.notified();
            let operation = self.get(id).await?;
            if enough(operation.status) || tokio::time::timeout_at(deadline, moved).await.is_err() {
                return Ok(operation);
            }
        }
    }

    /// What became of a restart, as far as it has come.
    pub async fn restart_report(&self, operation: &Operation) -> Result<RestartReport, UpdateError> {
        let mut report = RestartReport::default();
        for (position, detail) in operation.details.iter().enumerate() {
            report.containers.push(detail.container_name.clone());
            report.restarted += usize::from(detail.status == DetailStatus::Complete);
            if detail.status == DetailStatus::Failed {
                report.errors.push(detail.message.clone());
            }
            if let Some(entry) = self.0.journal.get(&operation.journal_id(position)).await? {
                report.add(&entry)?;
            }
        }
        Ok(report)
    }
}

impl RestartReport {
    fn add(&mut self, entry: &Entry) -> Result<(), UpdateError> {
        let followed = entry.data::<Followed>(step::FOLLOW)?.unwrap_or_default();
        self.dependents.extend(followed.restarted);
        self.blocked.extend(followed.blocked);
        self.errors.extend(followed.failed);
        self.blocked.extend(entry.data::<Refused>(step::ASK_FOLLOWERS)?.unwrap_or_default().containers);
        self.locked |= !entry.data::<Locked>(step::LOCK)?.unwrap_or_default().held.is_empty();
        let remark = entry.data::<Settled>(step::SETTLE)?.unwrap_or_default().remark;
        self.errors.extend(Some(remark).filter(|remark| !remark.is_empty()));
        Ok(())
    }
}

impl Inner {
    /// Stores a restart, unless the same one waits already; returns that one.
    async fn enqueue_restart(&self, operation: &Operation) -> Result<Option<String>, UpdateError> {
        let names: BTreeSet<&str> = operation.details.iter().map(|detail| detail.container_name.as_str()).collect();
        for queued in store::active(&self.parts.store).await? {
            if queued.kind != Kind::Restart || queued.status != Status::Queued || queued.lock != operation.lock {
                continue;
            }
            let Some(queued) = store::get(&self.parts.store, &queued.id).await? else { continue };
            let same: BTreeSet<&str> = queued.details.iter().map(|detail| detail.container_name.as_str()).collect();
            let is_as_strong = !operation.details.iter().any(|detail| detail.force)
                || queued.details.iter().all(|detail| detail.force);
            if same == names && is_as_strong {
                return Ok(Some(queued.id));
            }
        }
        self.enqueue(operation).await?;
        Ok(None)
    }
}

/// The containers that are restarted at the same time, by their places in the list, one group after the other: what
/// depends on another comes after it.
pub(super) fn restart_levels(containers: &[Container]) -> Vec<Vec<usize>> {
    let needs: Vec<(String, Vec<String>)> = containers
        .iter()
        .map(|one| {
            let needed = containers.iter().filter(|other| other.id != one.id && depends(one, other));
            (one.name.clone(), needed.map(|other| other.name.clone()).collect())
        })
        .collect();
    let levels = levels(&needs);
    let top = levels.iter().max().map_or(0, |level| level + 1);
    (0..top).map(|level| (0..containers.len()).filter(|at| levels[*at] == level).collect()).collect()
}

fn choose<'a>(all: &'a [Container], what: &Restarted) -> Result<Vec<&'a Container>, UpdateError> {
    let missing = |container: &str| UpdateError::NoContainer { container: container.to_owned() };
    match what {
        Restarted::Container(name) => Ok(vec![find(all, name).ok_or_else(|| missing(name))?]),
        Restarted::Stack { name, containers } => {
            let is_of = |container: &&Container| container.label("com.docker.compose.project") == Some(name);
            let of_stack: Vec<&Container> = all.iter().filter(is_of).collect();
            if of_stack.is_empty() {
                return Err(UpdateError::NoStack { stack: name.clone() });
            }
            if containers.is_empty() {
                // What is stopped stays so: nobody said that it shall run.
                let running: Vec<&Container> = of_stack.iter().copied().filter(|container| container.is_up()).collect();
                return Ok(if running.is_empty() { of_stack } else { running });
            }
            let mut chosen: Vec<&Container> = Vec::new();
            for wanted in containers {
                let found = of_stack.iter().find(|container| container.name == wanted.trim_start_matches('/'));
                let found = *found.ok_or_else(|| missing(wanted))?;
                if chosen.iter().all(|known| known.id != found.id) {
                    chosen.push(found);
                }
            }
            Ok(chosen)
        }
    }
}

/// Names of the others that follow them.
fn followers_of(all: &[Container], chosen: &[&Container]) -> Vec<String> {
    let mut names = Vec::new();
    for container in chosen {
        for (follower, _) in followers(container, None, all).0 {
            if chosen.iter().all(|one| one.name != follower.name) && !names.contains(&follower.name) {
                names.push(follower.name);
            }
        }
    }
    names
}

fn restart_of(container: &Container, force: bool) -> Detail {
    let version = tag_of(&container.image).to_owned();
    Detail {
        container_name: container.name.clone(),
        stack: container.label("com.docker.compose.project").unwrap_or_default().to_owned(),
        force,
        old_version: version.clone(),
        new_version: version,
        ..Detail::default()
    }
}
