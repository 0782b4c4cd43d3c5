//! Asking for the way back from an update.

use std::collections::BTreeSet;

use super::{
    Inner, Operations,
    start::{change_type, digest_of},
};
use crate::{
    error::UpdateError,
    gather::gather,
    plan::{Facts, Job, Names, Past, Target, plan_rollback, tag_of},
    store::{self, Detail, DetailStatus, Kind, Operation, Status, record::of_journal_id},
};

/// A request for the way back.
#[derive(Debug, Clone, Default)]
pub struct RollbackRequest {
    /// The operation to go back from.
    pub operation: String,
    /// Also when others came after it, or when no data was kept.
    pub force: bool,
    /// Who asked.
    pub requested_by: String,
    /// Only these of its containers. Empty: all of them.
    pub containers: Vec<String>,
}

impl Operations {
    /// Starts the way back from a finished update, or queues it. Returns the id of the operation, which may be one that
    /// somebody else has asked for just now.
    pub async fn start_rollback(&self, request: RollbackRequest) -> Result<String, UpdateError> {
        let inner = &self.0;
        let store = &inner.parts.store;
        let original = store::get(store, &request.operation).await?.ok_or(UpdateError::NoOperation)?;
        check(&original)?;
        if original.is_of_itself() {
            return self.start_own_rollback(original, request.force, request.requested_by).await;
        }
        let names = || original.details.iter().map(|detail| detail.container_name.as_str());
        if let Some(stranger) = request.containers.iter().find(|name| !names().any(|known| known == name.as_str())) {
            return Err(UpdateError::NoContainer { container: stranger.clone() });
        }
        let is_meant = |name: &String| request.containers.is_empty() || request.containers.contains(name);
        let meant = |done: &&Detail| done.is_in_place() && is_meant(&done.container_name);
        let wanted: BTreeSet<&str> =
            original.details.iter().filter(meant).map(|done| done.container_name.as_str()).collect();
        if let Some(under_way) = inner.way_back_under_way(&original.id, &wanted).await? {
            return Ok(under_way);
        }
        let mut details = Vec::new();
        // The last one first: what depends on others goes back before them.
        for (position, done) in original.details.iter().enumerate().rev() {
            if done.is_in_place() && is_meant(&done.container_name) {
                details.push(inner.way_back(&original, position, request.force).await?);
            }
        }
        if details.is_empty() {
            let reason = "changed none of these containers";
            return Err(UpdateError::NoWayBack { operation: original.id, reason });
        }
        let mut operation = inner.new_operation(Kind::Rollback, request.requested_by, details);
        operation.rollback_of = original.id;
        inner.enqueue_new(&operation).await
    }
}

impl Inner {
    /// The way back of exactly these containers from an operation that has not ended yet.
    async fn way_back_under_way(
        &self,
        original: &str,
        containers: &BTreeSet<&str>,
    ) -> Result<Option<String>, UpdateError> {
        let store = &self.parts.store;
        for active in store::active(store).await?.into_iter().filter(|active| active.rollback_of == original) {
            let Some(active) = store::get(store, &active.id).await? else { continue };
            if active.details.iter().map(|detail| detail.container_name.as_str()).collect::<BTreeSet<_>>()
                == *containers
            {
                return Ok(Some(active.id));
            }
        }
        Ok(None)
    }

    async fn way_back(&self, original: &Operation, position: usize, force: bool) -> Result<Detail, UpdateError> {
        let done = &original.details[position];
        let name = &done.container_name;
        let rolls_back = original.journal_id(position);
        self.check_newest(name, &rolls_back, force).await?;
        let facts = gather(self.parts.engine.as_ref(), name).await?;
        let job = self.plan_rollback(&facts, &rolls_back, force).await?;
        let refusing = if force { Vec::new() } else { self.refusing(&job.plan.followers).await? };
        if !refusing.is_empty() {
            return Err(UpdateError::DependentsRefused { names: refusing.join(", ") });
        }
        let (old_version, new_version) = (tag_of(&facts.container.image), job.plan.image.new_tag());
        Ok(Detail {
            change_type: change_type(old_version, new_version),
            container_name: name.clone(),
            stack: done.stack.clone(),
            force,
            old_version: old_version.to_owned(),
            new_version: new_version.to_owned(),
            old_resolved_version: done.new_resolved_version.clone(),
            new_resolved_version: done.old_resolved_version.clone(),
            old_digest: digest_of(&facts.container.repo_digests),
            status: DetailStatus::Pending,
            message: String::new(),
            new_container_id: String::new(),
            rolls_back,
            kept: false,
            plan_hash: String::new(),
            script: String::new(),
            rehearse: false,
            no_restart: false,
        })
    }

    /// Refuses the way back from an update that another one came after, also while this waited in the queue.
    pub(super) async fn check_newest(&self, container: &str, journal_id: &str, force: bool) -> Result<(), UpdateError> {
        let operation = of_journal_id(journal_id).map_or(journal_id, |(operation, _)| operation);
        let newest = store::newest_success(&self.parts.store, container).await?;
        if force || newest.as_deref() == Some(operation) {
            return Ok(());
        }
        Err(UpdateError::NotNewest { container: container.to_owned(), operation: operation.to_owned() })
    }

    /// The plan for the way back from what a journal entry did.
    pub(super) async fn plan_rollback(&self, facts: &Facts, journal_id: &str, force: bool) -> Result<Job, UpdateError> {
        let entry = self.journal.get(journal_id).await?.ok_or(UpdateError::NoOperation)?;
        let job: Job = entry.plan()?;
        let names = Names::new(&job.plan.container, journal_id);
        let snapshot = if job.plan.has_data() {
            self.parts.engine.snapshots().await?.into_iter().find(|id| *id == names.snapshot)
        } else {
            None
        };
        let instead = self.instead(&job, journal_id, &facts.container.name).await?;
        let past = Past {
            instead,
            operation: journal_id.rsplit_once('-').map_or(journal_id, |(operation, _)| operation).to_owned(),
            new_container: super::observe::new_container(&entry)?,
            kept: names.kept(),
            job,
            snapshot,
        };
        let mut job = plan_rollback(facts, &past, &self.parts.health, force)?;
        // They were asked when it was asked for.
        job.plan.followers.iter_mut().for_each(|follower| follower.script = None);
        Ok(job)
    }
}

impl Inner {
    /// What comes nearest to the image of before, where that is gone: what its tag is now, else what its tag was then.
    async fn instead(&self, job: &Job, journal_id: &str, container: &str) -> Result<Option<Target>, UpdateError> {
        let image = &job.plan.image;
        if self.parts.engine.image(&image.old_id).await?.is_some() {
            return Ok(None);
        }
        for digest in &image.old_digests {
            // A registry that does not answer is asked again when the image is fetched.
            if self.parts.targets.exists(digest).await.unwrap_or(true) {
                return Ok(None);
            }
        }
        let repository = image.old_digests.first().and_then(|digest| digest.split_once('@')).map(|(name, _)| name);
        let repository = repository.unwrap_or(&image.repository);
        let former = Some(image.old_tag()).filter(|tag| *tag != image.new_tag());
        let resolved = match of_journal_id(journal_id) {
            Some((operation, position)) => store::get(&self.parts.store, operation)
                .await?
                .and_then(|operation| operation.details.into_iter().nth(position))
                .map(|detail| detail.old_resolved_version),
            None => None,
        };
        let resolved = match resolved.filter(|version| !version.is_empty()) {
            Some(version) => self.parts.targets.tag_of_version(repository, image.old_tag(), &version).await?,
            None => None,
        };
        let resolved = resolved.as_deref().filter(|tag| *tag != image.new_tag());
        for tag in former.into_iter().chain(resolved) {
            match self.parts.targets.digest(&format!("{repository}:{tag}")).await {
                Ok(digest) => return Ok(Some(Target { tag: tag.to_owned(), digest })),
                Err(UpdateError::NoImage { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(UpdateError::NothingBack { container: container.to_owned() })
    }
}

fn check(original: &Operation) -> Result<(), UpdateError> {
    let reason = match (original.kind, original.status) {
        (Kind::Rollback, _) => "is itself a rollback",
        (Kind::LabelChange, _) => "changed labels and no version; take those back with /api/labels/rollback",
        (kind, _) if !kind.changes_version() => "changed no version",
        (_, Status::Queued | Status::InProgress | Status::PendingRestart) => "has not ended yet",
        (_, Status::Failed) if !original.details.iter().any(Detail::is_in_place) => "failed and changed nothing",
        (_, Status::Complete | Status::Failed) if original.rollback_occurred => "was rolled back already",
        (_, Status::Complete | Status::Failed) => return Ok(()),
    };
    Err(UpdateError::NoWayBack { operation: original.id.clone(), reason })
}
