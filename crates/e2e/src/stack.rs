//! Homeport's processes, each started from the shipped binary, and an HTTP client that is logged in.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail};
use reqwest::{Method, blocking::Client};
use serde_json::{Value, json};

use crate::{
    Run,
    engine::printed,
    free_port,
    run::{root, variable},
    until, until_ok,
};

/// The services in the order they start.
pub const SERVICES: [&str; 5] = ["bus", "auth", "docker-agent", "updater", "gateway"];

/// Password of the administrator.
pub const PASSWORD: &str = "correct horse battery";

/// All of Homeport's processes over one state directory.
#[derive(Debug)]
pub struct Stack {
    directory: PathBuf,
    host: String,
    settings: Vec<(String, String)>,
    address: String,
    processes: Mutex<BTreeMap<&'static str, Child>>,
    http: Client,
    token: Mutex<String>,
}

impl Stack {
    /// Starts every service, waits until all are healthy, and logs in. `settings` are environment variables.
    pub fn start(run: &Run, name: &str, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::over(&run.directory.join(name), run.engine.host(), settings)
    }

    /// The same in a directory, over an engine at `host`, a `DOCKER_HOST`.
    pub fn over(directory: &Path, host: &str, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let stack = Self {
            directory: directory.to_owned(),
            host: host.to_owned(),
            settings: settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            address: format!("127.0.0.1:{}", free_port()?),
            processes: Mutex::default(),
            http: Client::builder().timeout(Duration::from_mins(2)).build()?,
            token: Mutex::default(),
        };
        std::fs::create_dir_all(stack.directory.join("configs/base"))?;
        for service in SERVICES {
            stack.start_service(service)?;
        }
        stack.wait_until_healthy()?;
        stack.log_in()?;
        Ok(stack)
    }

    /// Starts one service, or again after it was killed.
    pub fn start_service(&self, service: &'static str) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.directory.join(format!("{service}.log")))?;
        let mut command = self.program(match service {
            "auth" => "homeport-auth",
            "bus" => "homeport-bus",
            _ => "homeport",
        });
        command.args(["run", service]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if matches!(service, "updater" | "docker-agent") {
            // As `compose.yaml` has it.
            command.env("MALLOC_ARENA_MAX", "1");
        }
        let child = command.spawn().with_context(|| format!("cannot start {service}"))?;
        if let Some(mut old) = self.children().insert(service, child) {
            drop(old.kill());
            old.wait()?;
        }
        Ok(())
    }

    /// Kills a service without warning and collects it.
    pub fn kill(&self, service: &str) -> anyhow::Result<()> {
        let mut child = self.children().remove(service).with_context(|| format!("{service} does not run"))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks a service to stop, and waits until it has.
    pub fn stop(&self, service: &str) -> anyhow::Result<()> {
        let mut child = self.children().remove(service).with_context(|| format!("{service} does not run"))?;
        ask_to_end(&child);
        ended(&mut child).with_context(|| format!("stopping {service}"))
    }

    /// The process of a service, if it runs.
    pub fn process_id(&self, service: &str) -> Option<u32> {
        self.children().get(service).map(Child::id)
    }

    /// Waits until every service says that it serves.
    pub fn wait_until_healthy(&self) -> anyhow::Result<()> {
        SERVICES.iter().try_for_each(|service| {
            until_ok(&format!("{service} is healthy"), Duration::from_secs(20), || self.cli(&["healthcheck", service]))
                .map(drop)
        })
    }

    /// The shipped binary, with this stack's settings.
    pub fn homeport(&self) -> Command {
        self.program("homeport")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(binary(name));
        command
            .env("HOMEPORT_STATE", self.directory.join("state"))
            .env("HOMEPORT_CONFIGS", self.directory.join("configs"))
            .env("HOMEPORT_HTTP", &self.address)
            .env("HOMEPORT_URL", self.url())
            .env("HOMEPORT_ADMIN_PASSWORD", PASSWORD)
            .env("HOMEPORT_TOKEN", self.token())
            .env("DOCKER_HOST", &self.host)
            .envs(self.settings.iter().cloned());
        command
    }

    /// Runs a command of the CLI and returns what it printed.
    pub fn cli(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.homeport().args(arguments).output().context("cannot run homeport")?;
        printed(&output).with_context(|| format!("homeport {}", arguments.join(" ")))
    }

    /// `http://` and the gateway's address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The stack's directory, with its state, settings and logs.
    pub const fn directory(&self) -> &PathBuf {
        &self.directory
    }

    /// A valid token.
    pub fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a request with the token and returns status and body.
    pub fn request(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.url())).bearer_auth(self.token());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send()?;
        let status = response.status().as_u16();
        let text = response.text()?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// `data` of a successful GET.
    pub fn get(&self, path: &str) -> anyhow::Result<Value> {
        data(path, self.request(Method::GET, path, None)?)
    }

    /// `data` of a successful POST.
    pub fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        data(path, self.request(Method::POST, path, Some(body))?)
    }

    /// Starts an update and returns the operation's id.
    pub fn start_update(&self, container: &str, version: Option<&str>) -> anyhow::Result<String> {
        let mut body = json!({"container_name": container});
        if let Some(version) = version {
            body["target_version"] = version.into();
        }
        let answer = self.post("/api/update", &body)?;
        Ok(answer["operation_id"].as_str().context("no operation_id in the answer")?.to_owned())
    }

    /// Whether an operation has ended.
    pub fn has_ended(&self, operation: &str) -> anyhow::Result<bool> {
        let operation = self.get(&format!("/api/operations/{operation}"))?;
        Ok(matches!(operation["status"].as_str(), Some("complete" | "failed")))
    }

    /// Waits for the end of an operation and returns it.
    pub fn wait_for(&self, operation: &str, limit: Duration) -> anyhow::Result<Value> {
        until_ok(&format!("operation {operation} ends"), limit, || {
            let operation = self.get(&format!("/api/operations/{operation}"))?;
            match operation["status"].as_str() {
                Some("complete" | "failed") => Ok(operation),
                other => bail!("it is {other:?}"),
            }
        })
    }

    /// Updates a container and expects success.
    pub fn update(&self, container: &str, version: Option<&str>) -> anyhow::Result<Value> {
        let operation = self.wait_for(&self.start_update(container, version)?, Duration::from_mins(2))?;
        anyhow::ensure!(operation["status"] == "complete", "the update failed: {operation:#}");
        Ok(operation)
    }

    fn log_in(&self) -> anyhow::Result<()> {
        let body = json!({"username": "admin", "password": PASSWORD});
        let (status, answer) = self.request(Method::POST, "/auth/login", Some(&body))?;
        let token = answer["token"].as_str().with_context(|| format!("login answered {status} {answer}"))?;
        token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn children(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Child>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mut children = self.children();
        for child in children.values() {
            ask_to_end(child);
        }
        for child in children.values_mut() {
            drop(ended(child));
        }
    }
}

fn ask_to_end(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // One that has ended already needs no signal.
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
    }
}

/// Waits until a process has ended; one that does not is killed, and that is an error.
fn ended(child: &mut Child) -> anyhow::Result<()> {
    let in_time = until("it ends", Duration::from_secs(12), || matches!(child.try_wait(), Ok(Some(_))));
    if in_time.is_err() {
        child.kill()?;
    }
    child.wait()?;
    in_time
}

fn data(path: &str, (status, mut body): (u16, Value)) -> anyhow::Result<Value> {
    anyhow::ensure!(status == 200, "{path} answered {status}: {body}");
    Ok(body["data"].take())
}

/// A shipped binary: from `HOMEPORT_TEST_BINARIES`, else from the profile directory that this program runs from.
pub fn binary(name: &str) -> PathBuf {
    if let Some(directory) = variable("HOMEPORT_TEST_BINARIES") {
        return PathBuf::from(directory).join(name);
    }
    let own = std::env::current_exe().unwrap_or_default();
    let profile = own.ancestors().nth(2).map_or_else(|| root().join("target/release"), PathBuf::from);
    profile.join(name)
}
