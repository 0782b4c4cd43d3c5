//! A Swarm of one machine, with one service.

use std::time::Duration;

use anyhow::ensure;
use homeport_e2e::{Engine, Outcome, Run, until_ok};

/// How long the manager may take to settle on one version; after its engine died it elects itself first.
const LIMIT: Duration = Duration::from_mins(1);

/// The Swarm; left when dropped, and its service with it.
pub(crate) struct Swarm {
    engine: Engine,
    service: String,
}

impl Swarm {
    /// Starts a service, and waits until it runs.
    pub(crate) fn start(run: &Run, service: &str, image: &str) -> anyhow::Result<Self> {
        let swarm = Self { engine: run.engine.clone(), service: service.to_owned() };
        swarm.engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"])?;
        let label = run.label();
        let create =
            ["service", "create", "--detach", "--name", service, "--container-label", &label, image, "redis-server"];
        swarm.engine.docker(&create)?;
        swarm.check(image)?;
        Ok(swarm)
    }

    /// The service is specified to run an image, and one task of just that runs.
    pub(crate) fn check(&self, image: &str) -> Outcome {
        until_ok(&format!("one task runs {image}"), LIMIT, || {
            let format = "{{.Spec.TaskTemplate.ContainerSpec.Image}}";
            let specified = self.engine.docker(&["service", "inspect", "--format", format, &self.service])?;
            ensure!(is(&specified, image), "{specified} is specified");
            let format = "{{.Image}} {{.CurrentState}}";
            let filter = ["--no-trunc", "--filter", "desired-state=running"];
            let list = [&["service", "ps", "--format", format][..], &filter, &[&self.service]].concat();
            let tasks = self.engine.docker(&list)?;
            let is_right = |task: &str| {
                task.split_once(' ').is_some_and(|(runs, state)| is(runs, image) && state.starts_with("Running"))
            };
            ensure!(tasks.lines().count() == 1 && tasks.lines().all(is_right), "{tasks}");
            Ok(())
        })
    }
}

/// The manager writes the digest behind a reference.
fn is(reference: &str, image: &str) -> bool {
    reference.split_once('@').map_or(reference, |(name, _)| name) == image
}

impl Drop for Swarm {
    fn drop(&mut self) {
        if let Err(error) = self.engine.docker(&["swarm", "leave", "--force"]) {
            eprintln!("left behind: the Swarm: {error:#}");
        }
    }
}
