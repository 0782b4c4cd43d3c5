//! The process in the container beside the stack.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Change, Journal, Observer, Outcome, Retry, Runner};
use homeport_service::{Context, StartError, clock::SystemClock, config};
use homeport_store::{Store, StoreError, Transaction};

use super::{SelfJob, SelfOutcome, SelfResult, workflow};
use crate::{
    config::Config,
    engine::{AgentEngine, Engine},
};

/// The sort of journal entry that holds a [`SelfJob`].
const JOURNAL_KIND: &str = "self_update";
/// Between two looks whether docker-agent serves.
const PAUSE: Duration = Duration::from_millis(200);
/// The result names containers.
const MODE: u32 = 0o600;

/// Carries out the job beside the state directory, or goes on with it, and says how it ended. Then it waits: docker-agent
/// removes the container once somebody has read the result, and until then a restart must not begin anything anew.
pub async fn run(context: Context) -> Result<(), StartError> {
    let place = context.paths().state.clone();
    let job: SelfJob = serde_json::from_slice(&tokio::fs::read(place.join("job.json")).await?)?;
    let result = place.join("result.json");
    if !result.exists()
        && let Some(ended) = carry_out(&context, job, &place).await?
    {
        homeport_service::file::replace(&result, &serde_json::to_vec(&ended)?, MODE)?;
    }
    context.drain().cancelled().await;
    Ok(())
}

/// None: this process is being stopped.
async fn carry_out(context: &Context, job: SelfJob, place: &Path) -> Result<Option<SelfResult>, StartError> {
    let config: Config = config::load("updater", &context.paths().configs, context.environment())?;
    let schemas = vec![homeport_operation::schema()];
    let store = Store::open(&context.state_dir().join("journal.db"), schemas).await?;
    let journal = Journal::new(store.clone(), Arc::new(SystemClock));
    let own = Arc::new(AgentEngine::new(&context.paths().socket("docker-agent"), config.timeouts));
    while own.own_container().await.is_err() {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = context.drain().cancelled() => return Ok(None),
        }
    }
    if journal.get(&job.id).await?.is_none() {
        let mut transaction = store.begin().await?;
        journal.create(&mut transaction, &job.id, JOURNAL_KIND, &job).await?;
        transaction.commit().await?;
    }
    let Some(entry) = journal.get(&job.id).await? else { return Ok(None) };
    // The state directory of this process lies in that of the docker-agent which is replaced.
    let socket = place.parent().unwrap_or(place).join("docker.sock");
    let agent = Arc::new(AgentEngine::new(&socket, config.timeouts));
    let steps = workflow(own.clone(), agent, entry.plan()?);
    let outcome = Runner::new(&journal, &Told, context.drain(), Retry::default()).run(&entry, &steps).await?;
    let outcome = match outcome {
        Outcome::Done { warnings } => SelfOutcome::Done { warnings },
        Outcome::Undone { error } => SelfOutcome::Undone { error },
        Outcome::Broken { error, left } => SelfOutcome::Broken { error, left },
        Outcome::Interrupted => return Ok(None),
    };
    let mut ended = SelfResult { id: job.id.clone(), outcome, containers: BTreeMap::new() };
    for part in &job.parts {
        // Only for the history; what is not known now is left out.
        if let Ok(Some(found)) = own.container(&part.container.name).await {
            ended.containers.insert(part.container.name.clone(), found.id);
        }
    }
    Ok(Some(ended))
}

/// Writes what happens into the log, which `docker logs` shows: there is nobody else to tell while Homeport is away.
struct Told;

#[async_trait]
impl Observer for Told {
    async fn changed(&self, _: &mut Transaction, id: &str, change: &Change<'_>) -> Result<(), StoreError> {
        tracing::info!(operation.id = id, change = ?change, "homeport's own update");
        Ok(())
    }
}
