//! Plans that are shown first, and held to.

use super::*;
use crate::plan::{Basis, DependentReason};

impl Process {
    async fn update_as_planned(&self, container: &str, hash: &str) -> Result<Started, UpdateError> {
        let request =
            UpdateRequest { container: container.to_owned(), plan_hash: hash.to_owned(), ..UpdateRequest::default() };
        self.operations.start_update(request).await
    }
}

#[tokio::test]
async fn a_plan_says_what_it_changes_and_takes_and_does_nothing() {
    let bench = Bench::new();
    bench.engine.world().measured = 5 << 20;
    let process = bench.process().await;
    let shown = process.plan("web").await.unwrap();
    assert_eq!(shown.outlook.files[0].lines[1..3], ["-     image: app:1 # the web", "+     image: app:2 # the web"]);
    assert_eq!(shown.outlook.spec[0].field, "Config.Image");
    assert_eq!(shown.outlook.data.unwrap().needed_bytes, 5 << 20);
    assert_eq!((shown.outlook.registry.pulls, shown.outlook.downtime.basis), (1, Basis::Rule));
    assert!(shown.outlook.dependents.is_empty());
    let text = shown.text;
    for part in ["pull app:2 by digest", "Copy of the data: 5 MiB", "plan "] {
        assert!(text.contains(part), "{text}");
    }
    let of_db = process.plan("db").await.unwrap().outlook.dependents;
    assert_eq!((of_db[0].container.as_str(), of_db[0].reason), ("web", DependentReason::DependsOn));
    assert_eq!((bench.runs("web").as_str(), bench.file().as_str()), ("1", FILE));
    process.work();
    process.updated("web").await;
    let (container, version) = ("web".to_owned(), Some("3".to_owned()));
    let request = UpdateRequest { container, version, ..UpdateRequest::default() };
    let after = process.operations.plan(&request).await.unwrap();
    assert_eq!(after.outlook.downtime.basis, Basis::LastUpdate);
    process.stop().await;
}

#[tokio::test]
async fn plans_of_many_are_made_from_one_look_and_each_is_held_to() {
    let bench = Bench::new();
    let process = bench.process().await;
    let requests = ["web", "nobody", "db", "web"]
        .map(|container| UpdateRequest { container: container.to_owned(), ..UpdateRequest::default() });
    let before = bench.engine.world().looks;
    let shown = process.operations.plans(&requests).await.unwrap();
    assert_eq!(bench.engine.world().looks - before, 1);
    let [Ok(web), Err(nobody), Ok(db), Ok(again)] = &shown[..] else { panic!("{shown:?}") };
    assert!(nobody.to_string().contains("nobody"), "{nobody}");
    assert_eq!((web.container.as_str(), db.container.as_str(), &again.hash), ("web", "db", &web.hash));
    assert_eq!(web.hash, process.plan("web").await.unwrap().hash, "as alone");
    process.update_as_planned("db", &db.hash).await.unwrap();
    process.stop().await;
}

#[tokio::test]
async fn an_update_by_hash_is_that_plan_or_none() {
    let bench = Bench::new();
    let process = bench.process().await;
    let hash = process.plan("web").await.unwrap().hash;
    assert_eq!(hash, process.plan("web").await.unwrap().hash);
    for (wrong, reason) in [("no hash", "no hash of a plan"), ("0123456789ab", "not known any more")] {
        let refused = process.update_as_planned("web", wrong).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    let other = process.update_as_planned("db", &hash[..12]).await.unwrap_err().to_string();
    assert!(other.contains("container.name is db and was web"), "{other}");

    bench.engine.world().files.insert(PATH.to_owned(), format!("# mine\n{FILE}"));
    let moved = process.update_as_planned("web", &hash).await.unwrap_err().to_string();
    assert!(moved.contains("edits is"), "{moved}");
    bench.engine.world().files.insert(PATH.to_owned(), FILE.to_owned());
    let started = process.update_as_planned("web", &hash).await.unwrap();
    process.work();
    assert_eq!(process.ended(&started.operation).await.status, Status::Complete);
    process.stop().await;
}

#[tokio::test]
async fn what_moves_while_it_waits_in_the_queue_ends_it_untouched() {
    let bench = Bench::new();
    let process = bench.process().await;
    let hash = process.plan("web").await.unwrap().hash;
    let started = process.update_as_planned("web", &hash).await.unwrap();
    let changed = format!("# mine\n{FILE}");
    bench.engine.world().files.insert(PATH.to_owned(), changed.clone());
    process.work();
    let ended = process.ended(&started.operation).await;
    assert_eq!((ended.status, ended.rollback_occurred), (Status::Failed, false));
    assert!(ended.error.contains("is not the plan"), "{}", ended.error);
    assert_eq!((bench.runs("web").as_str(), bench.file()), ("1", changed));
    process.stop().await;
}

/// Homeport itself, in two containers of one compose project.
fn homeport(bench: &Bench) {
    const OWN: &str = "/stacks/homeport/compose.yaml";
    let mut world = bench.engine.world();
    world.own = Some("hp-agent".to_owned());
    let file = "services:\n  agent:\n    image: app:1\n  updater:\n    image: app:1\n";
    world.files.insert(OWN.to_owned(), file.to_owned());
    for service in ["agent", "updater"] {
        let labels = [
            ("com.docker.compose.project", "homeport"),
            ("com.docker.compose.service", service),
            ("com.docker.compose.project.config_files", OWN),
            ("com.docker.compose.project.working_dir", "/stacks/homeport"),
            ("homeport.role", service),
        ];
        let id = world.create(&format!("hp-{service}"), "app:1", &[], &labels);
        world.start(&id);
    }
}

#[tokio::test]
async fn s13_clients_are_told_the_stages_that_they_know() {
    let bench = Bench::new();
    homeport(&bench);
    let process = bench.process().await;
    let started = process.update("hp-updater").await.unwrap();
    process.work();
    process.reached(&started.operation, |found| found.percent == 90).await;
    let told = stages(&process.events().await).into_iter().map(|(stage, percent)| format!("{stage} {percent}"));
    let expected =
        ["validating 0", "updating_compose 20", "pulling_image 30", "pending_restart 80", "pending_restart 90"];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    process.stop().await;
}

/// Contract, section 13: an update of one of Homeport's containers is one of all, planned and held to like any other.
#[tokio::test]
async fn s13_the_update_of_homeport_itself_is_planned_and_held_to_that() {
    let bench = Bench::new();
    homeport(&bench);
    let process = bench.process().await;
    let request = |container: &str| UpdateRequest { container: container.to_owned(), ..UpdateRequest::default() };
    let shown = process.operations.plan(&request("hp-updater")).await.unwrap();
    let (told, outlook) = (shown.text, shown.outlook);
    assert!(told.contains("hp-agent: app:1 → app:2") && told.contains("hp-updater: app:1 → app:2"), "{told}");
    assert!(told.contains("+     image: app:2"), "{told}");
    assert!(!shown.json.contains("services:"), "files may hold secrets");
    assert_eq!((outlook.spec.len(), outlook.files.len(), outlook.registry.pulls), (2, 1, 1));
    let started = bench.engine.world().starts;

    let agreed = UpdateRequest { plan_hash: shown.hash[..12].to_owned(), ..request("hp-updater") };
    bench.targets.rebuilt.lock().unwrap().insert("2".to_owned(), digest("3"));
    let moved = process.operations.start_update(agreed.clone()).await.unwrap_err();
    assert!(matches!(moved, UpdateError::PlanMoved { .. }), "{moved}");
    bench.targets.rebuilt.lock().unwrap().clear();
    let operation = process.operations.start_update(agreed).await.unwrap().operation;
    let operation = process.operations.get(&operation).await.unwrap();
    assert_eq!((operation.status, operation.details.len()), (Status::Queued, 2));
    assert_eq!(bench.engine.world().starts, started, "nothing was done yet");
    process.stop().await;
}

#[tokio::test]
async fn what_may_be_written_outside_of_a_project_is_named_or_copied() {
    let bench = Bench::new();
    let process = bench.process().await;
    let bind = |source: &str| crate::engine::Mount {
        kind: crate::engine::MountKind::Bind,
        source: source.to_owned(),
        destination: "/data".to_owned(),
        is_writable: true,
    };
    {
        let mut world = bench.engine.world();
        let lone = world.containers.values_mut().find(|container| container.name == "lone").unwrap();
        lone.mounts = vec![bind("/srv/app"), bind("/var/run/docker.sock"), bind("/srv/app")];
    }
    let text = process.plan("lone").await.unwrap().text;
    assert_eq!(text.matches("/srv/app is not copied").count(), 1, "{text}");
    assert!(!text.contains("docker.sock"), "{text}");
    bench.label("lone", "docksmith.snapshot", " Off");
    let text = process.plan("lone").await.unwrap().text;
    assert!(!text.contains("/srv/app"), "{text}");
    bench.label("lone", "homeport.snapshot", "all");
    let text = process.plan("lone").await.unwrap().text;
    assert!(text.contains("/srv/app") && !text.contains("is not copied"), "{text}");
    process.stop().await;
}
