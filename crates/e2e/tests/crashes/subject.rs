//! What is updated: a redis with data, made in one of the two ways that people make containers.

use std::time::Duration;

use anyhow::ensure;
use homeport_e2e::{Engine, Outcome, Project, Run, Versions, until_ok};

/// How a container was made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// As a service of a compose project.
    Compose,
    /// By `docker run`.
    Run,
}

impl Way {
    /// The steps of an update, as the journal names them.
    pub(crate) const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Compose => &[
                "validate",
                "keep_image",
                "hold",
                "pull",
                "copy",
                "edit",
                "stop",
                "sync",
                "recreate",
                "health",
                "tidy",
            ],
            Self::Run => {
                &["validate", "keep_image", "hold", "pull", "create", "copy", "stop", "sync", "swap", "health", "tidy"]
            }
        }
    }
}

const COMMAND: [&str; 5] = ["redis-server", "--appendonly", "yes", "--dir", "/data"];

/// The container, and what belongs to it; removed when dropped.
pub(crate) struct Subject {
    engine: Engine,
    name: String,
    /// With the compose file as it was before the update.
    project: Option<(Project, String)>,
}

impl Subject {
    /// Starts the old version and puts data into it.
    pub(crate) fn start(run: &Run, way: Way, name: &str, versions: &Versions) -> anyhow::Result<Self> {
        let mut subject = Self { engine: run.engine.clone(), name: name.to_owned(), project: None };
        match way {
            Way::Compose => {
                let project = Project::up(run, name, &compose(&versions.old_image()))?;
                subject.name = project.container("store")?;
                let file = project.file("compose.yaml")?;
                subject.project = Some((project, file));
            }
            Way::Run => {
                let (label, volume) = (run.label(), format!("{name}-data"));
                run.engine.docker(&["volume", "create", "--label", &label, &volume])?;
                let (mount, image) = (format!("{volume}:/data"), versions.old_image());
                let mut command = vec!["run", "-d", "--name", name, "--label", &label, "-v", &mount, &image];
                command.extend(COMMAND);
                run.engine.docker(&command)?;
            }
        }
        subject.redis(&["set", "colour", "green"])?;
        Ok(subject)
    }

    /// The container's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `redis-cli` in the container, as soon as it answers.
    pub(crate) fn redis(&self, arguments: &[&str]) -> anyhow::Result<String> {
        until_ok("redis answers", Duration::from_secs(30), || {
            let mut command = vec!["exec", self.name.as_str(), "redis-cli"];
            command.extend(arguments);
            self.engine.docker(&command)
        })
    }

    /// Starts it as a person would whose engine died.
    pub(crate) fn start_again(&self) -> Outcome {
        self.engine.docker(&["start", &self.name]).map(drop)
    }

    /// The compose file, if there is one, names this version and is otherwise untouched.
    pub(crate) fn check_file(&self, versions: &Versions, version: &str) -> Outcome {
        if let Some((project, before)) = &self.project {
            let file = project.file("compose.yaml")?;
            ensure!(file == before.replace(&versions.old, version), "the file became\n{file}");
        }
        Ok(())
    }

    /// It is the only container of its kind.
    pub(crate) fn check_alone(&self) -> Outcome {
        let filter = match &self.project {
            Some((project, _)) => format!("label=com.docker.compose.project={}", project.name),
            // Replacements and containers set aside have names that begin like this one's.
            None => format!("name={}", self.name),
        };
        let containers = self.engine.containers(&filter)?;
        ensure!(containers == [self.name.as_str()], "{containers:?}");
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.project.is_none()
            && let Err(error) = self.engine.docker(&["rm", "-f", &self.name])
        {
            eprintln!("left behind: {}: {error:#}", self.name);
        }
    }
}

fn compose(image: &str) -> String {
    format!(
        "services:\n  store:\n    image: {image}\n    command: {COMMAND:?}\n    labels: [\"{{label}}\"]\n    volumes:\n      \
         - data:/data\nvolumes:\n  data:\n    labels: [\"{{label}}\"]\n"
    )
}
