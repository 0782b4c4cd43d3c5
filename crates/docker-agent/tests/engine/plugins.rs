//! Plugins: from a repository to running containers, and away again.

use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use homeport_proto::docker::v1::{
    DeletePluginRequest, DownloadPluginRequest, GetComposePathsRequest, InstallPluginRequest, ListPluginsRequest,
    PutPluginRequest, RestartPluginRequest, SetComposePathsRequest, UpdatePluginRequest, WriteInstallTokenRequest,
};
use serde_json::{Value, json};
use tonic::Code;

use crate::world::{NEW, OLD, World, docker, patient};

/// A repository of a plugin, served by git's own server.
struct Repository {
    directory: PathBuf,
    url: String,
    server: Child,
}

impl Drop for Repository {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Repository {
    fn new(world: &World) -> Self {
        let base = world.directory.path().join("repositories");
        let directory = base.join("my_plugin.git");
        std::fs::create_dir_all(&directory).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Not through `git`, whose child would outlive it.
        let output = Command::new("git").arg("--exec-path").output().unwrap();
        let programs = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        let server = Command::new(programs.join("git-daemon"))
            .args(["--export-all", "--listen=127.0.0.1", "--reuseaddr"])
            .args([format!("--port={port}"), format!("--base-path={}", base.display())])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = std::time::Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed().as_secs() < 10, "git's server did not start");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let repository = Self { directory, url: format!("git://127.0.0.1:{port}/my_plugin.git"), server };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-C", &self.directory.display().to_string(), "-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Commits what the files are to be.
    fn commit(&self, compose: &str, manifest: &Value) {
        std::fs::write(self.directory.join("docker-compose.yml"), compose).unwrap();
        std::fs::write(self.directory.join("plugin.json"), manifest.to_string()).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message=x"]);
    }
}

fn compose(world: &World, image: &str, more: &str) -> String {
    format!(
        "services:
  web:
    image: {image}
    stop_grace_period: 1s
    labels: {{homeport.test: {id}}}
    volumes: ['${{SUPERDIR}}./state/plugins/my_plugin:/state/plugins/my_plugin']
{more}
networks:
  default:
    labels: {{homeport.test: {id}}}
",
        id = world.id
    )
}

/// Containers of a plugin's project, by image.
fn running(project: &str) -> Vec<String> {
    let filter = format!("label=com.docker.compose.project={project}");
    let list = docker(&["ps", "--filter", &filter, "--format", "{{.Image}}"]);
    list.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_installed_updated_and_removed() {
    let world = World::with_settings(&[("HOMEPORT_DOCKER_AGENT__PLUGINS__GIT_PROTOCOLS", "[\"git\"]")]);
    let repository = Repository::new(&world);
    let manifest = json!({
        "Name": "my_plugin", "URI": "my_plugin", "UnixPath": "/state/plugins/my_plugin/socket", "Own": { "a": 1 },
        "InstallTokenPath": "/configs/plugins/my_plugin/token", "ScopedPaths": ["/status:r"],
    });
    let asks = "    ports: ['127.0.0.1::80']";
    repository.commit(&compose(&world, OLD, asks), &manifest);
    let mut plugins = world.plugins();

    let request = DownloadPluginRequest { git_url: repository.url.clone() };
    let downloaded = plugins.download_plugin(patient(request)).await.unwrap().into_inner();
    let entry: Value = serde_json::from_str(&downloaded.entry_json).unwrap();
    assert_eq!((&entry["Own"], &entry["GitURL"]), (&json!({ "a": 1 }), &json!(repository.url)));
    assert_eq!(entry["ComposeFilePath"], "plugins/user/my_plugin/docker-compose.yml");
    let consent = downloaded.consent.unwrap();
    assert_eq!(consent.concerns, ["service web opens a free port of the host"], "its own directory is none");
    assert!(consent.score > 0);
    assert!(!world.directory.path().join("plugins/user/my_plugin/.git").exists());

    let mut install = InstallPluginRequest { entry_json: downloaded.entry_json.clone(), confirmed: vec![] };
    let refused = plugins.install_plugin(patient(install.clone())).await.unwrap().into_inner();
    assert_eq!(refused.refused.unwrap().concerns, consent.concerns);
    assert!(plugins.list_plugins(ListPluginsRequest {}).await.unwrap().into_inner().entries_json.is_empty());
    install.confirmed = vec!["something else".to_owned()];
    assert!(plugins.install_plugin(patient(install.clone())).await.unwrap().into_inner().refused.is_some());
    install.confirmed.clone_from(&consent.concerns);
    let installed = plugins.install_plugin(patient(install)).await.unwrap().into_inner();
    assert!(installed.refused.is_none());
    assert!(running("plugin-user-my_plugin").is_empty(), "installing starts nothing");
    let paths = plugins.get_compose_paths(GetComposePathsRequest {}).await.unwrap().into_inner().paths;
    assert_eq!(paths, ["plugins/user/my_plugin/docker-compose.yml"]);

    let token = WriteInstallTokenRequest { name: "my_plugin".to_owned(), token: "secret".to_owned() };
    plugins.write_install_token(token).await.unwrap();
    let file = world.directory.path().join("configs/plugins/my_plugin/token");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "secret");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);

    let mut entry: Value = serde_json::from_str(&installed.entry_json).unwrap();
    assert_eq!(entry["Enabled"], false);
    entry["Enabled"] = true.into();
    let put = |entry: &Value| PutPluginRequest {
        name: "MY_PLUGIN".to_owned(),
        entry_json: entry.to_string(),
        confirmed: vec![],
    };
    let answer = plugins.put_plugin(patient(put(&entry))).await.unwrap().into_inner();
    assert!(answer.refused.is_none() && answer.former_json.is_some());
    assert_eq!(running("plugin-user-my_plugin"), [OLD]);
    plugins.restart_plugin(patient(RestartPluginRequest { name: "my_plugin".to_owned() })).await.unwrap();
    assert_eq!(running("plugin-user-my_plugin"), [OLD]);

    // Disabled it stops, enabled it is back.
    entry["Enabled"] = false.into();
    plugins.put_plugin(patient(put(&entry))).await.unwrap();
    assert!(running("plugin-user-my_plugin").is_empty());
    entry["Enabled"] = true.into();
    plugins.put_plugin(patient(put(&entry))).await.unwrap();

    // A newer commit.
    repository.commit(&compose(&world, NEW, asks), &manifest);
    let update = || patient(UpdatePluginRequest { name: "my_plugin".to_owned() });
    let updated = plugins.update_plugin(update()).await.unwrap().into_inner();
    assert!(updated.git_updated && updated.refused.is_none());
    assert_eq!(running("plugin-user-my_plugin"), [NEW]);
    let updated = plugins.update_plugin(update()).await.unwrap().into_inner();
    assert!(!updated.git_updated && !updated.image_updated);
    // One that asks for more waits for somebody to agree.
    repository.commit(&compose(&world, OLD, "    privileged: true"), &manifest);
    let updated = plugins.update_plugin(update()).await.unwrap().into_inner();
    assert_eq!(updated.refused.unwrap().concerns, ["service web is privileged"]);
    assert_eq!(running("plugin-user-my_plugin"), [NEW], "the former containers go on");
    let file_of_old = world.directory.path().join("plugins/user/my_plugin/docker-compose.yml");
    assert!(!std::fs::read_to_string(file_of_old).unwrap().contains("privileged"), "and so do their files");

    let request = DeletePluginRequest { name: "my_plugin".to_owned() };
    let deleted = plugins.delete_plugin(patient(request)).await.unwrap().into_inner();
    assert!(deleted.entries_json.is_empty());
    assert!(!file.exists(), "its token is left");
    let filter = "label=com.docker.compose.project=plugin-user-my_plugin";
    assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", filter]), "");
    assert_eq!(docker(&["network", "ls", "--quiet", "--filter", filter]), "");
    let paths = plugins.get_compose_paths(GetComposePathsRequest {}).await.unwrap().into_inner().paths;
    assert!(paths.is_empty(), "what is gone may not be started again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_is_not_started() {
    let world = World::new();
    let root = world.directory.path().join("plugins/mine");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("docker-compose.yml"), compose(&world, OLD, "")).unwrap();
    let mut plugins = world.plugins();
    let path = "plugins/mine/docker-compose.yml";
    let request = |entry: Value| {
        patient(PutPluginRequest { name: "mine".to_owned(), entry_json: entry.to_string(), confirmed: vec![] })
    };
    let entry = json!({ "Name": "my_plugin", "URI": "mine", "Enabled": true, "ComposeFilePath": path });
    let refused = plugins.put_plugin(request(entry.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("custom_compose_paths.json"), "{}", refused.message());
    assert!(plugins.list_plugins(ListPluginsRequest {}).await.unwrap().into_inner().entries_json.is_empty());
    let paths = |path: &str| SetComposePathsRequest { paths: vec![path.to_owned()] };
    for wrong in ["/etc/x.yml", "plugins/../x.yml", "", "a\nb"] {
        assert_eq!(plugins.set_compose_paths(paths(wrong)).await.unwrap_err().code(), Code::InvalidArgument, "{wrong}");
    }
    plugins.set_compose_paths(paths(path)).await.unwrap();
    // No other way of writing the same path.
    let mut other = entry.clone();
    other["ComposeFilePath"] = "plugins/mine/./docker-compose.yml".into();
    assert_eq!(plugins.put_plugin(request(other)).await.unwrap_err().code(), Code::InvalidArgument);
    plugins.put_plugin(request(entry.clone())).await.unwrap();
    assert_eq!(running("plugin-mine"), [OLD]);

    // What cannot start is saved all the same, and said.
    std::fs::write(root.join("docker-compose.yml"), compose(&world, "127.0.0.1:5000/nothing:1", "")).unwrap();
    let saved = plugins.put_plugin(request(entry.clone())).await.unwrap().into_inner();
    assert!(saved.problem.contains("plugin my_plugin is saved, but starting "), "{}", saved.problem);
    assert_eq!(saved.entries_json.len(), 1);
    plugins.delete_plugin(patient(DeletePluginRequest { name: "MY_PLUGIN".to_owned() })).await.unwrap();
    assert!(running("plugin-mine").is_empty());
    let unknown = plugins.delete_plugin(DeletePluginRequest { name: "mine".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}
