//! Asking for a container and its compose file to say the same.

use super::{Inner, Operations, start::digest_of};
use crate::{
    error::UpdateError,
    gather::gather,
    plan::{Facts, Job, Specified, plan_mismatch, specified, tag_of},
    store::{Detail, Kind, Operation},
};

impl Operations {
    /// Starts it, or queues it. The id is that of another operation where one does it already.
    pub async fn fix_mismatch(
        &self,
        container: &str,
        force: bool,
        requested_by: &str,
    ) -> Result<Operation, UpdateError> {
        let inner = &self.0;
        let facts = gather(inner.parts.engine.as_ref(), container).await?;
        let expected = tag_of(specified(&facts)?).to_owned();
        let job = inner.plan_mismatch(&facts, force).await?;
        let detail = Detail {
            container_name: facts.container.name.clone(),
            stack: job.plan.container.stack.clone().unwrap_or_default(),
            force,
            old_version: tag_of(&facts.container.image).to_owned(),
            new_version: expected,
            old_digest: digest_of(&facts.container.repo_digests),
            ..Detail::default()
        };
        let mut operation = inner.new_operation(Kind::FixMismatch, requested_by.to_owned(), vec![detail]);
        operation.container_id.clone_from(&facts.container.id);
        operation.dependents = job.plan.followers.iter().map(|follower| follower.name.clone()).collect();
        operation.id = inner.enqueue_new(&operation).await?;
        Ok(operation)
    }
}

impl Inner {
    /// The plan by which they come to say the same.
    pub(super) async fn plan_mismatch(&self, facts: &Facts, force: bool) -> Result<Job, UpdateError> {
        let image = specified(facts)?;
        let found = match self.parts.targets.digest(image).await {
            Ok(digest) => Specified::Registry(digest),
            Err(UpdateError::NoImage { .. }) => match self.parts.engine.image(image).await? {
                Some(here) => Specified::Here(here.id),
                None => Specified::Gone,
            },
            Err(error) => return Err(error),
        };
        let obsolete = self.obsolete(&facts.container.name).await?;
        Ok(plan_mismatch(facts, &found, &self.parts.health, obsolete, force)?)
    }
}
