//! Compose services brought up, and the files that they come from.

use std::{path::PathBuf, process::Command};

use homeport_proto::docker::v1::{
    ComposeProject, Container, ContainerState, GetProjectRequest, ListContainersRequest, ReadFileRequest,
    UpServiceRequest, WriteFileRequest, up_service_request::Guard,
};
use serde_json::Value;
use tonic::{Code, Status};

use crate::world::{World, docker, engine, patient};

const FILE: &str = "services:
  web:
    image: 127.0.0.1:5000/nginx:1.22.1 # the web
    stop_grace_period: 1s
    volumes: [/data]
    labels: {homeport.test: ID}
  other:
    image: 127.0.0.1:5000/redis:7.0.15
    labels: {homeport.test: ID}
networks:
  default:
    labels: {homeport.test: ID}
";

/// A stack of this test, and the text of its file.
pub(crate) struct Stack {
    pub(crate) project: ComposeProject,
    file: PathBuf,
    text: String,
}

impl Stack {
    pub(crate) fn new(world: &World, text: &str) -> Self {
        let directory = world.stacks().canonicalize().unwrap().join("web");
        std::fs::create_dir_all(&directory).unwrap();
        let (file, text) = (directory.join("compose.yaml"), text.replace("ID", &world.id));
        std::fs::write(&file, &text).unwrap();
        let project = ComposeProject {
            name: world.id.clone(),
            config_files: vec![file.display().to_string()],
            working_dir: directory.display().to_string(),
            environment_files: vec![],
        };
        Self { project, file, text }
    }

    /// As a person does it.
    pub(crate) fn compose(&self, words: &[&str]) {
        self.compose_with(&[], words);
    }

    /// The same with variables in the person's shell.
    fn compose_with(&self, variables: &[(&str, &str)], words: &[&str]) {
        let output = Command::new("docker")
            .args(["compose", "--project-name", &self.project.name, "--file", &self.project.config_files[0]])
            .args(words)
            .env("DOCKER_HOST", engine())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn change(&self, from: &str, to: &str) {
        std::fs::write(&self.file, self.text.replace(from, to)).unwrap();
    }

    pub(crate) async fn up(&self, world: &World) -> Result<String, Status> {
        let request =
            UpServiceRequest { project: Some(self.project.clone()), service: "web".to_owned(), ..Default::default() };
        Ok(world.compose().up_service(patient(request)).await?.into_inner().output)
    }

    pub(crate) async fn containers(&self, world: &World, service: &str) -> Vec<Container> {
        let labels =
            [("com.docker.compose.project", self.project.name.as_str()), ("com.docker.compose.service", service)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let request = ListContainersRequest { all: true, labels };
        world.containers().list_containers(patient(request)).await.unwrap().into_inner().containers
    }
}

pub(crate) fn stack(world: &World) -> Stack {
    Stack::new(world, FILE)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_gets_its_new_version_and_keeps_its_data() {
    let world = World::new();
    let stack = stack(&world);
    stack.compose(&["up", "--detach"]);
    let [old] = stack.containers(&world, "web").await.try_into().unwrap();
    let [other] = stack.containers(&world, "other").await.try_into().unwrap();
    stack.change("1.22.1", "1.26.3");
    stack.up(&world).await.unwrap();
    let [new] = stack.containers(&world, "web").await.try_into().unwrap();
    assert!(new.image.ends_with("1.26.3") && new.id != old.id && new.name == old.name);
    assert_eq!(new.state(), ContainerState::Running);
    let volume = |container: &Container| container.mounts[0].source.clone();
    assert_eq!(volume(&new), volume(&old));
    assert_eq!(stack.containers(&world, "other").await[0].id, other.id, "its neighbour is left alone");
    stack.up(&world).await.unwrap();
    assert_eq!(stack.containers(&world, "web").await[0].id, new.id, "nothing to do");
}

/// What compose could lose, one line each.
const SEEDED: &str = "services:
  web:
    image: 127.0.0.1:5000/nginx:1.22.1
    stop_grace_period: 1s
    mac_address: 02:42:ac:11:77:01
    devices: [/dev/null:/dev/seeded]
    volumes: [./:/seeded:ro]
    labels: {homeport.test: ID}
networks:
  default:
    labels: {homeport.test: ID}
";

#[tokio::test(flavor = "multi_thread")]
async fn s10_1_a_seeded_loss_is_found_while_the_old_container_runs() {
    let world = World::new();
    let stack = Stack::new(&world, SEEDED);
    stack.compose(&["up", "--detach"]);
    let [old] = stack.containers(&world, "web").await.try_into().unwrap();
    let guard = |expected: &[&str]| Guard {
        inspect_json: old.inspect_json.clone(),
        expected_fields: expected.iter().map(|field| (*field).to_owned()).collect(),
        image_id: String::new(),
    };
    let up = async |guard: Guard| {
        let (project, service, guards) = (Some(stack.project.clone()), "web".to_owned(), vec![guard]);
        let request = UpServiceRequest { project, service, guards, ..UpServiceRequest::default() };
        world.compose().up_service(patient(request)).await.unwrap().into_inner().differences
    };
    for (line, field) in [
        ("    volumes: [./:/seeded:ro]\n", "seeded"),
        ("    devices: [/dev/null:/dev/seeded]\n", "Devices"),
        ("ac:11:77:01\n", "MacAddress"),
    ] {
        stack.change(line, if field == "MacAddress" { "ac:11:77:02\n" } else { "" });
        let found = up(guard(&[])).await;
        let told = format!("{found:?}");
        assert!(!found.is_empty() && told.contains(field), "{line}: {told}");
        let [present] = stack.containers(&world, "web").await.try_into().unwrap();
        assert_eq!((&present.id, present.state()), (&old.id, ContainerState::Running), "{line}");
        assert_eq!(present.started_at, old.started_at, "{line}: it was not even stopped");
    }
    stack.change("1.22.1", "1.26.3");
    let wrong = Guard { image_id: "sha256:0".to_owned(), ..guard(&[]) };
    assert_eq!(up(wrong).await[0].field, "Image");
    assert_eq!(stack.containers(&world, "web").await[0].id, old.id);
    // Accepted, a loss is told and let pass; another image than the one that was fetched is not.
    let accepting = async |guard: Guard| {
        let (project, service, guards) = (Some(stack.project.clone()), "web".to_owned(), vec![guard]);
        let request =
            UpServiceRequest { project, service, guards, accept_differences: true, ..UpServiceRequest::default() };
        world.compose().up_service(patient(request)).await.unwrap().into_inner()
    };
    let wrong = Guard { image_id: "sha256:0".to_owned(), ..guard(&[]) };
    assert_eq!(accepting(wrong).await.differences[0].field, "Image");
    assert_eq!(stack.containers(&world, "web").await[0].id, old.id);
    stack.change("1.22.1\n    stop_grace_period: 1s", "1.26.3\n    stop_grace_period: 2s");
    let refused = up(guard(&[])).await;
    assert_eq!((refused.len(), refused[0].field.as_str()), (1, "Config.StopTimeout"), "{refused:?}");
    let passed = accepting(guard(&[])).await;
    assert!(passed.differences.is_empty());
    assert_eq!(passed.accepted, refused, "it is known before the old container goes");
    let [new] = stack.containers(&world, "web").await.try_into().unwrap();
    assert!(new.id != old.id && new.image.ends_with("1.26.3") && new.name == old.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_1_what_a_service_waits_for_is_not_lost_with_its_old_container() {
    let world = World::new();
    // Beside it, what the shell of the person passed, and is set nowhere now.
    let more = "  web:\n    depends_on: [other]\n    environment: [HOMEPORT_PASSED]\n    hostname: shop\n";
    let stack = Stack::new(&world, &FILE.replace("  web:\n", more));
    stack.compose_with(&[("HOMEPORT_PASSED", "a=b")], &["up", "--detach"]);
    let [old] = stack.containers(&world, "web").await.try_into().unwrap();
    let [other] = stack.containers(&world, "other").await.try_into().unwrap();
    stack.change("1.22.1", "1.26.3");
    let guards = vec![Guard { inspect_json: old.inspect_json.clone(), ..Guard::default() }];
    let (project, service) = (Some(stack.project.clone()), "web".to_owned());
    let request = UpServiceRequest { project, service, guards, ..UpServiceRequest::default() };
    let brought = world.compose().up_service(patient(request)).await.unwrap().into_inner();
    assert!(brought.differences.is_empty(), "{:?}", brought.differences);
    let [new] = stack.containers(&world, "web").await.try_into().unwrap();
    let depends = |container: &Container| container.labels.get("com.docker.compose.depends_on").cloned();
    assert!(new.id != old.id && new.image.ends_with("1.26.3") && new.state() == ContainerState::Running);
    assert_eq!(depends(&new), depends(&old));
    assert!(depends(&old).is_some_and(|named| named.contains("other")));
    assert_eq!(stack.containers(&world, "other").await[0].id, other.id, "its neighbour is left alone");
    assert!(new.inspect_json.contains("\"HOMEPORT_PASSED=a=b\""), "{}", new.inspect_json);
    stack.compose_with(&[("HOMEPORT_PASSED", "a=b")], &["up", "--detach"]);
    assert_eq!(stack.containers(&world, "web").await[0].id, new.id, "compose finds nothing to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_can_be_made_without_being_started() {
    let world = World::new();
    let stack = stack(&world);
    stack.compose(&["up", "--detach", "web"]);
    let [old] = stack.containers(&world, "web").await.try_into().unwrap();
    docker(&["rm", "-f", "-v", &old.id]);
    let request = UpServiceRequest {
        project: Some(stack.project.clone()),
        service: "web".to_owned(),
        no_start: true,
        force_recreate: true,
        ..UpServiceRequest::default()
    };
    world.compose().up_service(patient(request)).await.unwrap();
    let [new] = stack.containers(&world, "web").await.try_into().unwrap();
    assert_eq!((new.state(), new.name.as_str()), (ContainerState::Created, old.name.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_a_profile_is_brought_up_alone() {
    let world = World::new();
    let text = FILE.replace("  web:\n", "  web:\n    profiles: [a]\n    depends_on: [other]\n");
    let stack = Stack::new(&world, &text.replace("  other:\n", "  other:\n    profiles: [b]\n"));
    stack.compose(&["--profile", "a", "--profile", "b", "up", "--detach"]);
    let [other] = stack.containers(&world, "other").await.try_into().unwrap();
    stack.change("1.22.1", "1.26.3");
    stack.up(&world).await.unwrap();
    let [new] = stack.containers(&world, "web").await.try_into().unwrap();
    assert!(new.image.ends_with("1.26.3") && new.state() == ContainerState::Running);
    assert_eq!(stack.containers(&world, "other").await[0].id, other.id, "its neighbour is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scaled_service_stays_scaled() {
    let world = World::new();
    let stack = stack(&world);
    stack.compose(&["up", "--detach", "--scale", "web=3", "web"]);
    stack.change("1.22.1", "1.26.3");
    stack.up(&world).await.unwrap();
    let containers = stack.containers(&world, "web").await;
    assert_eq!(containers.len(), 3);
    assert!(containers.iter().all(|one| one.image.ends_with("1.26.3") && one.state() == ContainerState::Running));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_interrupted_recreation_left_is_put_right() {
    let world = World::new();
    let stack = stack(&world);
    stack.compose(&["up", "--detach", "web"]);
    let [old] = stack.containers(&world, "web").await.try_into().unwrap();
    let labels = |container: &Container| {
        container
            .labels
            .iter()
            .flat_map(|(key, value)| ["--label".to_owned(), format!("{key}={value}")])
            .collect::<Vec<_>>()
    };
    let create = |name: &str, image: &str| {
        let labels = labels(&old);
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        docker(&[&["create", "--name", name], &labels[..], &[image]].concat())
    };
    // Killed between the creation of the new one and the removal of the old one.
    create(&format!("{}_{}", &old.id[..12], old.name), "127.0.0.1:5000/nginx:1.26.3");
    stack.up(&world).await.unwrap();
    let [still] = stack.containers(&world, "web").await.try_into().unwrap();
    assert_eq!(still.id, old.id);
    // Killed between the removal of the old one and the renaming of the new one.
    docker(&["rm", "-f", "-v", &old.id]);
    let only = create(&format!("{}_{}", &old.id[..12], old.name), "127.0.0.1:5000/nginx:1.22.1");
    stack.up(&world).await.unwrap();
    let [now] = stack.containers(&world, "web").await.try_into().unwrap();
    assert_eq!((now.name.as_str(), now.state()), (old.name.as_str(), ContainerState::Running), "{only}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_described() {
    let world = World::new();
    let stack = stack(&world);
    stack.compose(&["up", "--detach", "web"]);
    let request = || patient(GetProjectRequest { project: Some(stack.project.clone()) });
    let response = world.compose().get_project(request()).await.unwrap().into_inner();
    let config: Value = serde_json::from_str(&response.config_json).unwrap();
    assert_eq!(config["services"]["web"]["image"], "127.0.0.1:5000/nginx:1.22.1");
    let [container] = stack.containers(&world, "web").await.try_into().unwrap();
    assert_eq!(response.config_hashes["web"], container.labels["com.docker.compose.config-hash"]);
    assert!(response.config_hashes.contains_key("other"));
    stack.change("1.22.1", "${TAG}${OTHER:-}");
    let status = world.compose().get_project(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("use TAG,"), "{}", status.message());
    stack.change("services:", "servces:");
    let status = world.compose().get_project(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_here_changes_nothing() {
    let world = World::new();
    let stack = stack(&world);
    stack.compose(&["up", "--detach", "web"]);
    let [old] = stack.containers(&world, "web").await.try_into().unwrap();
    stack.change("1.22.1", "0.0.0");
    let status = stack.up(&world).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{}", status.message());
    let [still] = stack.containers(&world, "web").await.try_into().unwrap();
    assert_eq!((still.id.as_str(), still.state()), (old.id.as_str(), ContainerState::Running));
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_only_files_of_projects_are_touched() {
    let world = World::new();
    let stack = stack(&world);
    let path = stack.project.config_files[0].clone();
    let read = async |path: &str| world.files().read_file(patient(ReadFileRequest { path: path.to_owned() })).await;
    assert_eq!(read(&path).await.unwrap_err().code(), Code::PermissionDenied, "no container yet");
    stack.compose(&["up", "--detach", "web"]);
    assert_eq!(read(&path).await.unwrap().into_inner().content, stack.text.as_bytes());
    assert_eq!(read("/etc/passwd").await.unwrap_err().code(), Code::PermissionDenied);
    assert!(read("/not/mounted/here.yaml").await.unwrap_err().message().contains("HOMEPORT_STACKS"));
    assert_eq!(read(&format!("{path}/../../nothing")).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(read(&format!("{path}.gone")).await.unwrap_err().code(), Code::NotFound);
    let write = async |content: &str, expected: &str| {
        let request =
            WriteFileRequest { path: path.clone(), content: content.into(), expected_content: expected.into() };
        world.files().write_file(patient(request)).await
    };
    write("new", &stack.text).await.unwrap();
    assert_eq!(std::fs::read(&stack.file).unwrap(), b"new");
    write("new", &stack.text).await.unwrap();
    assert_eq!(write("newer", &stack.text).await.unwrap_err().code(), Code::Aborted);
    stack.change("", "");
    stack.compose(&["down", "--volumes"]);
    assert!(read(&path).await.is_ok(), "the way back must work when the containers are gone");
}
