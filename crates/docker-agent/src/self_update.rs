//! The swap of Homeport's own containers: the container beside them that does it, and what is said to and by it.
//!
//! Files in the directory `self-update` of docker-agent's state, which the container has mounted as docker-agent has:
//! `job.json` before it starts, `result.json` when it has ended. It is started from the image that docker-agent runs: that
//! one works, and what it wrote into its journal it can read again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    config::Settings,
    container::{Containers, encoded, replace::host_config},
    document::Document as _,
    engine::Engine,
    error::EngineError,
    name, own,
    workshop::{INSTANCE_LABEL, ROLE_LABEL, SUBJECT_LABEL},
};

/// What the container says that it is.
pub(crate) const SELF_UPDATE_ROLE: &str = "self-update";
/// The command of this executable that it runs.
const COMMAND: &str = "self-swap";
const JOB: &str = "job.json";
const RESULT: &str = "result.json";
/// They hold inspect documents.
const MODE: u32 = 0o600;

/// The job that is under way or ended last.
#[derive(Clone)]
pub(crate) struct SelfUpdates {
    engine: Engine,
    containers: Containers,
    settings: Arc<Settings>,
    directory: PathBuf,
    /// From looking whether the container is there to making it, nobody else does.
    busy: Arc<tokio::sync::Mutex<()>>,
}

/// How far a job is.
#[derive(Debug)]
pub(crate) enum Progress {
    None,
    Running,
    Ended(Vec<u8>),
}

/// What is in either file.
#[derive(Serialize, Deserialize)]
struct Note {
    id: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl SelfUpdates {
    /// `state` is docker-agent's own directory.
    pub(crate) fn new(engine: Engine, containers: Containers, settings: Arc<Settings>, state: &Path) -> Self {
        Self { engine, containers, settings, directory: state.join("self-update"), busy: Arc::default() }
    }

    pub(crate) async fn start(&self, id: &str, job: &[u8]) -> Result<(), EngineError> {
        name::snapshot(id)?;
        let _busy = self.busy.lock().await;
        let note: Note = serde_json::from_slice(job)
            .map_err(|error| EngineError::Argument(format!("the job cannot be read: {error}")))?;
        if note.id != id {
            return Err(EngineError::Argument("the job is of another operation".to_owned()));
        }
        match self.note(JOB)? {
            Some((known, _)) if known.id != id && self.is_open(&known.id)? => {
                return Err(EngineError::Precondition(format!(
                    "Homeport is being updated already, by operation {}",
                    known.id
                )));
            }
            Some((known, _)) if known.id == id => {}
            _ => {
                std::fs::create_dir_all(&self.directory).map_err(|source| self.failed("making", "", source))?;
                self.remove(RESULT)?;
                homeport_service::file::replace(&self.directory.join(JOB), job, MODE)
                    .map_err(|source| self.failed("writing", JOB, source))?;
            }
        }
        self.ensure(id).await
    }

    pub(crate) async fn progress(&self, id: &str) -> Result<Progress, EngineError> {
        let _busy = self.busy.lock().await;
        if let Some((result, bytes)) = self.note(RESULT)?
            && result.id == id
        {
            return Ok(Progress::Ended(bytes));
        }
        match self.note(JOB)? {
            Some((job, _)) if job.id == id => {
                self.ensure(id).await?;
                Ok(Progress::Running)
            }
            _ => Ok(Progress::None),
        }
    }

    pub(crate) async fn forget(&self, id: &str) -> Result<(), EngineError> {
        name::snapshot(id)?;
        let _busy = self.busy.lock().await;
        for container in self.containers_of(id).await? {
            self.containers.remove(&container, true, true).await?;
        }
        if self.note(JOB)?.is_some_and(|(job, _)| job.id == id) {
            match std::fs::remove_dir_all(&self.directory) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(self.failed("removing", "", error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_open(&self, id: &str) -> Result<bool, EngineError> {
        Ok(self.note(RESULT)?.is_none_or(|(result, _)| result.id != id))
    }

    /// Makes the container unless it is there, and starts it unless it runs.
    async fn ensure(&self, id: &str) -> Result<(), EngineError> {
        let container = match self.containers_of(id).await?.into_iter().next() {
            Some(container) => container,
            None => self.create(id).await?,
        };
        // Starting a running one succeeds.
        self.containers.start(&container).await
    }

    async fn containers_of(&self, id: &str) -> Result<Vec<String>, EngineError> {
        let labels = [(ROLE_LABEL, SELF_UPDATE_ROLE), (SUBJECT_LABEL, id)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        self.containers.ids(true, &labels).await
    }

    async fn create(&self, id: &str) -> Result<String, EngineError> {
        let own = own::container_id(&self.containers).await?.ok_or_else(|| {
            EngineError::Precondition(
                "Homeport does not run in containers here; replace its program and start it again".to_owned(),
            )
        })?;
        let own = self.containers.document(&own).await?;
        let body = self.creation(id, &own);
        let short: String = id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let path = format!("/containers/create?name={}", encoded(&format!("homeport-self-update-{short}")));
        let created = self.engine.post("making the container that updates Homeport", &path, &body).await?;
        Ok(created.text("Id").to_owned())
    }

    /// docker-agent's own container once more, with another command and a state directory of its own in the same mount.
    fn creation(&self, id: &str, own: &Value) -> Value {
        let mut host = host_config(own);
        host["NetworkMode"] = json!("none");
        host["PortBindings"] = json!({});
        host["AutoRemove"] = json!(false);
        // It has to go on after its own death and that of the engine, and `on-failure` does not survive the latter.
        host["RestartPolicy"] = json!({ "Name": "always" });
        let mine = ["HOMEPORT_STATE=", "HOMEPORT_DOCKER_AGENT__HELPER__INSTANCE="];
        let mut environment = own.texts("Config.Env");
        environment.retain(|variable| mine.iter().all(|name| !variable.starts_with(name)));
        environment.push(format!("{}{}", mine[0], self.directory.display()));
        // Two that are at work at the same time must not take each other's helpers for leftovers.
        environment.push(format!("{}{}-self", mine[1], self.settings.instance));
        json!({
            "Image": own.text("Image"),
            "Entrypoint": own.at("Config.Entrypoint"),
            "Cmd": [COMMAND],
            "User": own.text("Config.User"),
            "Env": environment,
            "Labels": {
                ROLE_LABEL: SELF_UPDATE_ROLE,
                INSTANCE_LABEL: self.settings.instance,
                SUBJECT_LABEL: id,
            },
            // That of docker-agent asks for a socket that is not here.
            "Healthcheck": { "Test": ["NONE"] },
            "StopTimeout": own.at("Config.StopTimeout"),
            "HostConfig": host,
        })
    }

    fn note(&self, file: &str) -> Result<Option<(Note, Vec<u8>)>, EngineError> {
        let bytes = match std::fs::read(self.directory.join(file)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("reading", file, error)),
        };
        // Both are written as a whole or not at all, so one that is garbled is none of ours.
        Ok(serde_json::from_slice(&bytes).ok().map(|note| (note, bytes)))
    }

    fn remove(&self, file: &str) -> Result<(), EngineError> {
        match std::fs::remove_file(self.directory.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(self.failed("removing", file, error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, doing: &str, file: &str, source: std::io::Error) -> EngineError {
        EngineError::Io { doing: format!("{doing} {}", self.directory.join(file).display()), source }
    }
}
