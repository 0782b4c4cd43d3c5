//! A service of a Swarm: its image is changed, the manager replaces its tasks, and they have to prove themselves. The way
//! back is the image of before, whatever else of the specification somebody changed meanwhile.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Scope, Step, StepError, Workflow};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{Placed, Unproved, Work, after, failed, script, step};
use crate::{
    engine::{Container, Swarm},
    health::tasks::{Progress, judge},
    plan::{Run, Way},
};

/// Between two looks at the tasks.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing may change while tasks are still to start: fetching an image on a slow line is all that takes so long.
const STALL: Duration = Duration::from_mins(10);

/// The steps for a service.
pub(super) fn workflow(work: Arc<Work>) -> Workflow {
    let mut steps: Vec<Box<dyn Step>> = vec![Box::new(Check(Arc::clone(&work)))];
    if work.plan().script.is_some() {
        steps.push(Box::new(script::Ask(Arc::clone(&work))));
    }
    steps.push(Box::new(SetImage(Arc::clone(&work))));
    steps.push(Box::new(Prove(Arc::clone(&work))));
    let mut finishing: Vec<Box<dyn Step>> = Vec::new();
    if work.plan().after.is_some() {
        finishing.push(Box::new(after::Act(work)));
    }
    Workflow::new(steps, finishing)
}

/// The service is as it was planned for; as an undo, it runs what it ran.
struct Check(Arc<Work>);

/// The manager has the new image.
struct SetImage(Arc<Work>);

/// The new tasks run and stay.
struct Prove(Arc<Work>);

/// The tasks that there were before; the others are the new version's.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Known {
    #[serde(flatten)]
    placed: Placed,
    #[serde(default)]
    tasks: BTreeSet<String>,
}

#[async_trait]
impl Step for Check {
    fn name(&self) -> &'static str {
        step::VALIDATE
    }

    async fn run(&self, _: &Scope<'_>) -> Result<(), StepError> {
        let (_, swarm) = self.0.service().await?;
        let (before, _) = self.0.images()?;
        if swarm.specified == before {
            return Ok(());
        }
        Err(StepError::failed(format!("service {} was changed in the meantime", self.0.plan().container.name)))
    }
}

#[async_trait]
impl Step for SetImage {
    fn name(&self) -> &'static str {
        step::RECREATE
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let (service, swarm) = self.0.service().await?;
        let (_, after) = self.0.images()?;
        let tasks = swarm.tasks.iter().map(|task| task.id.clone()).collect();
        let placed = Placed { new_container: Some(service.id.clone()), may_have_written: true, ..Placed::default() };
        scope.record(&Known { placed, tasks }).await?;
        self.0.engine.set_service_image(&service.id, after).await.map_err(failed)
    }

    async fn undo(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        let (before, _) = work.images()?;
        let Some(service) = work.old().await.map_err(failed)? else {
            tracing::warn!(container.name = work.plan().container.name, "the service was removed by someone else");
            return Ok(());
        };
        let swarm = service.swarm.unwrap_or_default();
        // Failures of the old version that lie in the past say nothing about it now.
        let known = swarm.tasks.iter().map(|task| task.id.clone()).collect();
        work.engine.set_service_image(&service.id, before).await.map_err(failed)?;
        if work.plan().container.run == Run::Never {
            return Ok(());
        }
        work.settle(before, &known, Duration::ZERO, scope).await
    }
}

#[async_trait]
impl Step for Prove {
    fn name(&self) -> &'static str {
        step::HEALTH
    }

    async fn run(&self, scope: &Scope<'_>) -> Result<(), StepError> {
        let work = &self.0;
        if work.plan().container.run == Run::Never {
            return Ok(());
        }
        let known: Known = scope.data(step::RECREATE)?.unwrap_or_default();
        let (_, after) = work.images()?;
        let window = Duration::from_millis(work.plan().proof.stable_ms);
        match work.settle(after, &known.tasks, window, scope).await {
            Err(error) if work.plan().proof.stays && !error.is_away() => {
                scope.record(&Unproved { problem: error.to_string() }).await
            }
            result => result,
        }
    }
}

impl Work {
    /// The service, which must be there.
    async fn service(&self) -> Result<(Container, Swarm), StepError> {
        let service = self.old_or_gone().await?;
        let swarm = service.swarm.clone();
        let swarm = swarm
            .ok_or_else(|| StepError::failed(format!("{} is no service of a Swarm", self.plan().container.name)))?;
        Ok((service, swarm))
    }

    /// The image before and after.
    fn images(&self) -> Result<(&str, &str), StepError> {
        match &self.plan().way {
            Way::Service { before, after } => Ok((before, after)),
            Way::Compose { .. } | Way::Replace | Way::Restart | Way::Stay => {
                Err(StepError::failed("the plan is for no service of a Swarm"))
            }
        }
    }

    /// Waits until as many tasks as are wanted run an image, and have done so for a while without one of them failing.
    async fn settle(
        &self,
        image: &str,
        known: &BTreeSet<String>,
        window: Duration,
        scope: &Scope<'_>,
    ) -> Result<(), StepError> {
        let name = &self.plan().container.name;
        let (mut settled, mut last) = (None::<Instant>, None::<(Instant, Swarm)>);
        loop {
            let (_, swarm) = self.service().await?;
            let progress = judge(&swarm, image, known);
            match &progress {
                Progress::Broken(reason) => {
                    return Err(StepError::failed(format!("the new version of {name} is not healthy: {reason}")));
                }
                Progress::Settled if window.is_zero() => return Ok(()),
                Progress::Settled => {
                    let since = settled.get_or_insert_with(Instant::now).elapsed();
                    if since >= window {
                        return Ok(());
                    }
                    let percent = since.as_millis() * 100 / window.as_millis().max(1);
                    let percent = u32::try_from(percent).unwrap_or(100);
                    scope.progress(percent, "waiting until the new tasks have proved themselves");
                }
                Progress::Waiting(told) => {
                    settled = None;
                    scope.progress(0, told);
                }
            }
            let now = Instant::now();
            let since = match &last {
                Some((since, before)) if *before == swarm => *since,
                _ => now,
            };
            last = Some((since, swarm));
            if settled.is_none() && now.duration_since(since) > STALL {
                return Err(StepError::failed(format!(
                    "the tasks of {name} have not settled, and nothing has changed for {} minutes",
                    STALL.as_secs() / 60
                )));
            }
            sleep(LOOK.min(window.max(Duration::from_millis(20)))).await;
        }
    }
}
