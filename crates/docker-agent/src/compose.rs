//! Compose projects, through `docker compose`: what a compose file means is decided by compose alone.

mod books;
mod command;
mod gate;
mod passed;
mod stray;
mod whole;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use homeport_service::Context;
use serde_json::Value;

pub(crate) use whole::Whole;

use crate::{
    config::Settings,
    container::{Containers, compare::Difference},
    document::Document as _,
    error::EngineError,
    locks::Locks,
    name, own,
};

use books::{Books, Hashes, Waiting};
use gate::Gate;
pub(crate) use gate::Guarded;

/// The labels that compose finds its containers by.
pub(crate) const PROJECT_LABEL: &str = "com.docker.compose.project";
pub(crate) const SERVICE_LABEL: &str = "com.docker.compose.service";
const ONE_OFF_LABEL: &str = "com.docker.compose.oneoff";

/// The largest description of a project that is read: 8 MiB is some thousand services.
const MAX_CONFIG_BYTES: usize = 8 << 20;
/// How much of compose's output is kept, its end.
const MAX_OUTPUT_BYTES: usize = 64 << 10;

/// A project as the labels of its containers describe it.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) name: String,
    /// In the order that compose got them.
    pub(crate) config_files: Vec<PathBuf>,
    pub(crate) working_dir: Option<PathBuf>,
    /// Empty: `.env` in the working directory if there is one.
    pub(crate) environment_files: Vec<PathBuf>,
}

/// What compose makes of a project.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) config_json: String,
    pub(crate) hashes: HashMap<String, String>,
}

/// How to bring a service up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Up {
    pub(crate) no_start: bool,
    pub(crate) force_recreate: bool,
    /// Containers that are only replaced by what is like them.
    pub(crate) guarded: Vec<Guarded>,
    /// What they differ in is told and let pass.
    pub(crate) accepts: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    pub(crate) output: String,
    /// Why something was not replaced; then nothing was.
    pub(crate) differences: Vec<Difference>,
    /// In what successors differ that was let pass.
    pub(crate) accepted: Vec<Difference>,
}

/// `docker compose` on one engine.
#[derive(Clone)]
pub(crate) struct Compose {
    containers: Containers,
    settings: Arc<Settings>,
    context: Context,
    /// One run a project at a time: two that recreate the same service would take each other's containers for strays.
    running: Locks,
}

impl Compose {
    pub(crate) fn new(containers: Containers, settings: Arc<Settings>, context: Context) -> Self {
        Self { containers, settings, context, running: Locks::default() }
    }

    /// Version of the plugin; none if there is none.
    pub(crate) async fn version(&self) -> Option<String> {
        let output = self.command(None, ["version", "--short"]).run(4096).await.ok()?;
        let version = output.standard.trim().trim_start_matches('v');
        (output.success && !version.is_empty()).then(|| version.to_owned())
    }

    /// What the files of a project mean. A variable that is set nowhere stops it: compose would put nothing in its place,
    /// and `${DATA}/db` would become `/db`.
    pub(crate) async fn describe(&self, project: &Project) -> Result<Description, EngineError> {
        self.describe_with(project, &BTreeMap::new()).await
    }

    async fn describe_with(
        &self,
        project: &Project,
        passed: &BTreeMap<String, String>,
    ) -> Result<Description, EngineError> {
        let home = self.home().await?;
        let arguments = ["--profile", "*", "config", "--format", "json"];
        let config = self.command_in(project, home)?.with(arguments).variables(passed).run(MAX_CONFIG_BYTES).await?;
        if let Some(problem) = unset(&config.error) {
            return Err(EngineError::Precondition(problem));
        }
        let config = config.succeeded(&format!("reading {} of compose project {}", project.files(), project.name))?;
        if config.standard.len() >= MAX_CONFIG_BYTES {
            return Err(EngineError::Precondition(format!(
                "the files of compose project {} are too large",
                project.name
            )));
        }
        let hashes = self.hashes(project, config.standard.clone()).await;
        Ok(Description { config_json: config.standard, hashes })
    }

    /// By service, what compose writes into its containers' books when it brings a project of this configuration up. Asked
    /// about the files, it would leave out what environment files say. Without them everything can be done, and only less is
    /// known.
    async fn hashes(&self, project: &Project, config_json: String) -> HashMap<String, String> {
        let words = ["--project-name", &project.name, "--env-file", "/dev/null", "--file", "-"];
        let asked = self.command(None, words).with(["--profile", "*", "config", "--hash", "*"]).given(config_json);
        let doing = format!("hashing compose project {}", project.name);
        match asked.run(MAX_CONFIG_BYTES).await.and_then(|output| output.succeeded(&doing)) {
            Ok(output) => {
                let pairs = output.standard.lines().filter_map(|line| line.trim().split_once(' '));
                pairs.map(|(service, hash)| (service.to_owned(), hash.trim().to_owned())).collect()
            }
            Err(error) => {
                tracing::warn!(project = project.name, error = %error, "the hashes of its services are not known");
                HashMap::new()
            }
        }
    }

    /// Brings one service to what its files say, and tidies up after a run that was killed in the middle.
    pub(crate) async fn up(&self, project: &Project, service: &str, up: Up) -> Result<Brought, EngineError> {
        name::container(service)?;
        let _running = self.running.hold(&project.name).await;
        self.tidy(&project.name, service).await?;
        let home = self.home().await?;
        let count = self.count(&project.name, service).await?;
        // A service may depend on one whose profile nobody names here; without it compose takes the project for broken.
        let mut command = self.command_in(project, home)?.with([
            "--profile",
            "*",
            "up",
            "--no-deps",
            "--no-build",
            "--pull",
            "never",
        ]);
        command = if up.no_start { command.with(["--no-start"]) } else { command.with(["--detach"]) };
        if up.force_recreate {
            command = command.with(["--force-recreate"]);
        }
        // The number may have been chosen on a command line; without it, compose would stop all that the file lacks.
        if count > 1 {
            command = command.with(["--scale", &format!("{service}={count}")]);
        }
        command = command.with([service]);
        let (books, passed) = self.kept(project, service, &up.guarded).await;
        let engine = &self.settings.engine_socket;
        let place = (project.name.as_str(), service);
        let gate = Gate::open(&self.containers, &self.context, engine, place, (up.guarded, up.accepts), books)?;
        let run = command.variables(&passed).through(&gate.socket()).run(MAX_OUTPUT_BYTES);
        let (result, found) = gate.during(run).await;
        self.tidy(&project.name, service).await?;
        let mut output = result?;
        let gate::Found { refused: differences, accepted } = found;
        if differences.is_empty() {
            let doing = format!("bringing up service {service} of compose project {}", project.name);
            output = output.succeeded(&doing)?;
        }
        Ok(Brought { output: output.both(), differences, accepted })
    }

    /// What the service has, beside what its files say now. Where they cannot be read, nothing: compose says better what is
    /// wrong with them, and a way back is worth more than what is in the books.
    async fn kept(&self, project: &Project, service: &str, guarded: &[Guarded]) -> (Books, BTreeMap<String, String>) {
        let described = async {
            let description = self.describe(project).await?;
            let passed = passed::variables(service, &description, guarded);
            let description =
                if passed.is_empty() { description } else { self.describe_with(project, &passed).await? };
            let Some(waiting) = Waiting::of(service, &description, guarded) else {
                return Ok::<_, EngineError>((Books::default(), passed));
            };
            let hash = async |config: Option<String>| self.hashes(project, config?).await.remove(service);
            let (own, waiting_for_nobody) = tokio::join!(hash(Some(waiting.config)), hash(waiting.config_without));
            let hashes = own.map(|own| Hashes { waiting_for_nobody, own });
            Ok((Books { depends_on: waiting.depends_on, hashes }, passed))
        };
        described.await.unwrap_or_else(|error| {
            tracing::warn!(project = project.name, service, error = %error, "what the service had is not known");
            (Books::default(), BTreeMap::new())
        })
    }

    async fn tidy(&self, project: &str, service: &str) -> Result<(), EngineError> {
        for action in stray::resolve(&self.of_service(project, service).await?) {
            stray::act(&self.containers, &action).await?;
        }
        Ok(())
    }

    async fn count(&self, project: &str, service: &str) -> Result<usize, EngineError> {
        let one_off = |container: &&Value| {
            container.at("Config.Labels").get(ONE_OFF_LABEL).and_then(Value::as_str) == Some("True")
        };
        let containers = self.of_service(project, service).await?;
        Ok(containers.len() - containers.iter().filter(one_off).count())
    }

    async fn of_service(&self, project: &str, service: &str) -> Result<Vec<Value>, EngineError> {
        let labels = [(PROJECT_LABEL, project), (SERVICE_LABEL, service)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Ok(self.containers.list(true, &labels).await?.into_iter().map(|inspected| inspected.container).collect())
    }

    /// A run as from a shell that stands in the project's directory, as people's usually do. Where `${PWD}` was another
    /// one, the successor of a container is seen to differ, and replaces nothing.
    fn command_in(&self, project: &Project, home: Option<PathBuf>) -> Result<command::Command, EngineError> {
        let command = self.command(home, project.arguments()?);
        Ok(match project.directory() {
            Some(directory) => command.variable("PWD", &directory.to_string_lossy()),
            None => command,
        })
    }

    fn command<I>(&self, home: Option<PathBuf>, arguments: I) -> command::Command
    where
        I: IntoIterator,
        I::Item: AsRef<std::ffi::OsStr>,
    {
        command::Command::new(&self.settings, home).with(arguments)
    }

    /// What `~` and `${HOME}` stand for. In a container it is not the home directory that the files were written for.
    async fn home(&self) -> Result<Option<PathBuf>, EngineError> {
        if self.settings.compose.home.is_some() {
            return Ok(self.settings.compose.home.clone());
        }
        Ok(if own::container_id(&self.containers).await?.is_some() { None } else { self.settings.home.clone() })
    }
}

impl Project {
    /// Its compose files, for a message: compose does not always say which one it could not read.
    fn files(&self) -> String {
        let files: Vec<String> = self.config_files.iter().map(|path| path.display().to_string()).collect();
        files.join(", ")
    }

    fn directory(&self) -> Option<&Path> {
        self.working_dir.as_deref().or_else(|| self.config_files.first()?.parent())
    }

    /// Exactly what it was started with, so that nothing is looked for elsewhere.
    fn arguments(&self) -> Result<Vec<String>, EngineError> {
        name::container(&self.name)?;
        if self.config_files.is_empty() {
            return Err(EngineError::Argument(format!("compose project {} has no file", self.name)));
        }
        let mut arguments = vec!["--project-name".to_owned(), self.name.clone()];
        let mut add = |flag: &str, path: &Path| -> Result<(), EngineError> {
            let path = path.to_string_lossy();
            arguments.extend([flag.to_owned(), name::absolute(&path, "the project's path")?.to_owned()]);
            Ok(())
        };
        self.config_files.iter().try_for_each(|path| add("--file", path))?;
        self.working_dir.iter().try_for_each(|path| add("--project-directory", path))?;
        self.environment_files.iter().try_for_each(|path| add("--env-file", path))?;
        Ok(arguments)
    }
}

/// What compose would have put nothing in the place of, as a sentence.
fn unset(error: &str) -> Option<String> {
    let mut names: Vec<&str> = error
        .lines()
        .filter(|line| line.contains("variable is not set"))
        .filter_map(|line| line.split_once("The ")?.1.split_once(" variable")?.0.trim_matches(['"', '\\']).into())
        .collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        let list = names.join(", ");
        return Some(format!(
            "the compose files use {list}, which is set nowhere: compose would put nothing in its place; set it in the project's .env"
        ));
    }
    error.contains("cannot expand '~'").then(|| {
        "the compose files use ~, and whose home directory that is is not known; set compose.home of docker-agent or write the whole path".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_10_variables_that_are_set_nowhere_are_named() {
        let line = |name: &str| {
            format!(
                "time=\"x\" level=warning msg=\"The \\\"{name}\\\" variable is not set. Defaulting to a blank string.\"\n"
            )
        };
        let text = unset(&[line("TAG"), line("DATA"), line("TAG")].concat()).unwrap();
        assert!(text.contains("use DATA, TAG,"), "{text}");
        assert!(
            unset("level=warning msg=\"cannot expand '~', because the environment lacks HOME\"").unwrap().contains('~')
        );
        assert_eq!(unset("level=warning msg=\"`version` is obsolete\""), None);
    }

    #[test]
    fn s10_10_a_project_is_named_in_full() {
        let project = Project {
            name: "web".to_owned(),
            config_files: vec!["/s/compose.yaml".into(), "/s/override.yaml".into()],
            working_dir: Some("/s".into()),
            environment_files: vec!["/s/.env".into()],
        };
        let expected = "--project-name web --file /s/compose.yaml --file /s/override.yaml --project-directory /s --env-file /s/.env";
        assert_eq!(project.arguments().unwrap().join(" "), expected);
        let relative = Project { config_files: vec!["compose.yaml".into()], ..project };
        assert!(relative.arguments().is_err());
    }
}
