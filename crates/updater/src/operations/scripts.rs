//! Which script is asked before the updates of which container.

use homeport_service::telemetry::chain;

use super::{Inner, Operations};
use crate::{
    engine::Container,
    error::UpdateError,
    execute::occasion_of,
    gather::find,
    plan::{Facts, Follower, Plan, script_of},
    script::Found,
    store::{Assignment, script},
};

impl Operations {
    /// Every script there is.
    pub async fn scripts(&self) -> Vec<Found> {
        let scripts = self.0.parts.scripts.clone();
        tokio::task::spawn_blocking(move || scripts.list()).await.unwrap_or_default()
    }

    /// Every assignment.
    pub async fn assignments(&self) -> Result<Vec<Assignment>, UpdateError> {
        Ok(script::assignments(&self.0.parts.store).await?)
    }

    /// Assigns a script to a container, instead of the one before.
    pub async fn assign_script(&self, container: &str, path: &str, by: &str) -> Result<Assignment, UpdateError> {
        let inner = &self.0;
        inner.parts.scripts.resolve(path)?;
        let all = inner.parts.engine.containers(&[]).await?;
        let found =
            find(&all, container).ok_or_else(|| UpdateError::NoContainer { container: container.to_owned() })?;
        let now = inner.parts.clock.now();
        let assignment = Assignment {
            container: found.name.clone(),
            path: path.to_owned(),
            assigned_by: by.to_owned(),
            assigned_at: now,
            updated_at: now,
        };
        script::assign(&inner.parts.store, &assignment).await?;
        Ok(script::assigned(&inner.parts.store, &found.name).await?.unwrap_or(assignment))
    }

    /// Takes an assignment away.
    pub async fn unassign_script(&self, container: &str) -> Result<(), UpdateError> {
        if script::unassign(&self.0.parts.store, container).await? {
            return Ok(());
        }
        Err(UpdateError::NoAssignment { container: container.to_owned() })
    }
}

impl Inner {
    /// Puts into a plan whose scripts are asked.
    pub(super) async fn ask(
        &self,
        facts: &Facts,
        plan: &mut Plan,
        asked_for: &str,
        force: bool,
    ) -> Result<(), UpdateError> {
        plan.script = self.script(&facts.container, asked_for, force).await?;
        for follower in &mut plan.followers {
            if force {
                follower.script = None;
            } else if follower.script.is_none() {
                follower.script = script::assigned(&self.parts.store, &follower.name).await?.map(|found| found.path);
            }
        }
        Ok(())
    }

    /// Names of the followers whose scripts do not want it.
    pub(super) async fn refusing(&self, followers: &[Follower]) -> Result<Vec<String>, UpdateError> {
        let mut refusing = Vec::new();
        for follower in followers {
            let assigned = script::assigned(&self.parts.store, &follower.name).await?.map(|found| found.path);
            let Some(path) = follower.script.clone().or(assigned) else { continue };
            let Some(container) = self.parts.engine.container(&follower.name).await? else { continue };
            if let Err(error) = self.parts.scripts.ask(&path, &occasion_of(&container, "rollback")).await {
                tracing::warn!(container.name = follower.name, error = chain(&error), "a script said no");
                refusing.push(follower.name.clone());
            }
        }
        Ok(refusing)
    }

    /// The script that is asked: the one that the request names, else that of the label, else the assigned one. By force
    /// none is.
    pub(super) async fn script(
        &self,
        container: &Container,
        asked_for: &str,
        force: bool,
    ) -> Result<Option<String>, UpdateError> {
        if !asked_for.is_empty() {
            self.parts.scripts.resolve(asked_for)?;
        }
        if force {
            return Ok(None);
        }
        if !asked_for.is_empty() {
            return Ok(Some(asked_for.to_owned()));
        }
        match script_of(container) {
            Some(path) => Ok(Some(path)),
            None => Ok(script::assigned(&self.parts.store, &container.name).await?.map(|found| found.path)),
        }
    }
}
