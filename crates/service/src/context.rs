//! What a service is handed when it starts.

use std::{future::Future, path::PathBuf};

use serde::de::DeserializeOwned;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::config::{self, ConfigError, Environment};

/// Where state and settings live.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Directory of databases and sockets, one folder a service. From `HOMEPORT_STATE`, default `./state`.
    pub state: PathBuf,
    /// Directory of settings files. From `HOMEPORT_CONFIGS`, default `./configs`.
    pub configs: PathBuf,
}

impl Paths {
    /// Where the variables say, or the defaults.
    pub fn from_environment(environment: &Environment) -> Self {
        Self {
            state: environment.get("HOMEPORT_STATE").unwrap_or("./state").into(),
            configs: environment.get("HOMEPORT_CONFIGS").unwrap_or("./configs").into(),
        }
    }

    /// The socket that a service listens on. The bus has the place that its existing clients know.
    pub fn socket(&self, service: &str) -> PathBuf {
        match service {
            "bus" => self.state.join("api/eventbus.sock"),
            "docker-agent" => self.state.join("docker/docker.sock"),
            name => self.state.join(name).join(format!("{name}.sock")),
        }
    }
}

/// What a service is handed when it starts: its name, its places, its settings, and its share of the shutdown.
#[derive(Debug, Clone)]
pub struct Context {
    name: &'static str,
    paths: Paths,
    environment: Environment,
    drain: CancellationToken,
    tasks: TaskTracker,
}

impl Context {
    /// A context of its own, for a test or a process that assembles services itself.
    pub fn new(name: &'static str, paths: Paths, environment: Environment, drain: CancellationToken) -> Self {
        Self { name, paths, environment, drain, tasks: TaskTracker::new() }
    }

    /// The service's name, such as `docker-agent`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where state and settings live.
    pub const fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The variables that the process was started with.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The service's own socket.
    pub fn socket(&self) -> PathBuf {
        self.paths.socket(self.name)
    }

    /// The service's own directory below the state directory, the one that its socket is in.
    pub fn state_dir(&self) -> PathBuf {
        self.socket().parent().map_or_else(|| self.paths.state.clone(), PathBuf::from)
    }

    /// The service's settings: `<configs>/<name>.toml`, overlaid with `HOMEPORT_<NAME>__<SECTION>__<KEY>`.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        config::load(self.name, &self.paths.configs, &self.environment)
    }

    /// Cancelled when the service shall finish what it is doing and take nothing new.
    pub const fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Starts a task that the shutdown waits for. It must end soon after [`Context::drain`] is cancelled.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks, and tracks them")]
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.tasks.track_future(future.instrument(self.span(name))));
    }

    /// The same without the span that its lines in the log belong to, for what is woken so often that entering one each time
    /// would cost more than what is done. It enters a [`Context::span`] when it has something to say.
    #[expect(clippy::disallowed_methods, reason = "tracked as well")]
    pub fn spawn_bare<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(self.tasks.track_future(future));
    }

    /// What lines in the log of a task belong to.
    pub fn span(&self, task: &'static str) -> tracing::Span {
        tracing::info_span!("task", task.name = task, service = self.name)
    }

    /// Waits until every task of the service has ended.
    pub async fn wait_for_tasks(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
