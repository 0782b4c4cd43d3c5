//! The plan of Homeport's own update, shown before anything is done and held to.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Inner, UpdateRequest, itself::Wanted};
use crate::{
    engine::Container,
    error::UpdateError,
    plan::{Outlook, OutlookFacts},
    self_update::{OwnFacts, SelfJob, SelfPlan},
};

impl Inner {
    /// What an update of one of Homeport's own containers would do: all of them go together.
    pub(super) async fn own_plan(
        &self,
        container: &Container,
        request: &UpdateRequest,
    ) -> Result<(SelfPlan, Outlook), UpdateError> {
        let (_, job) = self.own_update(container, request).await?;
        let plan = SelfPlan::of(&job);
        let engine = self.parts.engine.as_ref();
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
        Ok((plan, outlook))
    }

    /// The job of an update of Homeport to the version that one of its containers is asked to go to, held to the plan that
    /// was agreed to.
    pub(super) async fn own_update(
        &self,
        container: &Container,
        request: &UpdateRequest,
    ) -> Result<(OwnFacts, SelfJob), UpdateError> {
        let target = self.parts.targets.target(container, request.version.as_deref(), Instant::now()).await?;
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
