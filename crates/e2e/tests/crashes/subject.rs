//! What is worked on: redis with data, made and changed in each of the ways that there are.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Engine, Outcome, Project, Run, Stack, Versions, until_ok};
use serde_json::json;

use crate::swarm::Swarm;

/// What is done, to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The update of a service of a compose project.
    Compose,
    /// The update of a container made by `docker run`.
    Run,
    /// The update of both services of a project, in one operation.
    Batch,
    /// The way back from the update of a service.
    Rollback,
    /// The update of a service of a Swarm.
    Swarm,
}

/// All ways, with their names.
pub(crate) const WAYS: [(&str, Way); 5] = [
    ("compose", Way::Compose),
    ("docker_run", Way::Run),
    ("batch", Way::Batch),
    ("rollback", Way::Rollback),
    ("swarm", Way::Swarm),
];

impl Way {
    /// The steps, as the journal names them.
    pub(crate) const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Compose | Self::Batch => &[
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
            Self::Swarm => &["validate", "recreate", "health"],
            Self::Rollback => &[
                "validate",
                "keep_image",
                "hold",
                "pull",
                "copy",
                "edit",
                "stop",
                "sync",
                "restore",
                "recreate",
                "health",
                "tidy",
            ],
        }
    }
}

const COMMAND: [&str; 5] = ["redis-server", "--appendonly", "yes", "--dir", "/data"];

/// The containers, and what belongs to them; removed when dropped.
pub(crate) struct Subject {
    engine: Engine,
    way: Way,
    /// The one at whose steps somebody dies comes last.
    names: Vec<String>,
    /// With the compose file as it was before the operation.
    project: Option<(Project, String)>,
    /// The operation to go back from.
    to_undo: Option<String>,
    swarm: Option<Swarm>,
}

impl Subject {
    /// Starts the version of before, with data.
    pub(crate) fn start(run: &Run, stack: &Stack, way: Way, name: &str, versions: &Versions) -> anyhow::Result<Self> {
        let engine = run.engine.clone();
        let mut subject = Self { engine, way, names: vec![name.to_owned()], project: None, to_undo: None, swarm: None };
        if way == Way::Swarm {
            subject.swarm = Some(Swarm::start(run, name, &versions.old_image())?);
            return Ok(subject);
        }
        if way == Way::Run {
            let (label, volume) = (run.label(), format!("{name}-data"));
            run.engine.docker(&["volume", "create", "--label", &label, &volume])?;
            let (mount, image) = (format!("{volume}:/data"), versions.old_image());
            let mut command = vec!["run", "-d", "--name", name, "--label", &label, "-v", &mount, &image];
            command.extend(COMMAND);
            run.engine.docker(&command)?;
        } else {
            let services: &[&str] = if way == Way::Batch { &["cache", "store"] } else { &["store"] };
            let project = Project::up(run, name, &compose(&versions.old_image(), services))?;
            subject.names = services.iter().map(|service| project.container(service)).collect::<Result<_, _>>()?;
            let file = project.file("compose.yaml")?;
            subject.project = Some((project, file));
        }
        for name in &subject.names {
            subject.redis(name, &["set", "colour", "green"])?;
        }
        if way == Way::Rollback {
            let updated = stack.update(subject.name(), Some(&versions.new))?;
            subject.to_undo = updated["operation_id"].as_str().map(str::to_owned);
            subject.redis(subject.name(), &["set", "colour", "blue"])?;
            // The append-only file is written once a second.
            subject.redis(subject.name(), &["save"])?;
        }
        Ok(subject)
    }

    /// Begins the operation and returns its id.
    pub(crate) fn begin(&self, stack: &Stack, versions: &Versions) -> anyhow::Result<String> {
        let (path, body) = match (self.way, &self.to_undo) {
            (Way::Rollback, Some(operation)) => ("/api/rollback", json!({ "operation_id": operation })),
            (Way::Batch, _) => {
                let item = |name: &String| json!({ "name": name, "target_version": versions.new });
                ("/api/update/batch", json!({ "containers": self.names.iter().map(item).collect::<Vec<_>>() }))
            }
            _ => return stack.start_update(self.name(), Some(&versions.new)),
        };
        let answer = stack.post(path, &body)?;
        let id = answer["operation_id"].as_str().or(answer["operations"][0]["operation_id"].as_str());
        Ok(id.with_context(|| format!("no operation_id in {answer}"))?.to_owned())
    }

    /// Name of the container at whose steps somebody dies.
    pub(crate) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Names of all of its containers.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The version and the data that belong together: before the operation, or after its success.
    fn expected<'a>(&self, versions: &'a Versions, went_forward: bool) -> (&'a str, &'static str) {
        match (self.way, went_forward) {
            (Way::Rollback, true) => (&versions.old, "green"),
            (Way::Rollback, false) => (&versions.new, "blue"),
            (_, true) => (&versions.new, "green"),
            (_, false) => (&versions.old, "green"),
        }
    }

    /// Of every container: image and data belong to one version, and that version runs. Returns those versions.
    pub(crate) fn check_versions<'a>(
        &self,
        versions: &'a Versions,
        went_forward: impl Fn(&str) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Vec<&'a str>> {
        let mut running = Vec::new();
        for name in &self.names {
            let (version, colour) = self.expected(versions, went_forward(name)?);
            let image = format!("{}:{version}", versions.repository);
            running.push(version);
            if let Some(swarm) = &self.swarm {
                swarm.check(&image)?;
                continue;
            }
            let server = self.redis(name, &["info", "server"])?;
            ensure!(server.contains(&format!("redis_version:{version}")), "{name} is not {version}:\n{server}");
            let found = self.redis(name, &["get", "colour"])?;
            ensure!(found == colour, "{name} runs {version} with the data of another version: {found}");
            let inspect = self.engine.inspect(name)?;
            ensure!(inspect["Config"]["Image"] == image.as_str(), "{}", inspect["Config"]["Image"]);
        }
        Ok(running)
    }

    /// Runs `redis-cli` in a container, as soon as it answers.
    fn redis(&self, name: &str, arguments: &[&str]) -> anyhow::Result<String> {
        until_ok("redis answers", Duration::from_secs(30), || {
            let mut command = vec!["exec", name, "redis-cli"];
            command.extend(arguments);
            self.engine.docker(&command)
        })
    }

    /// Starts them as a person would whose engine died.
    pub(crate) fn start_again(&self) -> Outcome {
        self.names.iter().try_for_each(|name| self.engine.docker(&["start", name]).map(drop))
    }

    /// The compose file, if there is one, names the versions and is otherwise untouched. `running` is the version of
    /// each container, in their order.
    pub(crate) fn check_file(&self, versions: &Versions, running: &[&str]) -> Outcome {
        let Some((project, before)) = &self.project else { return Ok(()) };
        let file = project.file("compose.yaml")?;
        let mut running = running.iter();
        let lines: Vec<String> = before
            .lines()
            .map(|line| {
                if line.trim_start().starts_with("image:") {
                    line.replace(&versions.old, running.next().unwrap_or(&""))
                } else {
                    line.to_owned()
                }
            })
            .collect();
        ensure!(file.lines().eq(lines.iter().map(String::as_str)), "the file became\n{file}");
        Ok(())
    }

    /// They are the only containers of their kind.
    pub(crate) fn check_alone(&self) -> Outcome {
        if self.swarm.is_some() {
            // Its tasks are the manager's; that one of them runs has been seen.
            return Ok(());
        }
        let filter = match &self.project {
            Some((project, _)) => format!("label=com.docker.compose.project={}", project.name),
            // Replacements and containers set aside have names that begin like this one's.
            None => format!("name={}", self.name()),
        };
        let mut containers = self.engine.containers(&filter)?;
        containers.sort();
        let mut names = self.names.clone();
        names.sort();
        ensure!(containers == names, "{containers:?}");
        Ok(())
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.way == Way::Run
            && let Err(error) = self.engine.docker(&["rm", "-f", self.name()])
        {
            eprintln!("left behind: {}: {error:#}", self.name());
        }
    }
}

fn compose(image: &str, services: &[&str]) -> String {
    let service = |name: &&str| {
        format!(
            "  {name}:\n    image: {image}\n    command: {COMMAND:?}\n    labels: [\"{{label}}\"]\n    volumes:\n      - \
             {name}:/data\n"
        )
    };
    let volume = |name: &&str| format!("  {name}:\n    labels: [\"{{label}}\"]\n");
    let text = |part: &dyn Fn(&&str) -> String| services.iter().map(part).collect::<String>();
    format!("services:\n{}volumes:\n{}", text(&service), text(&volume))
}
