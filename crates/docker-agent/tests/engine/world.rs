//! A docker-agent of its own for each test, and the engine's own command line beside it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use homeport_proto::docker::v1::{
    Container, GetContainerRequest, compose_service_client::ComposeServiceClient,
    container_service_client::ContainerServiceClient, image_service_client::ImageServiceClient,
    observe_service_client::ObserveServiceClient, plugin_service_client::PluginServiceClient,
    rehearsal_service_client::RehearsalServiceClient, snapshot_service_client::SnapshotServiceClient,
    stack_file_service_client::StackFileServiceClient, upkeep_service_client::UpkeepServiceClient,
};
use homeport_service::{
    Context, Paths,
    config::Environment,
    rpc::{Client, MAX_MESSAGE_BYTES, connect},
};
use tokio_util::sync::CancellationToken;
use tonic::Request;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_homeport-docker-agent");
pub(crate) const OLD: &str = "127.0.0.1:5000/nginx:1.22.1";
pub(crate) const NEW: &str = "127.0.0.1:5000/nginx:1.26.3";

/// What a test works in.
pub(crate) struct World {
    /// In every name and in the label `homeport.test`.
    pub(crate) id: String,
    pub(crate) directory: tempfile::TempDir,
    client: Client,
    drain: CancellationToken,
}

impl World {
    /// Starts a docker-agent.
    pub(crate) fn new() -> Self {
        Self::with_settings(&[])
    }

    /// Starts one with settings of its own.
    pub(crate) fn with_settings(settings: &[(&'static str, &str)]) -> Self {
        let (id, directory) = place();
        let context = context(&id, &directory, settings);
        let client = connect(&context.socket());
        let drain = context.drain().clone();
        let served = context.clone();
        context.spawn("docker-agent", async move { homeport_docker_agent::run(served).await.unwrap() });
        let begin = std::time::Instant::now();
        while !context.socket().exists() {
            assert!(begin.elapsed().as_secs() < 10, "docker-agent did not start");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Self { id, directory, client, drain }
    }

    /// Without a docker-agent: the test runs it as a process.
    pub(crate) fn with_process() -> (Self, Command) {
        let (id, directory) = place();
        let context = context(&id, &directory, &[]);
        let mut command = Command::new(PROGRAM);
        command.envs(variables(&id, &directory.path().join("stacks")));
        command.env("HOMEPORT_STATE", &context.paths().state).env("HOMEPORT_CONFIGS", &context.paths().configs);
        (Self { id, client: connect(&context.socket()), directory, drain: context.drain().clone() }, command)
    }

    pub(crate) fn containers(&self) -> ContainerServiceClient<Client> {
        ContainerServiceClient::new(self.client.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn images(&self) -> ImageServiceClient<Client> {
        ImageServiceClient::new(self.client.clone())
    }

    pub(crate) fn compose(&self) -> ComposeServiceClient<Client> {
        ComposeServiceClient::new(self.client.clone())
    }

    pub(crate) fn files(&self) -> StackFileServiceClient<Client> {
        StackFileServiceClient::new(self.client.clone())
    }

    pub(crate) fn snapshots(&self) -> SnapshotServiceClient<Client> {
        SnapshotServiceClient::new(self.client.clone())
    }

    pub(crate) fn rehearsals(&self) -> RehearsalServiceClient<Client> {
        RehearsalServiceClient::new(self.client.clone())
    }

    pub(crate) fn observe(&self) -> ObserveServiceClient<Client> {
        ObserveServiceClient::new(self.client.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn plugins(&self) -> PluginServiceClient<Client> {
        PluginServiceClient::new(self.client.clone())
    }

    pub(crate) fn upkeep(&self) -> UpkeepServiceClient<Client> {
        UpkeepServiceClient::new(self.client.clone())
    }

    /// A name that only this test has.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.id)
    }

    /// The label of everything that is this test's.
    pub(crate) fn label(&self) -> String {
        format!("homeport.test={}", self.id)
    }

    /// `docker run` with further words, under a name of this test; gives the container's id.
    pub(crate) fn run(&self, name: &str, words: &[&str]) -> String {
        let (name, label) = (self.name(name), self.label());
        docker(&[&["run", "--detach", "--name", &name, "--label", &label], words].concat())
    }

    pub(crate) async fn container(&self, reference: &str) -> Container {
        let request = patient(GetContainerRequest { container: reference.to_owned() });
        self.containers().get_container(request).await.unwrap().into_inner().container.unwrap()
    }

    /// The directory in which stacks may be.
    pub(crate) fn stacks(&self) -> PathBuf {
        self.directory.path().join("stacks")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.drain.cancel();
        let filter = format!("label={}", self.label());
        // A volume without a name that was handed from one container to the next goes with neither.
        let volumes = "{{range .Mounts}}{{if eq .Type \"volume\"}}{{.Name}} {{end}}{{end}}";
        let containers = try_docker(&["ps", "-aq", "--filter", &filter]).unwrap_or_default();
        let containers: Vec<&str> = containers.split_whitespace().collect();
        let volumes = try_docker(&[&["inspect", "--format", volumes], &containers[..]].concat()).unwrap_or_default();
        for (list, remove) in [
            (vec!["ps", "-aq"], vec!["rm", "-f", "-v"]),
            (vec!["volume", "ls", "-q"], vec!["volume", "rm", "-f"]),
            (vec!["network", "ls", "-q"], vec!["network", "rm"]),
        ] {
            let found = try_docker(&[&list[..], &["--filter", &filter]].concat()).unwrap_or_default();
            let found: Vec<&str> = found.split_whitespace().collect();
            if !found.is_empty() {
                drop(try_docker(&[&remove[..], &found].concat()));
            }
        }
        for volume in volumes.split_whitespace() {
            drop(try_docker(&["volume", "rm", "-f", volume]));
        }
    }
}

/// A call that may take as long as the slowest thing that an engine does.
pub(crate) fn patient<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(std::time::Duration::from_secs(120));
    request
}

/// What the engine's own command line prints; anything but success fails the test.
pub(crate) fn docker(words: &[&str]) -> String {
    try_docker(words).unwrap_or_else(|error| panic!("docker {}: {error}", words.join(" ")))
}

pub(crate) fn try_docker(words: &[&str]) -> Result<String, String> {
    match docker_at("docker", words) {
        // A command line newer than the engine does not ask an old engine for a MAC address; the system's own does.
        Err(error) if error.contains("requires API version") => docker_at("/usr/bin/docker", words),
        result => result,
    }
}

fn docker_at(program: &str, words: &[&str]) -> Result<String, String> {
    let output = Command::new(program).env("DOCKER_HOST", engine()).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// The engine's address.
pub(crate) fn engine() -> String {
    let environment = Environment::of_process();
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    environment
        .get("DOCKER_HOST")
        .map_or_else(|| format!("unix://{workspace}/target/engine/docker.sock"), str::to_owned)
}

fn place() -> (String, tempfile::TempDir) {
    let id = format!("hp{}", &uuid::Uuid::new_v4().simple().to_string()[..10]);
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("stacks")).unwrap();
    (id, directory)
}

fn context(id: &str, directory: &tempfile::TempDir, settings: &[(&'static str, &str)]) -> Context {
    let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
    let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let environment = variables(id, &directory.path().join("stacks")).into_iter().chain(settings).collect();
    Context::new("docker-agent", paths, environment, CancellationToken::new())
}

fn variables(id: &str, stacks: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("DOCKER_HOST", engine()),
        ("PATH", Environment::of_process().get("PATH").unwrap_or_default().to_owned()),
        ("HOMEPORT_STACKS", stacks.display().to_string()),
        ("HOMEPORT_DOCKER_AGENT__HELPER__EXECUTABLE", PROGRAM.to_owned()),
        ("HOMEPORT_DOCKER_AGENT__HELPER__INSTANCE", id.to_owned()),
    ]
}
