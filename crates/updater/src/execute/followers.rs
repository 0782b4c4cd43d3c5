//! Containers that follow the one that is worked on.
//!
//! Going forward they follow once the new version has proved itself. Going back they follow too, whatever was done to
//! them: the old container may be another one than before, and even the same one has a new network once it was stopped.
//! Both look at what is there and change only what does not follow yet.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Work, describe, failed, is_touched, step};
use crate::{
    engine::{Container, Health, Namespace},
    plan::{Follower, Kind, Names, Need, Run, Subject},
};

pub(super) struct Follow(pub(super) Arc<Work>);

/// What became of those that follow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Followed {
    /// They were restarted, or made again.
    pub restarted: Vec<String>,
    /// Their scripts said no, so they were not.
    pub blocked: Vec<String>,
    /// They could not be, and why.
    pub failed: Vec<String>,
}

/// Stands before the steps that touch the container, so that its undo comes after theirs.
pub(super) struct Rejoin(pub(super) Arc<Work>);

#[async_trait]
impl Step for Follow {
    fn name(&self) -> &'static str {
        step::FOLLOW
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let followers = &work.plan().followers;
        let mut followed = Followed::default();
        for (number, follower) in followers.iter().enumerate() {
            let percent = u32::try_from(number * 100 / followers.len()).unwrap_or(100);
            scope.progress(percent, &format!("{} follows {}", follower.name, follower.follows));
            if work.is_blocked(follower).await? {
                followed.blocked.push(follower.name.clone());
                continue;
            }
            match work.follow(follower).await {
                Ok(()) => followed.restarted.push(follower.name.clone()),
                // A restart has nothing to go back to: the others follow all the same.
                Err(error) if work.plan().kind == Kind::Restart && !error.is_away() => {
                    followed.failed.push(format!("{}: {error}", follower.name));
                    continue;
                }
                Err(error) => return Err(error),
            }
            work.wait_for(follower).await?;
        }
        scope.record(&followed).await
    }
}

#[async_trait]
impl Step for Rejoin {
    fn name(&self) -> &'static str {
        step::REJOIN
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        Ok(())
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        if !is_touched(scope) {
            return Ok(());
        }
        let mut problems = Vec::new();
        for follower in &work.plan().followers {
            match work.follow(follower).await {
                Ok(()) => {}
                Err(error) if error.is_away() => return Err(error),
                Err(error) => problems.push(format!("{}: {error}", follower.name)),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(StepError::failed(problems.join("; "))) }
    }
}

impl std::fmt::Display for Followed {
    /// In the words that clients look for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.restarted.is_empty() {
            parts.push(format!("Restarted dependents: {}", self.restarted.join(", ")));
        }
        if !self.blocked.is_empty() {
            parts.push(format!("Blocked dependents: {}", self.blocked.join(", ")));
        }
        if !self.failed.is_empty() {
            parts.push(format!("Warning: {}", self.failed.join("; ")));
        }
        f.write_str(&parts.join("; "))
    }
}

impl Work {
    /// Whether the script of a follower does not want it restarted. Those of a restart were asked before it began, and
    /// what lives in a namespace that is gone has no choice.
    async fn is_blocked(&self, follower: &Follower) -> Result<bool, StepError> {
        if self.plan().kind == Kind::Restart || follower.need == Need::Recreate {
            return Ok(false);
        }
        Ok(self.ask_follower(follower).await?.is_err())
    }

    /// Makes a container follow the one that it depends on, if it does not do so already.
    async fn follow(&self, follower: &Follower) -> Result<(), StepError> {
        let mut began = self.owner(follower, &follower.follows).await?.started_at;
        let mut owners = BTreeMap::new();
        for (kind, name) in follower.namespaces() {
            let owner = self.owner(follower, name).await?;
            began = began.max(owner.started_at);
            owners.insert(kind, owner.id);
        }
        let Some(mut present) = self.present(follower).await? else { return Ok(()) };
        self.remove_leftovers(follower, &present.id).await?;
        let is_apart = owners.iter().any(|(kind, owner)| present.shares.get(kind) != Some(owner));
        let is_unlinked = follower.links.iter().any(|(alias, of)| present.links.get(alias) != Some(of));
        if is_apart || is_unlinked {
            present = self.move_to(follower, &present, &owners).await?;
        } else if !present.is_up() || present.started_at < began {
            match self.start_again(&present).await.map_err(failed) {
                // A link to what was removed looks like one to what has its name now.
                Err(error) if !follower.links.is_empty() && !error.is_away() => {
                    present = self.move_to(follower, &present, &owners).await?;
                }
                started => started?,
            }
        }
        self.remove_leftovers(follower, &present.id).await
    }

    async fn owner(&self, follower: &Follower, name: &str) -> Result<Container, StepError> {
        let found = self.engine.container(name).await.map_err(failed)?;
        found.ok_or_else(|| StepError::failed(format!("{} cannot follow {name}, which is gone", follower.name)))
    }

    /// Removes what this move, or one before that a crash interrupted, has set aside or not used.
    async fn remove_leftovers(&self, follower: &Follower, present: &str) -> Result<(), StepError> {
        let names = self.follower_names(follower);
        for leftover in [&names.aside, &names.replacement] {
            if let Some(found) = self.engine.container(leftover).await.map_err(failed)?
                && found.id != present
            {
                self.engine.remove(&found.id).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// The container under its name, whatever a crash in the middle of its move has left. None: it was removed by
    /// someone, which is theirs to do.
    async fn present(&self, follower: &Follower) -> Result<Option<Container>, StepError> {
        let names = self.follower_names(follower);
        for name in [&follower.name, &names.replacement, &names.aside] {
            let Some(found) = self.engine.container(name).await.map_err(failed)?.filter(|found| found.name == **name)
            else {
                continue;
            };
            if found.name != follower.name {
                self.engine.rename(&found.id, &follower.name).await.map_err(failed)?;
                return self.engine.container(&found.id).await.map_err(failed);
            }
            return Ok(Some(found));
        }
        tracing::warn!(container.name = follower.name, "a container that should follow was removed by someone");
        Ok(None)
    }

    /// The same container in the namespaces of other owners, and linked to them. The engine cannot move one, so it is made
    /// again, from the same image.
    async fn move_to(
        &self,
        follower: &Follower,
        old: &Container,
        owners: &BTreeMap<Namespace, String>,
    ) -> Result<Container, StepError> {
        let names = self.follower_names(follower);
        let wanted = joined(&old.inspect_json, owners, &follower.links);
        let image = match self.engine.image(&old.image).await.map_err(failed)? {
            Some(found) if found.id == old.image_id => &old.image,
            _ => &old.image_id,
        };
        let operation = format!("{}/{}", self.id, follower.name);
        let (id, differences) =
            self.engine.create_replacement(&wanted, image, &names.replacement, &operation).await.map_err(failed)?;
        if !differences.is_empty() && !self.plan().force {
            self.engine.remove(&id).await.map_err(failed)?;
            return Err(StepError::failed(format!(
                "{} {} and cannot be made again as it is: {}",
                follower.name,
                follower.shared(),
                describe(&differences).join("; ")
            )));
        }
        self.engine.stop(&old.id).await.map_err(failed)?;
        self.engine.rename(&old.id, &names.aside).await.map_err(failed)?;
        self.engine.rename(&id, &follower.name).await.map_err(failed)?;
        self.engine.start(&id).await.map_err(failed)?;
        let moved = self.engine.container(&id).await.map_err(failed)?;
        moved.ok_or_else(|| StepError::failed(format!("{} is gone as soon as it was made again", follower.name)))
    }

    /// Waits until a container that follows is healthy. That it is not is told and no more: it is not what was updated.
    async fn wait_for(&self, follower: &Follower) -> Result<(), StepError> {
        let found = self.settled(&follower.name).await?;
        if !found.is_some_and(|found| found.is_up() && found.health != Health::Unhealthy) {
            tracing::warn!(container.name = follower.name, "a container that followed is not healthy");
        }
        Ok(())
    }

    fn follower_names(&self, follower: &Follower) -> Names {
        let subject = Subject { id: String::new(), name: follower.name.clone(), stack: None, run: Run::Always };
        Names::new(&subject, &self.id)
    }
}

/// The inspect document with other owners of its namespaces, and with links by alias.
fn joined(inspect_json: &str, owners: &BTreeMap<Namespace, String>, links: &BTreeMap<String, String>) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(inspect_json) else { return inspect_json.to_owned() };
    if let Some(host) = document.get_mut("HostConfig") {
        for (kind, owner) in owners {
            host[kind.field()] = json!(format!("container:{owner}"));
        }
        if !links.is_empty() {
            let present = host["Links"].as_array().cloned().unwrap_or_default();
            let is_other = |link: &Value| {
                link.as_str()
                    .and_then(|link| link.rsplit(['/', ':']).next())
                    .is_some_and(|alias| !links.contains_key(alias))
            };
            let wanted = links.iter().map(|(alias, of)| json!(format!("{of}:{alias}")));
            host["Links"] = present.into_iter().filter(is_other).chain(wanted).collect();
        }
    }
    document.to_string()
}
