//! A compose project as a whole, as the plugins' are: brought up from one file, with variables of ours, and taken away by
//! its labels, so that this works without the file too.

use std::{ffi::OsStr, path::PathBuf};

use serde_json::Value;

use super::{Compose, MAX_CONFIG_BYTES, MAX_OUTPUT_BYTES, PROJECT_LABEL, command::Command};
use crate::{container::encoded, document::Document as _, engine::Engine, error::EngineError, name};

/// A project of one file.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// Variables that the file may use, besides those of `.env` beside it.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Compose {
    /// What `docker compose config` makes of it.
    pub(crate) async fn describe_whole(&self, project: &Whole) -> Result<Value, EngineError> {
        let doing = format!("reading {}", project.file.display());
        let words = ["--profile", "*", "config", "--format", "json"];
        let config = self.whole(project)?.with(words).run(MAX_CONFIG_BYTES).await?.succeeded(&doing)?;
        serde_json::from_str(&config.standard)
            .map_err(|error| EngineError::Garbled { doing, message: error.to_string() })
    }

    /// Starts it from images that are there. Services that the file no longer has go.
    pub(crate) async fn up_whole(&self, project: &Whole, force_recreate: bool) -> Result<String, EngineError> {
        let _running = self.running.hold(&project.name).await;
        let words = ["up", "--detach", "--no-build", "--pull", "never", "--remove-orphans"];
        let mut command = self.whole(project)?.with(words);
        if force_recreate {
            command = command.with(["--force-recreate"]);
        }
        let doing = format!("starting {}", project.file.display());
        Ok(command.run(MAX_OUTPUT_BYTES).await?.succeeded(&doing)?.both())
    }

    /// Has the engine fetch its images.
    pub(crate) async fn pull_whole(&self, project: &Whole) -> Result<(), EngineError> {
        let _running = self.running.hold(&project.name).await;
        let doing = format!("fetching the images of {}", project.file.display());
        let words = ["pull", "--quiet", "--ignore-buildable"];
        self.whole(project)?.with(words).run(MAX_OUTPUT_BYTES).await?.succeeded(&doing).map(drop)
    }

    /// Stops its containers.
    pub(crate) async fn stop_whole(&self, project: &str) -> Result<(), EngineError> {
        let _running = self.running.hold(project).await;
        for id in self.ids_of(project).await? {
            self.containers.stop(&id, None).await?;
        }
        Ok(())
    }

    /// Stops its containers and starts them again; tells how many there are.
    pub(crate) async fn restart_whole(&self, project: &str) -> Result<usize, EngineError> {
        let _running = self.running.hold(project).await;
        let ids = self.ids_of(project).await?;
        for id in &ids {
            self.containers.restart(id, None).await?;
        }
        Ok(ids.len())
    }

    /// Removes its containers and networks. Volumes hold data, and stay.
    pub(crate) async fn down_whole(&self, engine: &Engine, project: &str) -> Result<(), EngineError> {
        let _running = self.running.hold(project).await;
        for id in self.ids_of(project).await? {
            self.containers.stop(&id, None).await?;
            self.containers.remove(&id, true, false).await?;
        }
        let filters = serde_json::json!({ "label": [format!("{PROJECT_LABEL}={project}")] }).to_string();
        let path = format!("/networks?filters={}", encoded(&filters));
        let networks = engine.get("listing networks", &path).await?;
        for network in networks.as_array().into_iter().flatten() {
            let id = network.text("Id");
            let doing = format!("removing network {}", network.text("Name"));
            engine.delete(&doing, &format!("/networks/{}", encoded(id))).await?;
        }
        Ok(())
    }

    async fn ids_of(&self, project: &str) -> Result<Vec<String>, EngineError> {
        name::container(project)?;
        self.containers.ids(true, &[(PROJECT_LABEL.to_owned(), project.to_owned())].into()).await
    }

    fn whole(&self, project: &Whole) -> Result<Command, EngineError> {
        let words: [&OsStr; 4] = [
            "--project-name".as_ref(),
            name::container(&project.name)?.as_ref(),
            "--file".as_ref(),
            project.file.as_os_str(),
        ];
        let mut command = self.command(self.settings.compose.home.clone(), words);
        for (name, value) in &project.variables {
            command = command.variable(name, value);
        }
        Ok(command)
    }
}
