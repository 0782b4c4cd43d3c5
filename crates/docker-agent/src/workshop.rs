//! Helper containers: short-lived, without network, file system or rights beyond what a job needs, made from this very
//! executable, and removed whatever happens.

mod image;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{container::LogOutput, errors::Error as BollardError, query_parameters::LogsOptionsBuilder};
use futures::StreamExt as _;
use homeport_service::Context;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    config::Settings,
    container::{Containers, encoded},
    document::Document as _,
    engine::Engine,
    error::EngineError,
    helper::{Failure, FailureKind},
};

/// The label of everything that is a helper's.
pub(crate) const ROLE_LABEL: &str = "homeport.role";
pub(crate) const ROLE: &str = "helper";
/// Which Homeport a helper container belongs to.
pub(crate) const INSTANCE_LABEL: &str = "homeport.instance";
/// What a helper works on.
pub(crate) const SUBJECT_LABEL: &str = "homeport.subject";
/// After this long an engine has carried out what a killed docker-agent had asked it for.
const LATE: Duration = Duration::from_secs(2);
/// The largest answer of a helper.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Runs helper containers.
#[derive(Clone)]
pub(crate) struct Workshop {
    engine: Engine,
    containers: Containers,
    settings: Arc<Settings>,
    context: Context,
    image: Arc<tokio::sync::Mutex<Option<String>>>,
    /// Those that are being waited for; all others are leftovers.
    in_use: Arc<Mutex<HashSet<String>>>,
}

/// What a helper shall do.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// For messages: what fails if it fails.
    pub(crate) doing: String,
    /// What it works on, if no other helper may do so at the same time. One whose caller went away may still be at it; it
    /// is removed first.
    pub(crate) subject: Option<String>,
    /// Behind `homeport helper`.
    pub(crate) arguments: Vec<String>,
    /// As in `HostConfig.Mounts`.
    pub(crate) mounts: Vec<Value>,
    /// `none`, or the container whose network it shares.
    pub(crate) network_mode: String,
    pub(crate) capabilities: &'static [&'static str],
    pub(crate) limit: Duration,
}

impl Workshop {
    pub(crate) fn new(engine: Engine, containers: Containers, settings: Arc<Settings>, context: Context) -> Self {
        Self { engine, containers, settings, context, image: Arc::default(), in_use: Arc::default() }
    }

    /// Does a job and gives what the helper answered.
    pub(crate) async fn run<T: DeserializeOwned>(&self, job: &Job) -> Result<T, EngineError> {
        if let Some(subject) = &job.subject {
            self.clear(subject).await?;
        }
        let container = self.create(job).await?;
        let answer = self.answer(&container.id, job).await;
        container.remove().await;
        let (code, text) = answer?;
        let garbled =
            |error: serde_json::Error| EngineError::Garbled { doing: job.doing.clone(), message: error.to_string() };
        if code == 0 {
            return serde_json::from_str(&text).map_err(garbled);
        }
        match serde_json::from_str::<Failure>(&text) {
            Ok(failure) => Err(told(&job.doing, &failure)),
            Err(_) => Err(EngineError::Temporary(format!(
                "{} was ended from outside (exit code {code}); try again",
                job.doing
            ))),
        }
    }

    /// Removes helper containers that nobody waits for: a former docker-agent was killed, or the engine was away when
    /// they should have gone.
    pub(crate) async fn sweep(&self) -> Result<(), EngineError> {
        for id in self.unused().await? {
            self.discard(&id).await?;
        }
        Ok(())
    }

    /// Looks again some seconds later: what a docker-agent that was killed had asked for may be made by the engine after
    /// its successor has looked. Only what is found twice goes, because one that is just being made for this process is
    /// not known to be in use until the engine has answered.
    pub(crate) async fn sweep_late(&self) -> Result<(), EngineError> {
        tokio::time::sleep(LATE).await;
        let suspects = self.unused().await?;
        tokio::time::sleep(LATE).await;
        for id in self.unused().await?.iter().filter(|id| suspects.contains(id)) {
            self.discard(id).await?;
        }
        Ok(())
    }

    /// Helper containers of this installation that this process does not wait for.
    async fn unused(&self) -> Result<Vec<String>, EngineError> {
        let mut ids = self.ids(&[(ROLE_LABEL, ROLE), (INSTANCE_LABEL, &self.settings.instance)]).await?;
        ids.retain(|id| !self.in_use().contains(id));
        Ok(ids)
    }

    async fn discard(&self, id: &str) -> Result<(), EngineError> {
        tracing::info!(container.id = id, "removing a helper container that was left over");
        self.containers.remove(id, true, true).await
    }

    /// Removes what works on a subject, and waits until it is gone.
    pub(crate) async fn clear(&self, subject: &str) -> Result<(), EngineError> {
        for id in self.ids(&[(ROLE_LABEL, ROLE), (SUBJECT_LABEL, subject)]).await? {
            self.containers.remove(&id, true, true).await?;
        }
        Ok(())
    }

    async fn ids(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, EngineError> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.containers.ids(true, &labels).await
    }

    /// Goes through with it when the caller leaves: the engine does so too, and nobody would remove what it makes.
    async fn create(&self, job: &Job) -> Result<InUse, EngineError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (workshop, job) = (self.clone(), job.clone());
        let doing = job.doing.clone();
        self.context.spawn("create helper", async move {
            // One that nobody waits for any more is removed as it is dropped.
            drop(sender.send(workshop.make(&job).await));
        });
        receiver.await.unwrap_or_else(|_| Err(EngineError::Temporary(format!("{doing} was cut short; try again"))))
    }

    async fn make(&self, job: &Job) -> Result<InUse, EngineError> {
        let created = match self.try_create(job, &self.image().await?).await {
            // Somebody removed the image.
            Err(error) if error.is_not_found() => {
                *self.image.lock().await = None;
                self.try_create(job, &self.image().await?).await
            }
            result => result,
        }?;
        let id = created.text("Id").to_owned();
        self.in_use().insert(id.clone());
        Ok(InUse { workshop: self.clone(), id, removed: false })
    }

    async fn try_create(&self, job: &Job, image: &str) -> Result<Value, EngineError> {
        let mut command = vec!["helper".to_owned()];
        command.extend(job.arguments.iter().cloned());
        let body = json!({
            "Image": image,
            "Entrypoint": [image::EXECUTABLE],
            "Cmd": command,
            "User": "0:0",
            "Labels": {
                ROLE_LABEL: ROLE,
                INSTANCE_LABEL: self.settings.instance,
                SUBJECT_LABEL: job.subject.as_deref().unwrap_or_default(),
            },
            "HostConfig": {
                "Mounts": job.mounts,
                "NetworkMode": job.network_mode,
                "ReadonlyRootfs": true,
                "CapDrop": ["ALL"],
                "CapAdd": job.capabilities,
                "SecurityOpt": ["no-new-privileges"],
                // Its answer is read from its log, whatever the engine's own choice is.
                "LogConfig": { "Type": "json-file", "Config": {} },
            },
        });
        let name = format!("homeport-helper-{}", uuid::Uuid::new_v4().simple());
        let path = format!("/containers/create?name={}", encoded(&name));
        self.engine.post(&job.doing, &path, &body).await
    }

    /// Starts it, waits for its end, and gives its exit code and what it printed.
    async fn answer(&self, id: &str, job: &Job) -> Result<(i64, String), EngineError> {
        self.containers.start(id).await?;
        let end = self.engine.ask_within(job.limit, &job.doing, |docker| async move {
            match docker.wait_container(id, None).next().await {
                Some(Ok(end)) => Ok(end.status_code),
                Some(Err(BollardError::DockerContainerWaitError { code, .. })) => Ok(code),
                Some(Err(error)) => Err(error),
                None => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            }
        });
        Ok((end.await?, self.output(id, &job.doing).await?))
    }

    async fn output(&self, id: &str, doing: &str) -> Result<String, EngineError> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
        self.engine
            .ask(doing, |docker| async move {
                let mut lines = std::pin::pin!(docker.logs(id, Some(options)));
                let (mut answer, mut rest) = (Vec::new(), Vec::new());
                while let Some(line) = lines.next().await {
                    let (into, message) = match line? {
                        LogOutput::StdOut { message } => (&mut answer, message),
                        other => (&mut rest, other.into_bytes()),
                    };
                    let room = MAX_ANSWER_BYTES.saturating_sub(into.len()).min(message.len());
                    into.extend_from_slice(&message[..room]);
                }
                if !rest.is_empty() {
                    tracing::warn!(container.id = id, "a helper said: {}", String::from_utf8_lossy(&rest).trim_end());
                }
                Ok(String::from_utf8_lossy(&answer).into_owned())
            })
            .await
    }

    /// The helper image, made at its first use.
    async fn image(&self) -> Result<String, EngineError> {
        let mut image = self.image.lock().await;
        if let Some(image) = image.as_ref() {
            return Ok(image.clone());
        }
        let made = image::ensure(&self.engine, &self.settings.executable).await?;
        Ok(image.insert(made).clone())
    }

    fn in_use(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A helper container, removed at the latest when this is dropped: a caller that goes away cancels the request.
struct InUse {
    workshop: Workshop,
    id: String,
    removed: bool,
}

impl InUse {
    async fn remove(mut self) {
        self.removed = true;
        let Self { workshop, id, .. } = &self;
        discard(workshop, id).await;
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if !self.removed {
            let (workshop, id) = (self.workshop.clone(), self.id.clone());
            self.workshop.context.spawn("discard helper", async move { discard(&workshop, &id).await });
        }
    }
}

async fn discard(workshop: &Workshop, id: &str) {
    if let Err(error) = workshop.containers.remove(id, true, true).await {
        tracing::warn!(
            container.id = id,
            error = homeport_service::telemetry::chain(&error),
            "a helper container could not be removed; the next sweep will"
        );
    }
    workshop.in_use().remove(id);
}

fn told(doing: &str, failure: &Failure) -> EngineError {
    let text = format!("{doing} failed: {}", failure.error.message);
    match failure.error.kind {
        FailureKind::NoSpace => EngineError::NoSpace(text),
        FailureKind::Incomplete | FailureKind::Io => EngineError::Precondition(text),
        FailureKind::Usage => EngineError::Garbled { doing: doing.to_owned(), message: failure.error.message.clone() },
    }
}
