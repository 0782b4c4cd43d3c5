//! Homeport updates itself: all of its containers at once, and back by itself when the new version does not serve or
//! somebody dies on the way.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use homeport_e2e::{Outcome, is_nightly, root, until, until_ok};
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::World;

/// Where the images are, on the registry of the fixtures.
const REGISTRY: &str = "127.0.0.1:5000/homeport";
const IMAGES: [&str; 5] = ["homeport", "auth", "bus", "updater", "docker-agent"];
/// Two that serve, and one whose updater refuses its settings.
const VERSIONS: [&str; 2] = ["1.0.0", "1.0.1"];
const BROKEN: &str = "1.0.2";
const PARTS: [&str; 6] = ["init", "bus", "auth", "docker-agent", "updater", "gateway"];
/// A swap waits twice for the checks of five containers, which come every ten seconds.
const LIMIT: Duration = Duration::from_mins(4);

/// The steps of the container beside the stack, as its log names them.
const STEPS: [&str; 10] =
    ["validate", "keep_images", "tag", "create", "edit", "stop", "copy", "swap", "health", "tidy"];
const VICTIMS: [&str; 4] = ["self-update", "updater", "docker-agent", "engine"];
/// What is tried by day: in the middle of the swap, and when there is no way back any more.
const DAILY: [(&str, &str); 3] = [("self-update", "swap"), ("engine", "health"), ("docker-agent", "stop")];

/// Homeport from images of a registry, with the compose file among the stacks, as somebody has it who never built it.
struct Installed<'a> {
    world: &'a World,
    directory: PathBuf,
    token: String,
}

impl<'a> Installed<'a> {
    fn up(world: &'a World) -> anyhow::Result<Self> {
        world.installation.xtask("down")?;
        publish(world)?;
        let directory = world.installation.stacks().join("homeport");
        std::fs::create_dir_all(&directory)?;
        std::fs::copy(root().join("compose/compose.yaml"), directory.join("compose.yaml"))?;
        std::fs::write(directory.join(".env"), environment(world, VERSIONS[0]))?;
        let mut installed = Self { world, directory, token: String::new() };
        installed.compose(&["up", "--detach", "--no-build"])?;
        installed.wait_until_healthy()?;
        installed.token = world.installation.sign_in()?;
        Ok(installed)
    }

    fn compose(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.world.run.engine.command();
        command.current_dir(&self.directory).arg("compose").args(arguments).env("HOME", "/root");
        let output = command.output().context("cannot run docker compose")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn wait_until_healthy(&self) -> Outcome {
        until("Homeport serves", Duration::from_mins(1), || {
            let url = format!("{}/healthz", self.world.installation.url());
            Client::new().get(url).send().is_ok_and(|answer| answer.status() == 200)
        })
    }

    /// Asks for the update of one part to a version; returns the operation's id.
    fn update(&self, version: &str) -> anyhow::Result<String> {
        let body = json!({"container_name": "homeport-gateway-1", "target_version": version});
        self.post("/api/update", &body)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<String> {
        // Right after a swap the bus and the others may still be finding each other.
        until_ok("the request is taken", Duration::from_secs(30), || {
            let url = format!("{}{path}", self.world.installation.url());
            let answer: Value = Client::new().post(url).bearer_auth(&self.token).json(body).send()?.json()?;
            let id = answer["data"]["operation_id"].as_str();
            Ok(id.with_context(|| format!("{path} answered {answer}"))?.to_owned())
        })
    }

    /// Polls as the web interface does, which tolerates that nobody answers for a while.
    fn ended(&self, operation: &str) -> anyhow::Result<Value> {
        until_ok("the operation ends", LIMIT, || {
            let url = format!("{}/api/operations/{operation}", self.world.installation.url());
            let answer: Value = Client::new().get(url).bearer_auth(&self.token).send()?.json()?;
            match answer["data"]["status"].as_str() {
                Some("complete" | "failed") => Ok(answer["data"].clone()),
                other => bail!("it is {other:?}"),
            }
        })
    }

    /// Everything is of one version, and nothing else is there.
    fn check(&self, version: &str) -> Outcome {
        let engine = &self.world.run.engine;
        let mut expected: BTreeSet<String> = BTreeSet::new();
        for part in PARTS {
            let name = format!("homeport-{part}-1");
            let inspect = engine.inspect(&name)?;
            let image = inspect["Config"]["Image"].as_str().unwrap_or_default();
            ensure!(image.ends_with(&format!(":{version}")), "{part} runs {image} and not {version}");
            ensure!(part == "init" || inspect["State"]["Running"] == true, "{part} does not run");
            expected.insert(name);
        }
        // What carried it out goes when its result has been read.
        until_ok("nothing is left over", Duration::from_secs(30), || {
            let found: BTreeSet<String> = engine.containers("name=homeport")?.into_iter().collect();
            let found: BTreeSet<String> =
                found.into_iter().filter(|name| !name.starts_with("homeport-helper-")).collect();
            ensure!(found == expected, "{found:?}");
            Ok(())
        })?;
        let file = std::fs::read_to_string(self.directory.join(".env"))?;
        ensure!(file == environment(self.world, version), "the file became\n{file}");
        let snapshots = engine.docker(&["volume", "ls", "-q", "--filter", "label=homeport.container=homeport"])?;
        ensure!(snapshots.is_empty(), "copies are left over: {snapshots}");
        Ok(())
    }
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.compose(&["down", "--timeout", "5"]) {
            eprintln!("left behind: the stack: {error:#}");
        }
    }
}

fn environment(world: &World, version: &str) -> String {
    let installation = &world.installation;
    let values: BTreeMap<&str, String> = [
        ("HOMEPORT_HTTP", installation.url().replace("http://", "")),
        ("HOMEPORT_STATE", installation.state().display().to_string()),
        ("HOMEPORT_CONFIGS", installation.state().with_file_name("configs").display().to_string()),
        ("HOMEPORT_STACKS", installation.stacks().display().to_string()),
        ("HOMEPORT_DOCKER_SOCKET", world.run.engine.host().replace("unix://", "")),
        ("HOMEPORT_UPDATER_NETWORK", "host".to_owned()),
        ("HOMEPORT_IMAGES", REGISTRY.to_owned()),
        ("HOMEPORT_PULL_POLICY", "missing".to_owned()),
        ("DOCKER_CONFIG", installation.state().with_file_name("docker-config").display().to_string()),
    ]
    .into();
    let lines: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let lines = lines.join("\n");
    format!("# Homeport from a registry\n{lines}\nHOMEPORT_VERSION={version} # changed by Homeport itself\n")
}

/// Puts the images into the registry: what was built here, under several versions.
fn publish(world: &World) -> Outcome {
    for image in IMAGES {
        for version in VERSIONS.into_iter().chain([BROKEN]) {
            let broken = if version == BROKEN { "ENV HOMEPORT_UPDATER__NONSENSE__KEY=1\n" } else { "" };
            let text =
                format!("FROM homeport/{image}:local\nLABEL org.opencontainers.image.version={version}\n{broken}");
            let tag = format!("{REGISTRY}/{image}:{version}");
            let mut command = world.run.engine.command();
            command.args(["build", "--quiet", "--tag", &tag, "-"]).env("DOCKER_BUILDKIT", "0");
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
            std::io::Write::write_all(&mut child.stdin.take().context("stdin is piped")?, text.as_bytes())?;
            ensure!(child.wait()?.success(), "docker build of {tag} failed");
            world.run.engine.docker(&["push", "--quiet", &tag])?;
            // A version that is not here yet is one that has to be fetched.
            if version != VERSIONS[0] {
                world.run.engine.docker(&["rmi", &tag])?;
            }
        }
    }
    Ok(())
}

pub fn it_goes_forward_and_back_as_a_whole(world: &World) -> Outcome {
    let installed = Installed::up(world)?;
    let there = installed.ended(&installed.update(VERSIONS[1])?)?;
    ensure!(there["status"] == "complete", "{there:#}");
    let said = there["error_message"].as_str().unwrap_or_default();
    ensure!(said.contains("Self-update completed successfully"), "{there:#}");
    installed.check(VERSIONS[1])?;

    let broken = installed.ended(&installed.update(BROKEN)?)?;
    ensure!(broken["status"] == "failed" && broken["rollback_occurred"] == true, "{broken:#}");
    installed.check(VERSIONS[1])?;

    let id = there["operation_id"].as_str().context("an operation has an id")?;
    let back = installed.ended(&installed.post("/api/rollback", &json!({"operation_id": id}))?)?;
    ensure!(back["status"] == "complete" && back["operation_type"] == "rollback", "{back:#}");
    installed.check(VERSIONS[0])
}

pub fn whoever_dies_it_ends_in_one_version(world: &World) -> Outcome {
    let installed = Installed::up(world)?;
    let mut version = VERSIONS[0];
    let all = VICTIMS.iter().flat_map(|victim| STEPS.iter().map(|step| (*victim, *step)));
    let crashes: Vec<(&str, &str)> = if is_nightly() { all.collect() } else { DAILY.to_vec() };
    for (victim, step) in crashes {
        let target = if version == VERSIONS[0] { VERSIONS[1] } else { VERSIONS[0] };
        let crash = || -> anyhow::Result<Value> {
            let operation = installed.update(target)?;
            installed.wait_for_step(&operation, step)?;
            installed.strike(&operation, victim)?;
            installed.ended(&operation)
        };
        let ended = crash().with_context(|| format!("{victim} killed in {step}"))?;
        let is_new = ended["status"] == "complete";
        version = if is_new { target } else { version };
        installed.check(version).with_context(|| format!("{victim} killed in {step}: {ended:#}"))?;
        ensure!(is_new || ended["rollback_occurred"] == true, "{victim} killed in {step}: {ended:#}");
        eprintln!("{victim} killed in {step}: {}", if is_new { "forward" } else { "back" });
    }
    Ok(())
}

impl Installed<'_> {
    fn helper(operation: &str) -> String {
        format!("homeport-self-update-{}", &operation[..8])
    }

    /// Waits until the container beside the stack has begun a step.
    fn wait_for_step(&self, operation: &str, step: &str) -> Outcome {
        let begun = format!("Begun(\"{step}\")");
        until(&format!("{step} begins"), Duration::from_mins(2), || {
            let mut command = self.world.run.engine.command();
            let output = command.args(["logs", &Self::helper(operation)]).output();
            output.is_ok_and(|output| {
                let said =
                    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
                said.replace('\\', "").contains(&begun)
            })
        })
    }

    /// Kills a process without warning. One that does not run at this moment cannot be killed.
    fn strike(&self, operation: &str, victim: &str) -> Outcome {
        let engine = &self.world.run.engine;
        let name = match victim {
            "engine" => {
                engine.kill()?;
                return engine.start();
            }
            "self-update" => Self::helper(operation),
            part => format!("homeport-{part}-1"),
        };
        let Ok(inspect) = engine.inspect(&name) else { return Ok(()) };
        let pid = inspect["State"]["Pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.filter(|pid| *pid > 0).and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself since.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
        Ok(())
    }
}
