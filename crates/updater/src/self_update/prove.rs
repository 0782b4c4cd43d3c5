//! Whether a version of Homeport serves: by the check of each container, and by an answer of docker-agent to a call that
//! goes through to the engine.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError};
use tokio::time::{Instant, sleep};

use super::{Part, Work, failed, step};
use crate::{
    engine::EngineErrorKind,
    health::{self, ProofError},
};

/// How long a docker-agent whose container is healthy may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(250);

/// The new version serves.
pub(super) struct Prove(pub(super) Arc<Work>);

#[async_trait]
impl Step for Prove {
    fn name(&self) -> &'static str {
        step::HEALTH
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        for part in work.lasting() {
            prove_one(work, part).await?;
        }
        work.agent_answers().await
    }
}

/// The container that has a part's name proves itself.
pub(super) async fn prove_one(work: &Work, part: &Part) -> Result<(), StepError> {
    let name = &part.container.name;
    let found = work.engine.container(name).await.map_err(failed)?;
    let found = found.ok_or_else(|| StepError::failed(format!("container {name} is gone")))?;
    match health::prove(work.engine.as_ref(), &found, &part.proof, part.container.run, &|_, _| {}).await {
        Ok(()) => Ok(()),
        Err(ProofError::Engine(error)) => Err(failed(error)),
        Err(error) => Err(StepError::failed(error)),
    }
}

impl Work {
    /// The old version serves again.
    pub(super) async fn prove_old(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        self.start_old(scope, false).await?;
        for part in self.lasting() {
            prove_one(self, part).await?;
        }
        self.agent_answers().await
    }

    /// The docker-agent of the stack knows by the engine in which container it runs.
    async fn agent_answers(&self) -> Result<(), StepError> {
        let found = self.engine.container(&self.job.agent).await.map_err(failed)?.map(|agent| agent.id);
        let deadline = Instant::now() + ANSWER;
        loop {
            let problem = match self.agent.own_container().await {
                Ok(answer) if answer == found && found.is_some() => return Ok(()),
                Ok(answer) => format!("it says that it runs in {}", answer.as_deref().unwrap_or("no container")),
                Err(error) if error.kind == EngineErrorKind::Away => error.to_string(),
                Err(error) => return Err(failed(error)),
            };
            if Instant::now() > deadline {
                return Err(StepError::failed(format!("docker-agent does not answer as it should: {problem}")));
            }
            sleep(PAUSE).await;
        }
    }
}
