//! Update locks of applications, in directories that only their containers have mounted.

use std::sync::Arc;

use crate::{
    config::Settings,
    engine::Engine,
    error::EngineError,
    helper::lock::{Action, Report},
    name,
    snapshot::Source,
    workshop::{Job, Workshop},
};

/// Where the helper finds the directories.
const PLACE: &str = "/locks";
/// Making files in directories of any owner, and giving them away.
const CAPABILITIES: [&str; 3] = ["CHOWN", "DAC_OVERRIDE", "FOWNER"];
/// Directories in one call at most; a project has one for each service.
const MAX_DIRECTORIES: usize = 200;

/// The update locks of applications.
#[derive(Clone)]
pub(crate) struct UpdateLocks {
    engine: Engine,
    workshop: Workshop,
    settings: Arc<Settings>,
}

impl UpdateLocks {
    pub(crate) const fn new(engine: Engine, workshop: Workshop, settings: Arc<Settings>) -> Self {
        Self { engine, workshop, settings }
    }

    /// Takes or gives back all of them. Directories that are gone have no lock.
    pub(crate) async fn act(&self, action: Action, directories: &[Source]) -> Result<Report, EngineError> {
        if directories.len() > MAX_DIRECTORIES {
            return Err(EngineError::Argument(format!("at most {MAX_DIRECTORIES} directories of locks at once")));
        }
        let mut arguments = vec!["lock".to_owned(), action.word().to_owned()];
        let (mut mounts, mut numbers) = (Vec::new(), Vec::new());
        for (number, directory) in directories.iter().enumerate() {
            if self.is_there(directory).await? {
                let target = format!("{PLACE}/{number}");
                mounts.push(directory.mount(&target, false));
                arguments.push(target);
                numbers.push(number);
            }
        }
        if mounts.is_empty() {
            return Ok(Report::default());
        }
        let job = Job {
            doing: "looking at the update locks".to_owned(),
            subject: None,
            arguments,
            mounts,
            network_mode: "none".to_owned(),
            capabilities: &CAPABILITIES,
            limit: self.settings.answer_timeout,
        };
        let mut report: Report = match self.workshop.run(&job).await {
            // A directory of the host that is gone took its locks with it.
            Err(EngineError::Refused { status: 400, message, .. })
                if action == Action::Release && message.contains("bind source path does not exist") =>
            {
                Report::default()
            }
            result => result?,
        };
        for lock in report.held.iter_mut().chain(&mut report.broken) {
            lock.directory = numbers.get(lock.directory).copied().unwrap_or_default();
        }
        Ok(report)
    }

    /// Mounting a volume that is gone would make an empty one.
    async fn is_there(&self, directory: &Source) -> Result<bool, EngineError> {
        let Source::Volume { name, .. } = directory else { return Ok(true) };
        let path = format!("/volumes/{}", name::volume(name)?);
        match self.engine.get(&format!("looking for volume {name}"), &path).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
