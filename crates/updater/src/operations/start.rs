//! Asking for an update.

use homeport_image_ref::{Change, Tag};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Inner, Operations, itself::own_part, lock_of, reach::reach_in};
use crate::{
    error::UpdateError,
    gather::gather_in,
    inventory::ComposePlace,
    plan::{Facts, Job, PlanError, Run, Target, comes_back, permit_after, plan_update, tag_of},
    sight::Sight,
    store::{self, Detail, DetailStatus, Kind, Operation, Status},
};

/// A request for an update.
#[derive(Debug, Clone, Default)]
pub struct UpdateRequest {
    /// Name, or beginning of the id.
    pub container: String,
    /// The tag to go to. None: what the check found.
    pub version: Option<String>,
    /// Warnings do not stop it.
    pub force: bool,
    /// Who asked.
    pub requested_by: String,
    /// Hash of the plan that was agreed to, or its beginning. Empty: whatever the plan is.
    pub plan_hash: String,
    /// The script to ask instead of the one of the label or the assigned one. Empty: that one.
    pub script: String,
    /// The new version is tried on a copy of the data first, also without a label that says so.
    pub rehearse: bool,
}

/// An update that is under way or waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub operation: String,
    /// The container's name.
    pub container: String,
    /// The tag that it goes to.
    pub version: String,
}

/// A container that can be updated, with what an operation needs to know of it.
pub(super) struct Candidate {
    pub(super) container_id: String,
    pub(super) detail: Detail,
    pub(super) service: String,
    pub(super) needs: Vec<String>,
}

impl Operations {
    /// Starts an update, or queues it behind the work on the same stack. What cannot be updated is refused here, as far
    /// as it can be known now; it is looked at again when its turn has come.
    pub async fn start_update(&self, request: UpdateRequest) -> Result<Started, UpdateError> {
        let inner = &self.0;
        let sight = Sight::take(inner.parts.engine.as_ref()).await?;
        if let Some(own) = own_part(&sight, &request.container) {
            return self.start_own_update(own.clone(), request, "").await;
        }
        let candidate = inner.candidate(&request, &sight).await?;
        let detail = candidate.detail;
        let (container, version) = (detail.container_name.clone(), detail.new_version.clone());
        let mut operation = inner.new_operation(Kind::Single, request.requested_by, vec![detail]);
        operation.container_id = candidate.container_id;
        if let Some(operation) = inner.enqueue_once(&operation, &container, &version).await? {
            if request.force {
                // It may wait for a lock of the application.
                inner.force(&operation, &container).await?;
            }
            return Ok(Started { operation, container, version });
        }
        Ok(Started { operation: operation.id, container, version })
    }
}

impl Inner {
    /// Forces what is under way or queued already.
    pub(super) async fn force(&self, operation: &str, container: &str) -> Result<(), UpdateError> {
        let Some(found) = store::get(&self.parts.store, operation).await? else { return Ok(()) };
        let position = found.details.iter().position(|detail| detail.container_name == container);
        if let Some(position) = position {
            self.forced.force(&found.journal_id(position));
        }
        Ok(())
    }

    /// Decides an update, the same way whether it is shown, asked for or carried out. What its registry has is as it was
    /// at a moment, or later.
    pub(super) async fn update_job(
        &self,
        facts: &Facts,
        request: &UpdateRequest,
        since: Instant,
    ) -> Result<(Job, Target), UpdateError> {
        let target = self.parts.targets.target(&facts.container, request.version.as_deref(), since).await?;
        let obsolete = self.obsolete(&facts.container.name).await?;
        let mut job = plan_update(facts, &target, &self.parts.health, obsolete, request.force)?;
        permit_after(&facts.container, job.plan.after.as_ref(), self.parts.scripts.allow_exec())
            .map_err(PlanError::from)?;
        job.plan.proof.stays = !comes_back(&facts.container, &self.parts.rollback).map_err(PlanError::from)?;
        job.plan.rehearse |= request.rehearse && job.plan.container.run != Run::Never;
        self.ask(facts, &mut job.plan, &request.script, request.force).await?;
        let (plan, name) = (&job.plan, &job.plan.container.name);
        self.hold_to(&request.plan_hash, name, &plan.hash(), &plan.to_json()).await?;
        Ok((job, target))
    }

    /// Looks whether a container can be updated.
    pub(super) async fn candidate(&self, request: &UpdateRequest, sight: &Sight) -> Result<Candidate, UpdateError> {
        let facts = gather_in(self.parts.engine.as_ref(), &request.container, sight).await?;
        let (job, target) = self.update_job(&facts, request, sight.taken()).await?;
        let place = ComposePlace::of_labels(&facts.container.labels);
        let old_version = tag_of(&facts.container.image);
        let (old_resolved_version, new_resolved_version) = self.parts.targets.resolved(&facts.container);
        let detail = Detail {
            change_type: change_type(old_version, &target.tag),
            container_name: facts.container.name.clone(),
            stack: job.plan.container.stack.unwrap_or_default(),
            force: request.force,
            old_version: old_version.to_owned(),
            new_version: target.tag,
            old_resolved_version,
            new_resolved_version,
            old_digest: digest_of(&facts.container.repo_digests),
            status: DetailStatus::Pending,
            message: String::new(),
            new_container_id: String::new(),
            rolls_back: String::new(),
            kept: false,
            plan_hash: request.plan_hash.clone(),
            script: request.script.clone(),
            rehearse: request.rehearse,
            no_restart: false,
        };
        let (service, needs) = place.map(|place| (place.service, place.depends_on)).unwrap_or_default();
        Ok(Candidate { container_id: facts.container.id, detail, service, needs })
    }

    /// An operation of these containers, which are all of one stack.
    pub(super) fn new_operation(&self, kind: Kind, requested_by: String, details: Vec<Detail>) -> Operation {
        let now = self.parts.clock.now();
        let first = details.first();
        let stack = first.map(|detail| detail.stack.clone()).unwrap_or_default();
        let name = first.map(|detail| detail.container_name.clone()).unwrap_or_default();
        let only = |text: fn(&Detail) -> &String| match details.as_slice() {
            [only] => text(only).clone(),
            _ => String::new(),
        };
        Operation {
            row: 0,
            id: Uuid::new_v4().to_string(),
            kind,
            status: Status::Queued,
            also_locks: Vec::new(),
            lock: lock_of(Some(stack.as_str()).filter(|stack| !stack.is_empty()), &name),
            container_id: String::new(),
            container_name: if details.len() == 1 { name } else { format!("{} containers", details.len()) },
            old_version: only(|detail| &detail.old_version),
            new_version: only(|detail| &detail.new_version),
            stack,
            error: String::new(),
            rollback_occurred: false,
            rollback_of: String::new(),
            group: String::new(),
            requested_by,
            stage: String::new(),
            percent: 0,
            created_at: now,
            started_at: None,
            completed_at: None,
            updated_at: now,
            dependents: Vec::new(),
            details,
        }
    }

    /// Stores an operation, unless one that brings the container to the same version is there already; returns that one.
    /// Looking and storing are one transaction: of two who ask at once, the second finds the first.
    pub(super) async fn enqueue_once(
        &self,
        operation: &Operation,
        container: &str,
        version: &str,
    ) -> Result<Option<String>, UpdateError> {
        let mut transaction = self.parts.store.begin().await?;
        if let Some(active) = store::find_active(&mut transaction, container, version).await? {
            return Ok(Some(active));
        }
        drop(transaction);
        self.check_queue().await?;
        let operation = &Operation { also_locks: self.reach(operation).await?, ..operation.clone() };
        let mut transaction = self.parts.store.begin().await?;
        if let Some(active) = store::find_active(&mut transaction, container, version).await? {
            return Ok(Some(active));
        }
        store::insert(&mut transaction, operation).await?;
        transaction.commit().await?;
        self.announce(operation);
        Ok(None)
    }

    /// Stores an operation and wakes whoever carries it out.
    pub(super) async fn enqueue(&self, operation: &Operation) -> Result<(), UpdateError> {
        self.check_queue().await?;
        let operation = Operation { also_locks: self.reach(operation).await?, ..operation.clone() };
        let mut transaction = self.parts.store.begin().await?;
        store::insert(&mut transaction, &operation).await?;
        transaction.commit().await?;
        self.announce(&operation);
        Ok(())
    }

    /// The same, unless one does all that it would already. Returns the id of what does it.
    pub(super) async fn enqueue_new(&self, operation: &Operation) -> Result<String, UpdateError> {
        let also_locks = self.reach(operation).await?;
        self.insert_new(Operation { also_locks, ..operation.clone() }).await
    }

    /// The same from what was seen already.
    pub(super) async fn enqueue_in(&self, operation: Operation, sight: &Sight) -> Result<String, UpdateError> {
        let also_locks = reach_in(&operation, sight);
        self.insert_new(Operation { also_locks, ..operation }).await
    }

    async fn insert_new(&self, operation: Operation) -> Result<String, UpdateError> {
        let mut transaction = self.parts.store.begin().await?;
        if let Some(same) = store::find_same(&mut transaction, &operation).await? {
            return Ok(same);
        }
        self.check_queue().await?;
        store::insert(&mut transaction, &operation).await?;
        transaction.commit().await?;
        self.announce(&operation);
        Ok(operation.id)
    }

    fn announce(&self, operation: &Operation) {
        tracing::info!(
            operation.id = operation.id,
            container.name = operation.container_name,
            version = operation.new_version,
            requested_by = operation.requested_by,
            "queued"
        );
        self.changed.notify_one();
    }
}

/// The digest part of the first digest that a registry knows an image by.
pub(super) fn digest_of(repo_digests: &[String]) -> String {
    repo_digests
        .first()
        .and_then(|digest| digest.split_once('@'))
        .map(|(_, digest)| digest.to_owned())
        .unwrap_or_default()
}

/// How far apart two tags are, in the numbers that clients know.
pub(super) fn change_type(old: &str, new: &str) -> i32 {
    match homeport_image_ref::change(&Tag::parse(old), &Tag::parse(new)) {
        Change::None => 0,
        Change::Patch => 1,
        Change::Minor => 2,
        Change::Major => 3,
        Change::Downgrade => 4,
        Change::Unknown => 5,
    }
}
