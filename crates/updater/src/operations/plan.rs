//! Plans that are shown before anything is done, and held to.

use std::{fmt::Display, time::Duration};

use futures::{StreamExt as _, stream};
use homeport_store::StoreError;

use super::{Inner, Operations, UpdateRequest, itself::own_part};
use crate::{
    engine::EngineErrorKind,
    error::UpdateError,
    execute::step,
    gather::gather_in,
    plan::{self, ImageSource, Job, Outlook, OutlookFacts, Plan, outlook},
    sight::Sight,
    store::{self, newest_success, shown_plan},
};

/// The fewest digits of a hash by which a plan can be meant.
const HASH_DIGITS: usize = 12;
/// Containers that are looked at together: their ports are tried and their data is measured, each by a container of its own.
pub(super) const AT_ONCE: usize = 8;

/// A plan that was made to be shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Name of the container.
    pub container: String,
    /// For people.
    pub text: String,
    /// The plan as JSON.
    pub json: String,
    /// Of the plan.
    pub hash: String,
    /// What it changes and takes.
    pub outlook: Outlook,
}

impl Shown {
    fn new(container: &str, plan: &impl Display, json: String, hash: String, outlook: Outlook) -> Self {
        Self { container: container.to_owned(), text: format!("{plan}\n{outlook}"), json, hash, outlook }
    }
}

impl Operations {
    /// What updates of containers would do, each by itself, in the order in which they were asked for. Remembered, so that
    /// it can be said later what is different by then.
    pub async fn plans(&self, requests: &[UpdateRequest]) -> Result<Vec<Result<Shown, UpdateError>>, UpdateError> {
        let inner = &self.0;
        let sight = Sight::take(inner.parts.engine.as_ref()).await?;
        let looks: Vec<_> = requests.iter().map(|request| inner.shown(request, &sight)).collect();
        let shown: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        let plans = shown.iter().flatten().map(|shown| (&*shown.hash, &*shown.container, &*shown.json));
        let mut transaction = inner.parts.store.begin().await?;
        shown_plan::remember(&mut transaction, plans, inner.parts.clock.now()).await?;
        transaction.commit().await?;
        Ok(shown)
    }

    /// The plan of one.
    pub async fn plan(&self, request: &UpdateRequest) -> Result<Shown, UpdateError> {
        let no_container = || UpdateError::NoContainer { container: request.container.clone() };
        self.plans(std::slice::from_ref(request)).await?.pop().ok_or_else(no_container)?
    }
}

impl Inner {
    async fn shown(&self, request: &UpdateRequest, sight: &Sight) -> Result<Shown, UpdateError> {
        if let Some(own) = own_part(sight, &request.container) {
            let (plan, outlook) = self.own_plan(own, request).await?;
            return Ok(Shown::new(&own.name, &plan, plan.to_json(), plan.hash(), outlook));
        }
        let engine = self.parts.engine.as_ref();
        let facts = gather_in(engine, &request.container, sight).await?;
        let (Job { plan, saved, .. }, _) = self.update_job(&facts, request, sight.taken()).await?;
        let found = OutlookFacts {
            data: if plan.has_data() { Some(engine.measure(&plan.data).await?) } else { None },
            is_present: self.is_present(&plan).await?,
            last_downtime: self.last_downtime(&plan.container.name).await?,
        };
        let outlook = outlook(&plan, &saved.files, found, sight.all());
        Ok(Shown::new(&plan.container.name, &plan, plan.to_json(), plan.hash(), outlook))
    }

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
