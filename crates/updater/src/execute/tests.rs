//! Invariant: whoever dies at whatever instant, in the end one version runs, old or new, and image, file and data all
//! belong to it; nothing is left over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use homeport_operation::{Change, Journal, Observer, Outcome, Retry, Runner};
use homeport_service::clock::SystemClock;
use homeport_store::{Store, StoreError, Transaction};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Forced, Tools, Work, workflow};
use crate::{
    config::ScriptsConfig,
    engine::{
        Container, MountKind, Namespace, Project, Source,
        fake::{FakeEngine, Fault, World},
    },
    plan::{
        Before, Edit, Follower, ImageChange, ImageSource, Job, Kind, LockPlace, Names, Need, PLAN_FORM, Plan, Proof,
        Run, Saved, SavedFile, Subject, Values, Way, sha256,
    },
    script::Scripts,
};

const ID: &str = "11111111-2222-3333-4444-555555555555-0";
const PATH: &str = "/stacks/app/compose.yaml";
const LABELS: [(&str, &str); 2] = [("com.docker.compose.project", "app"), ("com.docker.compose.service", "web")];
const RETRY: Retry = Retry { first: Duration::ZERO, ceiling: Duration::ZERO, attempts: 8 };

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "every combination is a case of its own")]
struct Scenario {
    compose: bool,
    data: bool,
    /// The tag stays and points elsewhere.
    floating: bool,
    /// The new version exits at once.
    broken: bool,
    /// The engine always restarts the container.
    always: bool,
    /// It does not run, and is not to.
    stopped: bool,
    /// One container lives in its network, and another asks for a restart after that one.
    followed: bool,
    /// It has update locks, and holds none.
    locks: bool,
    /// The new version is tried first.
    rehearse: bool,
    /// Its service has a second container.
    scaled: bool,
    /// The engine loses track of what it stops.
    lost: bool,
}

struct Silent;

#[async_trait]
impl Observer for Silent {
    async fn changed(&self, _: &mut Transaction, _: &str, _: &Change<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Scenario {
    const fn run(self) -> Run {
        if self.stopped { Run::Never } else { Run::Always }
    }

    const fn new_reference(self) -> &'static str {
        if self.floating { "app:1" } else { "app:2" }
    }

    fn world(self) -> World {
        let mut world = World::default();
        world.images.insert("sha256:old".to_owned());
        world.registry.insert("sha256:aaa".to_owned(), "sha256:old".to_owned());
        world.registry.insert("sha256:bbb".to_owned(), "sha256:new".to_owned());
        world.tags.insert("docker.io/library/app:1".to_owned(), "sha256:old".to_owned());
        world.files.insert(PATH.to_owned(), file("app:1"));
        world.volumes.insert("data".to_owned(), "written by old".to_owned());
        if self.broken {
            world.exiting.insert("sha256:new".to_owned());
        }
        if self.always {
            world.always.insert("web".to_owned());
        }
        let volumes: &[&str] = if self.data { &["data"] } else { &[] };
        let labels: &[(&str, &str)] = if self.compose { &LABELS } else { &[] };
        let id = world.create("web", "app:1", volumes, labels);
        world.start(&id);
        if self.stopped {
            world.stop(&id);
        }
        if self.scaled {
            let peer = world.create("web-2", "app:1", volumes, labels);
            world.start(&peer);
        }
        if self.followed {
            world.images.insert("sha256:side".to_owned());
            world.tags.insert("docker.io/library/side:1".to_owned(), "sha256:side".to_owned());
            let of = |owner: &str| format!("container:{owner}");
            let mut side = String::new();
            for name in ["side", "debugger", "asker", "linked"] {
                let other = world.create(name, "side:1", &[], &[]);
                let host = match name {
                    "side" => json!({ "NetworkMode": of(&id), "IpcMode": of(&id) }),
                    "debugger" => json!({ "NetworkMode": "bridge", "PidMode": of(&side), "IpcMode": of(&id) }),
                    "linked" => json!({ "NetworkMode": "bridge", "Links": ["/asker:/linked/a", "/web:/linked/w"] }),
                    _ => json!({ "NetworkMode": "bridge" }),
                };
                let container = world.containers.get_mut(&other).unwrap();
                container.shares = World::shares_of(&host);
                container.links = World::links_of(&host);
                container.inspect_json = json!({ "Volumes": [], "HostConfig": host }).to_string();
                if name == "side" {
                    side.clone_from(&other);
                }
                world.always.insert(name.to_owned());
                world.start(&other);
            }
        }
        world.loses = self.lost;
        world
    }

    fn peers(self, world: &World) -> Vec<Container> {
        world.containers.values().filter(|one| self.scaled && one.name == "web-2").cloned().collect()
    }

    fn followers(self) -> Vec<Follower> {
        let follower = |name: &str, follows: &str, shares: &[(Namespace, &str)]| Follower {
            name: name.to_owned(),
            follows: follows.to_owned(),
            need: if shares.is_empty() { Need::Restart } else { Need::Recreate },
            shares: shares.iter().map(|(kind, of)| (*kind, (*of).to_owned())).collect(),
            links: BTreeMap::new(),
            script: None,
        };
        let linked = Follower {
            need: Need::Recreate,
            links: [("w".to_owned(), "web".to_owned())].into(),
            ..follower("linked", "web", &[])
        };
        let all = vec![
            follower("side", "web", &[(Namespace::Network, "web"), (Namespace::Ipc, "web")]),
            follower("debugger", "web", &[(Namespace::Pid, "side"), (Namespace::Ipc, "web")]),
            follower("asker", "side", &[]),
            linked,
        ];
        if self.followed { all } else { Vec::new() }
    }

    fn job(self, world: &World) -> Job {
        let old = world.containers.values().next().unwrap();
        let files = if self.compose && !self.floating {
            vec![SavedFile { path: PATH.to_owned(), before: file("app:1"), after: file("app:2") }]
        } else {
            Vec::new()
        };
        let project = Project {
            name: "app".to_owned(),
            config_files: vec![PATH.to_owned()],
            working_dir: "/stacks/app".to_owned(),
            environment_files: Vec::new(),
        };
        let way = if self.compose {
            Way::Compose { project, service: "web".to_owned(), recreate: files.is_empty() }
        } else {
            Way::Replace
        };
        let plan = Plan {
            form: PLAN_FORM,
            kind: Kind::Update,
            container: Subject { id: old.id.clone(), name: "web".to_owned(), stack: None, run: self.run() },
            peers: self
                .peers(world)
                .into_iter()
                .map(|peer| Subject { id: peer.id, name: peer.name, stack: None, run: Run::Always })
                .collect(),
            way,
            image: ImageChange {
                old_reference: "app:1".to_owned(),
                old_id: "sha256:old".to_owned(),
                old_digests: vec!["docker.io/library/app@sha256:aaa".to_owned()],
                new_reference: self.new_reference().to_owned(),
                repository: "docker.io/library/app".to_owned(),
                tag: Some(if self.floating { "1" } else { "2" }.to_owned()),
                source: ImageSource::Registry { digest: "sha256:bbb".to_owned() },
            },
            edits: files
                .iter()
                .map(|file| Edit {
                    path: file.path.clone(),
                    change: "app:1 → app:2".to_owned(),
                    before_sha256: sha256(file.before.as_bytes()),
                    after_sha256: sha256(file.after.as_bytes()),
                })
                .collect(),
            expected: Vec::new(),
            data: if self.data {
                vec![Source { kind: MountKind::Volume, source: "data".to_owned() }]
            } else {
                Vec::new()
            },
            restore: None,
            followers: self.followers(),
            proof: Proof {
                stable_ms: 0,
                port_timeout_ms: 0,
                margin_ms: 0,
                ports: Vec::new(),
                http: None,
                before: Before::default(),
                stays: false,
            },
            script: None,
            rehearse: self.rehearse,
            after: None,
            locks: if self.locks { vec![lock_place()] } else { Vec::new() },
            obsolete: Vec::new(),
            warnings: Vec::new(),
            force: false,
        };
        let values = self.compose.then(|| Values {
            service: "web".to_owned(),
            before: "app:1".to_owned(),
            after: self.new_reference().to_owned(),
        });
        let peers = self.peers(world).into_iter().map(|peer| peer.inspect_json).collect();
        let inspect_json = old.inspect_json.clone();
        Job { plan, saved: Saved { inspect_json, peers, new_inspect_json: None, files, values, labels: None } }
    }
}

fn lock_place() -> LockPlace {
    let directory = Source { kind: MountKind::Bind, source: "/run/locks/web".to_owned() };
    LockPlace { container: "web".to_owned(), directory }
}

fn tools() -> Tools {
    Tools {
        scripts: Scripts::new(&ScriptsConfig::default()),
        forced: Forced::new(),
        lock_override: false,
        pull_pause: Duration::ZERO,
    }
}

fn file(image: &str) -> String {
    format!("services:\n  web:\n    image: {image}\n")
}

/// Runs the scenario, with a fault after so many instants, to its end. None: it ended before the fault.
async fn play(scenario: Scenario, fault: Option<(Fault, usize)>) -> Option<(Outcome, World)> {
    let directory = tempfile::tempdir().unwrap();
    let schemas = vec![homeport_operation::schema()];
    let store = Store::open(&directory.path().join("test.db"), schemas).await.unwrap();
    let journal = Journal::new(store.clone(), Arc::new(SystemClock));
    let world = scenario.world();
    let job = scenario.job(&world);
    let engine = FakeEngine::new(world);
    let mut transaction = store.begin().await.unwrap();
    journal.create(&mut transaction, ID, "update", &job).await.unwrap();
    transaction.commit().await.unwrap();
    if let Some((fault, instants)) = fault {
        engine.arm(fault, instants);
    }
    let drain = CancellationToken::new();
    let mut outcome = None;
    while outcome.is_none() {
        let entry = journal.get(ID).await.unwrap().unwrap();
        let workflow = workflow(Work::new(Arc::clone(&engine) as _, tools(), entry.plan().unwrap(), ID));
        let runner = Runner::new(&journal, &Silent, &drain, RETRY);
        tokio::select! {
            ended = runner.run(&entry, &workflow) => outcome = Some(ended.unwrap()),
            () = engine.blown.notified() => {}
        }
    }
    let world = engine.world().clone();
    (fault.is_none() || engine.is_blown()).then(|| (outcome.unwrap(), world))
}

fn check(scenario: Scenario, outcome: &Outcome, world: &World, context: &str) {
    let names = Names::new(&Subject { id: String::new(), name: "web".to_owned(), stack: None, run: Run::Always }, ID);
    let containers: Vec<_> = world.containers.values().collect();
    let (followers, rest): (Vec<_>, Vec<_>) = world.containers.values().partition(|one| one.image_id == "sha256:side");
    let (peers, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|one| one.name == "web-2");
    let [only] = rest.as_slice() else { panic!("{context}: {containers:?}") };
    assert_eq!(only.name, "web", "{context}");
    assert_eq!(peers.len(), usize::from(scenario.scaled), "{context}: {containers:?}");
    for peer in peers {
        assert!(peer.is_up() && peer.image_id == only.image_id, "{context}: the second container is another");
    }
    let mut names_of: Vec<_> = followers.iter().map(|one| one.name.as_str()).collect();
    names_of.sort_unstable();
    assert_eq!(
        names_of,
        if scenario.followed { vec!["asker", "debugger", "linked", "side"] } else { Vec::new() },
        "{context}"
    );
    for follower in followers {
        assert!(follower.is_up(), "{context}: {} does not run", follower.name);
        let id_of = |name: &str| world.containers.values().find(|one| one.name == name).unwrap().id.as_str();
        let expected: Vec<(Namespace, &str)> = match follower.name.as_str() {
            "side" => vec![(Namespace::Network, &only.id), (Namespace::Ipc, &only.id)],
            "debugger" => vec![(Namespace::Pid, id_of("side")), (Namespace::Ipc, &only.id)],
            _ => Vec::new(),
        };
        let expected = expected.into_iter().map(|(kind, of)| (kind, of.to_owned())).collect();
        assert_eq!(follower.shares, expected, "{context}: {} lost a namespace", follower.name);
        let links: Vec<_> = follower.links.iter().map(|(alias, of)| (alias.as_str(), of.as_str())).collect();
        let expected = if follower.name == "linked" { vec![("a", "asker"), ("w", "web")] } else { Vec::new() };
        assert_eq!(links, expected, "{context}: {} lost a link", follower.name);
        let is_dead = |(id, _): &&(String, String)| *id == follower.id;
        assert_eq!(world.dead_links.iter().find(is_dead), None, "{context}: {} is linked to nothing", follower.name);
    }
    let is_new = match outcome {
        Outcome::Done { warnings } if warnings.is_empty() => true,
        Outcome::Undone { .. } => false,
        other => panic!("{context}: {other:?}"),
    };
    assert_eq!(only.is_up(), !scenario.stopped, "{context}");
    assert_eq!(only.image_id, if is_new { "sha256:new" } else { "sha256:old" }, "{context}");
    assert_eq!(world.volumes.len(), 1, "{context}: copies for the rehearsal are left: {:?}", world.volumes);
    assert!(world.locks_taken.is_empty(), "{context}: the locks were not given back");
    let expected = if is_new && scenario.compose { file(scenario.new_reference()) } else { file("app:1") };
    assert_eq!(world.files[PATH], expected, "{context}");
    let tag = if is_new && scenario.floating { "sha256:new" } else { "sha256:old" };
    assert_eq!(world.tags["docker.io/library/app:1"], tag, "{context}");
    assert_eq!(world.tags.contains_key(&names.kept_image()), is_new, "{context}: the kept tag");
    assert_eq!(world.snapshots.contains_key(&names.snapshot), is_new && scenario.data, "{context}: the snapshot");
    // The old container lies aside until the new one has proved itself; an engine that always restarts it and dies in
    // the instant between commit and clean-up runs both for that long.
    let both_ran = is_new && scenario.always && !scenario.compose;
    if scenario.data && !both_ran {
        let expected = if is_new && !scenario.stopped { "written by new" } else { "written by old" };
        assert_eq!(world.volumes["data"], expected, "{context}");
    }
}

/// Plays a scenario with every fault at every instant.
async fn torture(scenario: Scenario) {
    let (outcome, world) = play(scenario, None).await.unwrap();
    check(scenario, &outcome, &world, &format!("{scenario:?} without a fault"));
    assert_eq!(matches!(outcome, Outcome::Undone { .. }), scenario.broken, "{scenario:?}: {outcome:?}");
    for fault in [Fault::Updater, Fault::Agent, Fault::Engine] {
        // An engine that dies before anyone has looked at the container has nothing to do with the operation.
        for instants in usize::from(fault == Fault::Engine).. {
            let context = format!("{scenario:?}, {fault:?} after {instants} instants");
            let Some((outcome, world)) = play(scenario, Some((fault, instants))).await else { break };
            check(scenario, &outcome, &world, &context);
        }
    }
}

const COMPOSE: Scenario = Scenario {
    compose: true,
    data: false,
    floating: false,
    broken: false,
    always: false,
    stopped: false,
    followed: false,
    locks: false,
    rehearse: false,
    scaled: false,
    lost: false,
};
const REPLACE: Scenario = Scenario { compose: false, ..COMPOSE };

#[tokio::test]
async fn s10_1_compose_survives_every_fault() {
    torture(COMPOSE).await;
    torture(Scenario { broken: true, ..COMPOSE }).await;
}

#[tokio::test]
async fn s10_1_compose_with_data_survives_every_fault() {
    torture(Scenario { data: true, ..COMPOSE }).await;
    torture(Scenario { data: true, broken: true, ..COMPOSE }).await;
}

#[tokio::test]
async fn a_moved_tag_survives_every_fault() {
    torture(Scenario { floating: true, ..COMPOSE }).await;
    torture(Scenario { floating: true, data: true, broken: true, ..COMPOSE }).await;
    torture(Scenario { floating: true, ..REPLACE }).await;
}

#[tokio::test]
async fn s10_1_a_replacement_survives_every_fault() {
    torture(REPLACE).await;
    torture(Scenario { data: true, ..REPLACE }).await;
    torture(Scenario { data: true, broken: true, ..REPLACE }).await;
}

#[tokio::test]
async fn what_the_engine_always_restarts_survives_every_fault() {
    torture(Scenario { data: true, always: true, ..COMPOSE }).await;
    torture(Scenario { data: true, always: true, broken: true, ..COMPOSE }).await;
    torture(Scenario { data: true, always: true, ..REPLACE }).await;
}

#[tokio::test]
async fn locks_are_given_back_after_every_fault() {
    torture(Scenario { locks: true, ..COMPOSE }).await;
    torture(Scenario { locks: true, data: true, broken: true, ..REPLACE }).await;
}

#[tokio::test]
async fn nothing_of_a_rehearsal_is_left_after_every_fault() {
    torture(Scenario { rehearse: true, data: true, ..COMPOSE }).await;
    torture(Scenario { rehearse: true, data: true, broken: true, ..REPLACE }).await;
}

#[tokio::test]
async fn one_that_fails_the_rehearsal_never_touches_the_old_version() {
    for scenario in [COMPOSE, REPLACE] {
        let (outcome, world) =
            play(Scenario { rehearse: true, data: true, broken: true, ..scenario }, None).await.unwrap();
        let Outcome::Undone { error } = outcome else { panic!("{outcome:?}") };
        assert!(error.contains("the rehearsal"), "{error}");
        assert_eq!(world.starts, 2, "the old one, and the new one once on the copy");
    }
}

#[tokio::test]
async fn what_is_stopped_stays_so_after_every_fault() {
    for scenario in [COMPOSE, REPLACE] {
        torture(Scenario { data: true, stopped: true, ..scenario }).await;
    }
    let (_, world) = play(Scenario { stopped: true, ..COMPOSE }, None).await.unwrap();
    assert_eq!(world.starts, 1, "only its first start");
}

#[tokio::test]
async fn a_scaled_service_survives_every_fault() {
    torture(Scenario { scaled: true, ..COMPOSE }).await;
    torture(Scenario { scaled: true, data: true, broken: true, ..COMPOSE }).await;
}

#[tokio::test]
async fn s10_6_what_follows_survives_every_fault() {
    torture(Scenario { followed: true, ..COMPOSE }).await;
    torture(Scenario { followed: true, data: true, broken: true, ..REPLACE }).await;
}

#[tokio::test]
async fn one_that_the_engine_lost_track_of_is_made_again_after_every_fault() {
    torture(Scenario { lost: true, data: true, ..COMPOSE }).await;
    torture(Scenario { lost: true, data: true, broken: true, ..REPLACE }).await;
}

#[tokio::test]
async fn what_was_not_touched_is_not_restarted() {
    let scenario = Scenario { data: true, ..COMPOSE };
    // docker-agent dies while the image is pulled.
    let (outcome, world) = play(scenario, Some((Fault::Agent, 8))).await.unwrap();
    assert!(matches!(outcome, Outcome::Undone { .. }));
    assert_eq!(world.starts, 1, "only its first start");
}
