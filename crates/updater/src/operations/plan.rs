//! Plans that are shown before anything is done, and held to.

use std::time::Duration;

use homeport_store::StoreError;

use super::{Inner, Operations, UpdateRequest};
use crate::{
    engine::EngineErrorKind,
    error::UpdateError,
    execute::step,
    gather::gather_among,
    plan::{self, ImageSource, Job, Outlook, OutlookFacts, Plan, outlook},
    store::{self, newest_success, shown_plan},
};

/// The fewest digits of a hash by which a plan can be meant.
const HASH_DIGITS: usize = 12;

/// A plan that was made to be shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The plan, with what its way back needs.
    pub job: Job,
    /// What it changes and takes.
    pub outlook: Outlook,
}

impl Operations {
    /// What an update of a container would do. Remembered, so that it can be said later what is different by then.
    pub async fn plan(&self, request: &UpdateRequest) -> Result<Shown, UpdateError> {
        let inner = &self.0;
        let engine = inner.parts.engine.as_ref();
        let all = engine.containers(&[]).await?;
        let facts = gather_among(engine, &request.container, &all).await?;
        let (job, _) = inner.update_job(&facts, request).await?;
        let found = OutlookFacts {
            data: if job.plan.has_data() { Some(engine.measure(&job.plan.data).await?) } else { None },
            is_present: inner.is_present(&job.plan).await?,
            last_downtime: inner.last_downtime(&job.plan.container.name).await?,
        };
        let outlook = outlook(&job.plan, &job.saved.files, found, &all);
        let mut transaction = inner.parts.store.begin().await?;
        let (hash, json, name) = (job.plan.hash(), job.plan.to_json(), &job.plan.container.name);
        shown_plan::remember(&mut transaction, &hash, name, &json, inner.parts.clock.now()).await?;
        transaction.commit().await?;
        Ok(Shown { job, outlook })
    }
}

impl Inner {
    /// Refuses a plan, given by its hash and as JSON, that is not the one that somebody agreed to. An empty hash is agreed to
    /// anything.
    pub(super) async fn hold_to(
        &self,
        agreed: &str,
        container: &str,
        hash: &str,
        json: &str,
    ) -> Result<(), UpdateError> {
        let agreed = agreed.trim().to_ascii_lowercase();
        if agreed.is_empty() {
            return Ok(());
        }
        if agreed.len() < HASH_DIGITS || !agreed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(UpdateError::BadPlanHash { hash: agreed });
        }
        if hash.starts_with(&agreed) {
            return Ok(());
        }
        let container = container.to_owned();
        let differences = match shown_plan::find(&self.parts.store, &agreed).await? {
            None => "that plan is not known any more, or was never made".to_owned(),
            Some(shown) => {
                let found = plan::differences(&shown, json);
                if found.is_empty() { "it is for something else".to_owned() } else { found.join("; ") }
            }
        };
        Err(UpdateError::PlanMoved { container, hash: agreed, differences })
    }

    async fn is_present(&self, plan: &Plan) -> Result<bool, UpdateError> {
        let reference = match &plan.image.source {
            ImageSource::Registry { digest } => format!("{}@{digest}", plan.image.repository),
            ImageSource::Kept { image_id, .. } => image_id.clone(),
        };
        match self.parts.engine.image(&reference).await {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.kind == EngineErrorKind::Away => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// From the first step that took the old version away to the end of the one that put the new one in place.
    async fn last_downtime(&self, container: &str) -> Result<Option<Duration>, StoreError> {
        let Some(id) = newest_success(&self.parts.store, container).await? else { return Ok(None) };
        let Some(operation) = store::get(&self.parts.store, &id).await? else { return Ok(None) };
        let position = operation.details.iter().position(|detail| detail.container_name == container);
        let Some(position) = position else { return Ok(None) };
        let Some(entry) = self.journal.get(&operation.journal_id(position)).await? else { return Ok(None) };
        let times = |names: [&str; 2]| names.iter().find_map(|name| entry.times(name));
        let swap = times([step::RECREATE, step::SWAP]);
        let begin = entry.times(step::STOP).or(swap).map(|(begun, _)| begun);
        Ok(begin.zip(swap).and_then(|(begun, (_, ended))| u64::try_from(ended - begun).ok()).map(Duration::from_micros))
    }
}
