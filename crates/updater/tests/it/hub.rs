//! Three hundred images at a registry with Docker Hub's headers and limits, for a day of simulated time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use homeport_image_ref::Reference;
use homeport_service::clock::Clock;
use homeport_updater::{
    check::{CheckConfig, CheckEvents, Checker, Finished, Parts, Progress, Status},
    inventory::{Container, Inventory, InventoryError},
    registry::{Anonymous, Client, Platform, RegistryConfig, Transport},
};
use jiff::Timestamp;
use reqwest::{Request, Response, ResponseBuilderExt as _};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::check::Scripts;

const IMAGES: usize = 300;
/// Every two images share one.
const REPOSITORIES: usize = 150;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Docker Hub's window for pulls.
const WINDOW: Duration = Duration::from_secs(21_600);
/// What Docker Hub takes for abuse.
const ABUSE_PER_MINUTE: usize = 3000;
/// What Docker Hub's own interface allows in a minute.
const HUB_PER_MINUTE: usize = 180;
/// How often each tag is pushed anew.
const REBUILD: Duration = Duration::from_secs(7 * 3600);

/// Which requests use up the allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Pulls, as on Docker Hub: GET of a manifest.
    Pulls,
    /// Everything but tokens.
    Everything,
}

/// Docker Hub, without a network.
struct Hub {
    counts: Counts,
    limit: usize,
    state: Mutex<State>,
    begun: Instant,
}

#[derive(Default)]
struct State {
    /// When what counts was asked, within the window.
    counted: Vec<Instant>,
    /// When anything was asked, within the minute.
    recent: Vec<Instant>,
    /// When Hub's own interface was asked, within the minute.
    shown: Vec<Instant>,
    answered: BTreeMap<u16, usize>,
    methods: BTreeMap<String, usize>,
    /// Tags whose digest was asked for.
    asked: BTreeSet<String>,
}

impl Hub {
    fn new(counts: Counts, limit: usize) -> Arc<Self> {
        Arc::new(Self { counts, limit, state: Mutex::default(), begun: Instant::now() })
    }

    fn answer(&self, request: &Request) -> (StatusCode, Vec<(&'static str, String)>, String) {
        let (now, mut state) = (Instant::now(), self.state.lock().unwrap());
        let (host, path) = (request.url().host_str().unwrap(), request.url().path());
        if host == "auth.docker.io" {
            return (StatusCode::OK, Vec::new(), r#"{"token":"t","access_token":"t","expires_in":300}"#.to_owned());
        }
        if host == "hub.docker.com" {
            return self.show(&mut state, path, now);
        }
        assert_eq!(host, "registry-1.docker.io");
        if request.headers().get("authorization").is_none_or(|value| value != "Bearer t") {
            let realm = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"";
            return (StatusCode::UNAUTHORIZED, vec![("www-authenticate", realm.to_owned())], String::new());
        }
        state.recent.retain(|at| now - *at < Duration::from_secs(60));
        state.recent.push(now);
        if state.recent.len() > ABUSE_PER_MINUTE {
            return (StatusCode::TOO_MANY_REQUESTS, Vec::new(), "Too Many Requests".to_owned());
        }
        let is_manifest = path.contains("/manifests/");
        let counts = self.counts == Counts::Everything || (is_manifest && request.method() == Method::GET);
        state.counted.retain(|at| now - *at < WINDOW);
        if counts {
            if state.counted.len() >= self.limit {
                return (StatusCode::TOO_MANY_REQUESTS, vec![("retry-after", "60".to_owned())], String::new());
            }
            state.counted.push(now);
        }
        let mut headers = vec![
            ("ratelimit-limit", format!("{};w={}", self.limit, WINDOW.as_secs())),
            ("ratelimit-remaining", format!("{};w={}", self.limit - state.counted.len(), WINDOW.as_secs())),
            ("docker-ratelimit-source", "192.0.2.1".to_owned()),
        ];
        *state
            .methods
            .entry(format!("{} {}", request.method(), if is_manifest { "manifest" } else { "tags" }))
            .or_default() += 1;
        if is_manifest && request.method() == Method::GET {
            assert!(path.contains("/manifests/sha256:"), "HEAD is enough for {path}");
            return (StatusCode::OK, headers, format!("{{\"config\":{{\"digest\":\"{}\"}}}}", digest(path)));
        }
        if is_manifest {
            state.asked.insert(path.to_owned());
            headers.push(("docker-content-digest", self.digest(path, now)));
            return (StatusCode::OK, headers, String::new());
        }
        let tags: Vec<_> = (0..50).map(|patch| format!("\"1.{}.{patch}\"", patch % 5)).collect();
        (StatusCode::OK, headers, format!("{{\"tags\":[{}]}}", tags.join(",")))
    }
}

impl Hub {
    /// What a manifest's path leads to at a time.
    fn digest(&self, path: &str, now: Instant) -> String {
        digest(&format!("{path}{}", (now - self.begun).as_secs() / REBUILD.as_secs()))
    }

    /// A tag, as Hub's own interface shows it: those of `app7` are for another platform.
    fn show(&self, state: &mut State, path: &str, now: Instant) -> (StatusCode, Vec<(&'static str, String)>, String) {
        state.shown.retain(|at| now - *at < Duration::from_secs(60));
        state.shown.push(now);
        *state.methods.entry("GET shown".to_owned()).or_default() += 1;
        let left = HUB_PER_MINUTE.saturating_sub(state.shown.len());
        let headers = vec![
            ("x-ratelimit-limit", HUB_PER_MINUTE.to_string()),
            ("x-ratelimit-remaining", left.to_string()),
            ("x-ratelimit-reset", "60".to_owned()),
        ];
        if left == 0 {
            return (StatusCode::TOO_MANY_REQUESTS, headers, String::new());
        }
        let (repository, tag) =
            path.strip_prefix("/v2/namespaces/library/repositories/").unwrap().split_once("/tags/").unwrap();
        let architecture = if repository == "app7" { "arm64" } else { "amd64" };
        let body = format!(
            r#"{{"name":"{tag}","digest":"{}","images":[
                {{"architecture":"unknown","os":"unknown","variant":null,"digest":"{}"}},
                {{"architecture":"{architecture}","os":"linux","variant":null,"digest":"{}"}}]}}"#,
            self.digest(&format!("/v2/library/{repository}/manifests/{tag}"), now),
            digest("attestation"),
            digest("image"),
        );
        (StatusCode::OK, headers, body)
    }
}

#[async_trait]
impl Transport for Hub {
    async fn send(&self, request: Request) -> Result<Response, reqwest::Error> {
        tokio::time::sleep(Duration::from_millis(80)).await;
        let (status, headers, body) = self.answer(&request);
        *self.state.lock().unwrap().answered.entry(status.as_u16()).or_default() += 1;
        let mut response = axum::http::Response::builder().status(status).url(request.url().clone());
        for (name, value) in headers {
            response = response.header(name, value);
        }
        Ok(response.body(body).unwrap().into())
    }
}

fn digest(seed: &str) -> String {
    let number = seed.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("sha256:{number:064x}")
}

/// Every second image runs the newest tag of its repository, so that its rebuilds count.
struct Images;

#[async_trait]
impl Inventory for Images {
    async fn containers(&self) -> Result<Vec<Container>, InventoryError> {
        let container = |number: usize| {
            let repository = format!("library/app{}", number % REPOSITORIES);
            let tag = if number < REPOSITORIES { "1.0.0" } else { "1.4.49" };
            Container {
                id: format!("id-{number}"),
                name: format!("c{number:03}"),
                image: format!("{repository}:{tag}"),
                repo_digests: vec![format!("{repository}@{}", digest("old"))],
                image_id: digest("config"),
                // All but one: it could run none of what its repository has by now.
                platform: if number % REPOSITORIES == 7 { Platform::default() } else { linux("amd64") },
                running: true,
                health: "none",
                ..Container::default()
            }
        };
        Ok((0..IMAGES).map(container).collect())
    }

    async fn read_file(&self, _path: &str) -> Result<Option<String>, InventoryError> {
        Ok(None)
    }
}

fn linux(architecture: &str) -> Platform {
    Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: String::new() }
}

struct Silent;

impl CheckEvents for Silent {
    fn progress(&self, _progress: &Progress) {}

    fn finished(&self, _finished: &Finished) {}
}

/// The simulation's own time.
struct Simulated(Instant);

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

/// A checker that runs for a day.
#[expect(clippy::disallowed_methods, reason = "ends with the test")]
async fn a_day(hub: &Arc<Hub>) -> Checker {
    let checker = Checker::new(Parts {
        config: CheckConfig::default(),
        inventory: Arc::new(Images),
        registry: Client::over(hub.clone(), &RegistryConfig::default(), Arc::new(Anonymous)).unwrap(),
        prechecks: Arc::new(Scripts::default()),
        events: Arc::new(Silent),
        clock: Arc::new(Simulated(Instant::now())),
    });
    let (running, drain) = (checker.clone(), CancellationToken::new());
    let task = tokio::spawn({
        let drain = drain.clone();
        async move { running.run(drain).await }
    });
    tokio::time::sleep(DAY).await;
    drain.cancel();
    task.await.unwrap();
    checker
}

/// No request was refused, and every image was checked.
fn all_is_well(hub: &Hub, checker: &Checker) {
    let state = hub.state.lock().unwrap();
    assert_eq!(state.answered.get(&429), None, "{:?}", state.answered);
    let snapshot = checker.snapshot();
    assert_eq!(snapshot.containers.len(), IMAGES);
    let unchecked: Vec<_> = snapshot
        .containers
        .iter()
        .filter(|container| container.status != Status::UpdateAvailable)
        .map(|container| format!("{}: {:?} {}", container.container_name, container.status, container.error))
        .collect();
    assert!(unchecked.is_empty(), "{} of {IMAGES}, such as {:?}", unchecked.len(), unchecked.first());
}

#[tokio::test(start_paused = true)]
async fn s8_docker_hub_is_never_asked_too_much() {
    let hub = Hub::new(Counts::Pulls, 100);
    let checker = a_day(&hub).await;
    all_is_well(&hub, &checker);
    let state = hub.state.lock().unwrap();
    assert_eq!(state.asked.len(), REPOSITORIES, "the newest tag of each repository, and no other");
    let pulls = state.methods["GET manifest"];
    assert!((100..=4 * 80 + 1).contains(&pulls), "what a rebuild leads to is asked for within the allowance: {pulls}");
    let shown = state.methods["GET shown"];
    assert!(shown <= REPOSITORIES * 4, "platforms are asked for once each rebuild: {shown}");
    let lists = state.methods["GET tags"];
    assert!(lists <= REPOSITORIES * (24 * 4 + 1), "a list holds for a quarter of an hour: {lists}");
}

#[tokio::test(start_paused = true)]
async fn s8_a_registry_that_counts_everything_is_asked_in_turns() {
    let hub = Hub::new(Counts::Everything, 400);
    let checker = a_day(&hub).await;
    all_is_well(&hub, &checker);
    let counted: usize = hub.state.lock().unwrap().methods.values().sum();
    assert!(counted <= 4 * 400, "{counted}");
}

/// Contract, section 8: for which platforms a tag is, Docker Hub tells without that being a pull.
#[tokio::test(start_paused = true)]
async fn s8_platforms_on_docker_hub_cost_no_pull() {
    let hub = Hub::new(Counts::Pulls, 100);
    let client = Client::over(hub.clone(), &RegistryConfig::default(), Arc::new(Anonymous)).unwrap();
    let check = async |image: &str, architecture: &str| {
        let tagged: Reference = image.parse().unwrap();
        let pinned = tagged.with_digest(client.digest(&tagged).await.unwrap());
        client.is_for(&pinned, &linux(architecture)).await
    };
    assert!(check("app1:1.4.49", "amd64").await.unwrap());
    assert!(check("app1:1.4.49", "amd64").await.unwrap());
    assert!(!check("app1:1.4.49", "arm64").await.unwrap());
    assert!(check("app7:1.4.49", "arm64").await.unwrap());
    assert!(!check("app7:1.4.49", "amd64").await.unwrap());
    {
        let state = hub.state.lock().unwrap();
        assert_eq!((state.methods["GET shown"], state.methods.get("GET manifest")), (4, None));
    }
    let moved: Reference = format!("app1:1.4.49@{}", digest("former")).parse().unwrap();
    assert!(client.is_for(&moved, &linux("amd64")).await.is_err(), "that is told of another image");
    let mirror = RegistryConfig {
        rewrite: [("docker.io".to_owned(), "mirror.lan".to_owned())].into(),
        ..RegistryConfig::default()
    };
    let client = Client::over(hub.clone(), &mirror, Arc::new(Anonymous)).unwrap();
    assert!(client.is_for(&moved, &linux("amd64")).await.unwrap(), "a mirror has no such interface");
}
