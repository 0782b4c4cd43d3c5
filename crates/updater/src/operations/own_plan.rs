//! The plan of Homeport's own update, shown before anything is done and held to.

use std::collections::BTreeSet;

use super::{Inner, Operations, UpdateRequest, itself::Wanted};
use crate::{
    engine::Container,
    error::UpdateError,
    plan::{Outlook, OutlookFacts},
    self_update::{OwnFacts, SelfJob, SelfPlan},
    store::shown_plan,
};

impl Operations {
    /// What an update of a container would do where that container is one of Homeport's own: all of them go together. None:
    /// it is none of them.
    pub async fn own_plan(&self, request: &UpdateRequest) -> Result<Option<(SelfPlan, Outlook)>, UpdateError> {
        let Some(container) = self.own_part(&request.container).await? else { return Ok(None) };
        let inner = &self.0;
        let (_, job) = inner.own_update(&container, request).await?;
        let plan = SelfPlan::of(&job);
        let engine = inner.parts.engine.as_ref();
        let images: BTreeSet<String> =
            job.parts.iter().map(|part| format!("{}@{}", part.repository, part.digest)).collect();
        let mut facts = OutlookFacts { is_present: true, ..OutlookFacts::default() };
        for image in &images {
            facts.is_present &= engine.image(image).await?.is_some();
        }
        if !job.data.is_empty() {
            facts.data = Some(engine.measure(&job.data).await?);
        }
        let outlook = plan.outlook(facts, u32::try_from(images.len()).unwrap_or(u32::MAX));
        let mut transaction = inner.parts.store.begin().await?;
        let (hash, json) = (plan.hash(), plan.to_json());
        shown_plan::remember(&mut transaction, &hash, &container.name, &json, inner.parts.clock.now()).await?;
        transaction.commit().await?;
        Ok(Some((plan, outlook)))
    }
}

impl Inner {
    /// The job of an update of Homeport to the version that one of its containers is asked to go to, held to the plan that
    /// was agreed to.
    pub(super) async fn own_update(
        &self,
        container: &Container,
        request: &UpdateRequest,
    ) -> Result<(OwnFacts, SelfJob), UpdateError> {
        let target = self.parts.targets.target(container, request.version.as_deref()).await?;
        let (facts, job) = self.own_job("", &|_| Some(Wanted::tag(&target.tag)), request.force).await?;
        self.hold_to_own(&request.plan_hash, &container.name, &job).await?;
        Ok((facts, job))
    }

    /// Refuses a job that is not the one that somebody agreed to.
    pub(super) async fn hold_to_own(&self, agreed: &str, container: &str, job: &SelfJob) -> Result<(), UpdateError> {
        let plan = SelfPlan::of(job);
        self.hold_to(agreed, container, &plan.hash(), &plan.to_json()).await
    }
}
