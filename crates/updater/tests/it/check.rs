//! The checker over a list of containers and a registry that answers as told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::http::StatusCode;
use homeport_service::clock::SystemClock;
use homeport_updater::{
    check::{
        CheckConfig, CheckError, CheckEvents, CheckedContainer, Checker, Finished, Parts, Prechecks, Progress, Status,
        Verdict,
    },
    inventory::{ComposePlace, Container, Inventory, InventoryError},
    registry::{Anonymous, Client, Platform, RegistryConfig},
};
use tokio_util::sync::CancellationToken;

use crate::registry::fake::{Fake, reply};

const LIMIT: Duration = Duration::from_secs(10);

/// A list of containers, or why there is none, and files.
struct List {
    containers: Mutex<Result<Vec<Container>, &'static str>>,
    files: BTreeMap<String, String>,
}

#[async_trait]
impl Inventory for List {
    async fn containers(&self) -> Result<Vec<Container>, InventoryError> {
        self.containers.lock().unwrap().clone().map_err(|message| InventoryError(tonic::Status::unavailable(message)))
    }

    async fn read_file(&self, path: &str) -> Result<Option<String>, InventoryError> {
        Ok(self.files.get(path).cloned())
    }
}

/// Remembers what was told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl CheckEvents for Told {
    fn progress(&self, progress: &Progress) {
        let Progress { stage, total, checked, container_name, .. } = progress;
        self.0.lock().unwrap().push(format!("{stage} {checked}/{total} {container_name}").trim().to_owned());
    }

    fn finished(&self, finished: &Finished) {
        self.0.lock().unwrap().push(format!("{} {}", finished.source, finished.container_count));
    }
}

/// What scripts say, by the name of the container, and who was asked.
#[derive(Default)]
pub(crate) struct Scripts {
    sayings: Mutex<BTreeMap<String, Option<String>>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Prechecks for Scripts {
    async fn ask(&self, container: &CheckedContainer) -> Option<Verdict> {
        let refusal = self.sayings.lock().unwrap().get(&container.container_name).cloned()?;
        self.asked.lock().unwrap().push(container.container_name.clone());
        Some(Verdict { script: "check.sh".to_owned(), refusal })
    }
}

/// A checker that runs, with everything around it.
struct Stack {
    checker: Checker,
    list: Arc<List>,
    told: Arc<Told>,
    scripts: Arc<Scripts>,
    drain: CancellationToken,
}

impl Stack {
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    fn start(containers: Vec<Container>, files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let list = Arc::new(List { containers: Mutex::new(Ok(containers)), files });
        let (told, drain) = (Arc::new(Told::default()), CancellationToken::new());
        let scripts = Arc::new(Scripts::default());
        let config = RegistryConfig { retry_delay_ms: 1, ..RegistryConfig::default() };
        let checker = Checker::new(Parts {
            config: CheckConfig::default(),
            inventory: list.clone(),
            registry: Client::new(&config, Arc::new(Anonymous)).unwrap(),
            prechecks: scripts.clone(),
            events: told.clone(),
            clock: Arc::new(SystemClock),
        });
        let (running, token) = (checker.clone(), drain.clone());
        tokio::spawn(async move { running.run(token).await });
        Self { checker, list, told, scripts, drain }
    }

    /// Status, newest version and note or error of a container in the snapshot.
    fn found(&self, name: &str) -> (Status, String, String) {
        let snapshot = self.checker.snapshot();
        let container = snapshot.container(name).unwrap_or_else(|| panic!("no {name} in {snapshot:?}"));
        (container.status, container.latest_version.clone(), format!("{}{}", container.note, container.error))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.drain.cancel();
    }
}

fn hash(letter: &str) -> String {
    format!("sha256:{}", letter.repeat(64))
}

fn sha256(text: &str) -> String {
    format!("sha256:{}", hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text)))
}

fn container(fake: &Fake, name: &str, image: &str) -> Container {
    let image = format!("{}/{image}", fake.authority());
    let repository = image.rsplit_once(':').unwrap().0;
    Container {
        id: format!("id-of-{name}"),
        name: name.to_owned(),
        repo_digests: vec![format!("{repository}@{}", hash("a"))],
        image,
        running: true,
        health: "none",
        ..Container::default()
    }
}

/// A registry in which every repository has 1.22.1 and 1.26.3, until it is told to fail.
async fn registry(status: Arc<Mutex<StatusCode>>) -> Fake {
    Fake::start(move |asked| {
        let status = *status.lock().unwrap();
        let digest = if asked.path.ends_with("1.22.1") { hash("a") } else { hash("b") };
        reply(status, &[("docker-content-digest", &digest)], r#"{"tags":["1.22.1","1.26.3","latest"]}"#)
    })
    .await
}

#[tokio::test]
async fn s14_everything_is_checked_at_the_start_and_told() {
    let fake = registry(Arc::default()).await;
    let helper = Container {
        labels: [("homeport.role".to_owned(), "helper".to_owned())].into(),
        ..container(&fake, "helper", "x:1.22.1")
    };
    let stack =
        Stack::start(vec![container(&fake, "web", "x:1.22.1"), container(&fake, "app", "x:1.26.3"), helper], &[]);
    let snapshot = stack.checker.run_check(false, LIMIT).await;
    assert!(snapshot.last_run_at.is_some() && snapshot.next_run_at > snapshot.last_run_at);
    assert_eq!(snapshot.update_order, ["app", "web"]);
    assert_eq!(snapshot.containers.len(), 2, "helpers are left out");
    assert_eq!(stack.found("web"), (Status::UpdateAvailable, "1.26.3".to_owned(), String::new()));
    assert_eq!(snapshot.container("web").unwrap().default_target(), Some("1.26.3"));
    assert_eq!(stack.found("app").0, Status::UpdateAvailable, "its tag has been rebuilt");
    let told = stack.told.0.lock().unwrap().clone();
    for expected in ["discovering 0/0", "discovered 0/2", "checking 0/2 web", "complete 2/2", "background_checker 2"] {
        assert!(told.iter().any(|told| told == expected), "{expected} in {told:?}");
    }
    let listings = fake.log().iter().filter(|asked| asked.contains("tags/list")).count();
    assert_eq!(listings, 1, "one listing of a repository, however many containers and checks");
}

/// What a tag points at that is for one kind of machine.
fn index(architecture: &str) -> String {
    let digest = hash("e");
    format!(r#"{{"manifests":[{{"digest":"{digest}","platform":{{"os":"linux","architecture":"{architecture}"}}}}]}}"#)
}

fn platform(architecture: &str) -> Platform {
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: String::new() }
}

/// Section 6.6, and the platform of the host: what cannot run here is not offered.
#[tokio::test]
async fn s5_a_tag_without_an_image_for_the_host_is_passed_over() {
    let (arm, intel) = (index("arm64"), index("amd64"));
    let fake = Fake::start(move |asked| {
        let (digest, body) = match asked.path.rsplit('/').next().unwrap_or_default() {
            "1.22.1" => (hash("a"), ""),
            "1.26.3" => (sha256(&arm), arm.as_str()),
            "1.27.0" => (sha256(&intel), intel.as_str()),
            _ => (String::new(), r#"{"tags":["1.22.1","1.26.3","1.27.0"]}"#),
        };
        reply(StatusCode::OK, &[("docker-content-digest", &digest)], body)
    })
    .await;
    let of = |name: &str, architecture: &str| Container {
        platform: platform(architecture),
        ..container(&fake, name, "x:1.22.1")
    };
    let stack = Stack::start(vec![of("arm", "arm64"), of("intel", "amd64"), of("other", "riscv64")], &[]);
    stack.checker.run_check(false, LIMIT).await;
    assert_eq!((stack.found("arm").0, stack.found("arm").1.as_str()), (Status::UpdateAvailable, "1.26.3"));
    assert_eq!((stack.found("intel").0, stack.found("intel").1.as_str()), (Status::UpdateAvailable, "1.27.0"));
    assert_eq!(stack.found("other").0, Status::UpToDate);
    let mut asked = fake.log();
    asked.sort_unstable();
    let expected = ["GET /v2/x/manifests/1.26.3", "GET /v2/x/manifests/1.27.0", "GET /v2/x/tags/list?n=1000"];
    assert_eq!(asked[..3], expected, "one question tells digest and platforms");
    assert_eq!(asked[3..], ["HEAD /v2/x/manifests/1.22.1"]);
    stack.checker.run_check(true, LIMIT).await;
    let again = fake.log().split_off(4);
    assert!(again[1..].iter().all(|asked| asked.starts_with("HEAD")), "platforms are known: {again:?}");
}

/// A project that has given up a platform goes on releasing, and tags go away before their lists do.
#[tokio::test]
async fn s5_many_newer_tags_without_an_image_hide_no_older_one_and_no_rebuild() {
    let (arm, intel) = (index("arm"), index("amd64"));
    let fake = Fake::start(move |asked| {
        let newer = (0..9).map(|minor| format!("\"2.{minor}.0\"")).collect::<Vec<_>>().join(",");
        let tags = format!(r#"{{"tags":["1.18.0","1.19.0",{newer}]}}"#);
        let only_gone = format!(r#"{{"tags":["1.18.0",{newer}]}}"#);
        let path = asked.path.as_str();
        let (digest, body) = match path.rsplit('/').next().unwrap_or_default() {
            "1.18.0" => (hash("b"), ""),
            "1.19.0" => (sha256(&arm), arm.as_str()),
            tag if tag.starts_with("2.") && path.contains("/gone/") => {
                return reply(StatusCode::NOT_FOUND, &[], r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#);
            }
            tag if tag.starts_with("2.") => (sha256(&intel), intel.as_str()),
            _ if path.contains("/gone/") => (String::new(), only_gone.as_str()),
            _ => (String::new(), tags.as_str()),
        };
        reply(StatusCode::OK, &[("docker-content-digest", &digest)], body)
    })
    .await;
    let of = |name: &str, image: &str| Container { platform: platform("arm"), ..container(&fake, name, image) };
    let stack = Stack::start(vec![of("old", "x:1.18.0"), of("gone", "gone:1.18.0")], &[]);
    stack.checker.run_check(false, LIMIT).await;
    assert_eq!((stack.found("old").0, stack.found("old").1.as_str()), (Status::UpdateAvailable, "1.19.0"));
    assert_eq!(stack.found("gone").0, Status::UpdateAvailable, "its tag has another digest than the one that runs");
}

#[tokio::test]
async fn s2_1_a_refresh_asks_anew_and_once() {
    let fake = registry(Arc::default()).await;
    let stack = Stack::start(vec![container(&fake, "a", "x:1.22.1"), container(&fake, "b", "x:1.22.1")], &[]);
    stack.checker.run_check(false, LIMIT).await;
    let (before, asked_at) = (fake.log().len(), stack.checker.snapshot().last_refresh_at);
    let remembered = stack.checker.run_check(false, LIMIT).await;
    assert_eq!((fake.log().len(), remembered.last_refresh_at), (before, asked_at), "nothing was asked");
    assert!(stack.checker.run_check(true, LIMIT).await.last_refresh_at > asked_at);
    let asked = fake.log()[before..].to_vec();
    assert_eq!(asked, ["GET /v2/x/tags/list?n=1000", "HEAD /v2/x/manifests/1.26.3"]);
}

#[tokio::test]
async fn s5_a_good_result_outlives_a_registry_that_is_away() {
    let status = Arc::new(Mutex::new(StatusCode::OK));
    let fake = registry(status.clone()).await;
    let stack = Stack::start(vec![container(&fake, "web", "x:1.22.1")], &[]);
    stack.checker.run_check(false, LIMIT).await;
    *status.lock().unwrap() = StatusCode::INTERNAL_SERVER_ERROR;
    stack.checker.run_check(true, LIMIT).await;
    let (found, latest, note) = stack.found("web");
    assert_eq!((found, latest.as_str()), (Status::UpdateAvailable, "1.26.3"));
    assert!(note.contains("failed with status 500"), "{note}");
    *status.lock().unwrap() = StatusCode::NOT_FOUND;
    stack.checker.run_check(true, LIMIT).await;
    assert_eq!(stack.found("web").0, Status::MetadataUnavailable, "that is an answer");
}

#[tokio::test]
async fn s14_the_snapshot_outlives_an_engine_that_is_away() {
    let fake = registry(Arc::default()).await;
    let stack = Stack::start(vec![container(&fake, "web", "x:1.22.1")], &[]);
    stack.checker.run_check(false, LIMIT).await;
    *stack.list.containers.lock().unwrap() = Err("the engine is away");
    let snapshot = stack.checker.run_check(false, LIMIT).await;
    assert_eq!(snapshot.containers.len(), 1);
    assert_eq!(snapshot.error.as_deref(), Some("cannot list the containers: docker-agent: the engine is away"));
    let error = stack.checker.check_container("web").await.unwrap_err();
    assert!(matches!(error, CheckError::Inventory(_)), "{error}");
    *stack.list.containers.lock().unwrap() = Ok(vec![container(&fake, "web", "x:1.22.1")]);
    assert_eq!(stack.checker.run_check(false, LIMIT).await.error, None);
}

#[tokio::test]
async fn s14_when_registries_were_asked_last_outlives_a_restart() {
    let stack = Stack::start(Vec::new(), &[]);
    let before = "2026-07-23T09:46:40Z".parse().unwrap();
    stack.checker.resume(Some(before));
    let snapshot = stack.checker.run_check(false, LIMIT).await;
    assert_eq!(snapshot.last_refresh_at, Some(before), "this check asked nobody");
    assert!(snapshot.last_run_at > Some(before));
}

/// Section 5.8: the script is asked only where there is something to do, and once.
#[tokio::test]
async fn s5_scripts_are_asked_before_it_is_said_that_there_is_an_update() {
    let fake = registry(Arc::default()).await;
    let current = Container {
        repo_digests: vec![format!("{}/x@{}", fake.authority(), hash("b"))],
        ..container(&fake, "new", "x:1.26.3")
    };
    let images = vec![container(&fake, "no", "x:1.22.1"), container(&fake, "yes", "x:1.22.1"), current];
    let stack = Stack::start(images, &[]);
    stack.checker.run_check(false, LIMIT).await;
    let sayings = [("no", Some("a film is on".to_owned())), ("yes", None), ("new", Some("never".to_owned()))];
    *stack.scripts.sayings.lock().unwrap() = sayings.map(|(name, saying)| (name.to_owned(), saying)).into();
    stack.scripts.asked.lock().unwrap().clear();
    let snapshot = stack.checker.run_check(false, LIMIT).await;
    let mut asked = stack.scripts.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, ["no", "yes"]);
    let (no, yes) = (snapshot.container("no").unwrap(), snapshot.container("yes").unwrap());
    assert_eq!((no.status, no.pre_update_check_fail.as_str()), (Status::UpdateAvailableBlocked, "a film is on"));
    assert_eq!(
        (no.pre_update_check.as_str(), no.pre_update_check_pass, no.default_target()),
        ("check.sh", false, Some("1.26.3"))
    );
    assert_eq!((yes.status, yes.pre_update_check_pass), (Status::UpdateAvailable, true));
    assert_eq!(snapshot.container("new").unwrap().status, Status::UpToDate);
}

#[tokio::test]
async fn s2_1_one_container_is_checked_by_name_or_id_and_told() {
    let fake = registry(Arc::default()).await;
    let stack = Stack::start(vec![container(&fake, "web", "x:1.22.1")], &[]);
    stack.checker.run_check(false, LIMIT).await;
    *stack.list.containers.lock().unwrap() = Ok(vec![container(&fake, "web", "x:latest")]);
    let told = |what: &str| stack.told.0.lock().unwrap().iter().filter(|told| *told == what).count();
    let before = told("background_checker 1");
    let checked = stack.checker.check_container("id-of-w").await.unwrap();
    assert_eq!(told("background_checker 1"), before + 1);
    assert_eq!((checked.status, checked.latest_version.as_str()), (Status::UpdateAvailable, "latest"));
    assert_eq!(stack.found("web").1, "latest", "the result is in the snapshot");
    let error = stack.checker.check_container("none").await.unwrap_err();
    assert_eq!(error.to_string(), "container not found: none");
}

#[tokio::test]
async fn s5_compose_files_are_read_as_compose_reads_them() {
    let fake = registry(Arc::default()).await;
    let place = ComposePlace {
        project: "p".to_owned(),
        service: "web".to_owned(),
        config_files: vec!["/s/compose.yaml".to_owned(), "/s/override.yaml".to_owned()],
        working_dir: "/s".to_owned(),
        ..ComposePlace::default()
    };
    let web = Container { compose: Some(place), ..container(&fake, "p-web-1", "x:1.22.1") };
    let image = web.image.replace("1.22.1", "${TAG:-1.0}");
    let compose = format!(
        "include: [more.yaml]
services: {{web: {{image: '{image}'}}}}"
    );
    let files = |env: &'static str| {
        let compose = compose.clone();
        let labels = "services: {web: {labels: {docksmith.ignore: 'no'}}}".to_owned();
        [
            ("/s/compose.yaml", compose),
            ("/s/override.yaml", labels),
            ("/s/more.yaml", "services: {}".to_owned()),
            ("/s/.env", env.to_owned()),
        ]
    };
    let start = |env| {
        let files = files(env);
        Stack::start(vec![web.clone()], &files.each_ref().map(|(path, text)| (*path, text.as_str())))
    };
    let stack = start("TAG=1.22.1");
    let snapshot = stack.checker.run_check(false, LIMIT).await;
    let checked = snapshot.container("p-web-1").unwrap();
    assert_eq!((checked.status, checked.env_var_name.as_str()), (Status::UpdateAvailable, "TAG"));
    assert_eq!(checked.compose_labels["docksmith.ignore"], "no");
    assert!(checked.labels_out_of_sync);
    let stack = start("TAG=1.26.3");
    stack.checker.run_check(false, LIMIT).await;
    assert_eq!(stack.found("p-web-1").0, Status::ComposeMismatch);
}
