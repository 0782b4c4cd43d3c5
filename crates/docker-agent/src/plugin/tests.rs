mod update;

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use homeport_service::{Paths, config::Environment};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{
    double::{Double, answer},
    *,
};
use crate::{container::Containers, image::ImageCache};

/// Plugins in a directory of their own, with an engine that is none.
struct World {
    plugins: Plugins,
    directory: TempDir,
}

impl World {
    fn new(double: &Double) -> Self {
        Self::with(double, |_, _| {})
    }

    /// With settings that depend on where it is.
    fn with(double: &Double, set: impl FnOnce(&mut Settings, &Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let paths = Paths { state: root.join("state"), configs: root.join("configs") };
        let environment: Environment = [("HOMEPORT_ROOT", root.to_str().unwrap())].into_iter().collect();
        let context = Context::new("docker-agent", paths, environment, CancellationToken::new());
        let mut settings = Settings::of(&context).unwrap();
        set(&mut settings, root);
        let settings = Arc::new(settings);
        let engine = double.engine();
        let containers = Containers::new(engine.clone(), ImageCache::new(engine.clone()));
        let compose = Compose::new(containers, Arc::clone(&settings), context.clone());
        let publisher = Publisher::new(root.join("bus.sock"), &context);
        Self { plugins: Plugins::new(compose, engine, settings, &context, publisher), directory }
    }

    /// Writes the list as a person would.
    fn list(&self, entries: &Value) {
        let base = self.directory.path().join("configs/base");
        std::fs::create_dir_all(&base).unwrap();
        std::fs::write(base.join("api.json"), json!({ "Plugins": entries }).to_string()).unwrap();
    }

    async fn put(&self, value: &Value, confirmed: &[String]) -> Result<Outcome<Saved>, EngineError> {
        let entry = Entry::read(value).unwrap();
        self.plugins.put(value["Name"].as_str().unwrap(), entry, confirmed).await
    }

    async fn names(&self) -> Vec<(String, bool)> {
        let list = self.plugins.list().await.unwrap();
        list.iter().map(|entry| (entry.name().to_owned(), entry.enabled())).collect()
    }
}

/// An engine with one container of a plugin's own making, `made`.
fn engine_with_one() -> Double {
    Double::start(|method, path| match (method, path) {
        ("GET", path) if path.contains("/containers/json") && path.contains("homeport.plugin=") => {
            answer(200, &json!([{ "Id": "made" }]))
        }
        ("GET", path) if path.contains("/containers/made/") => answer(200, &json!({ "Id": "made" })),
        ("GET", _) => answer(200, &json!([])),
        _ => answer(204, &Value::Null),
    })
}

#[tokio::test]
async fn a_delete_that_failed_can_be_repeated() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let double = Double::start(move |method, path| match (method, path) {
        ("GET", path) if path.contains("/containers/json") && path.contains("compose.project") => {
            answer(200, &json!([{ "Id": "c1" }]))
        }
        ("GET", path) if path.contains("/containers/c1/") => answer(200, &json!({ "Id": "c1" })),
        ("GET", _) => answer(200, &json!([])),
        ("DELETE", _) if broken.load(Ordering::Relaxed) => answer(500, &json!({ "message": "device is busy" })),
        _ => answer(204, &Value::Null),
    });
    let world = World::new(&double);
    let path = "plugins/user/a/docker-compose.yml";
    world.list(&json!([{ "Name": "a", "Enabled": true, "ComposeFilePath": path }, { "Name": "b", "Enabled": true }]));
    world.plugins.set_compose_paths(&[path.to_owned()]).await.unwrap();

    assert!(world.plugins.delete("a").await.is_err());
    let listed = [("a".to_owned(), false), ("b".to_owned(), true)];
    assert_eq!(world.names().await, listed, "it is listed, and nobody reaches it");
    is_broken.store(false, Ordering::Relaxed);
    assert_eq!(world.plugins.delete("A").await.unwrap().name(), "a");
    assert_eq!(world.names().await, listed[1..]);
    assert!(world.plugins.compose_paths().await.unwrap().is_empty());
    assert!(matches!(world.plugins.delete("a").await, Err(EngineError::NotFound(_))));
}

#[tokio::test]
async fn an_engine_is_agreed_to_without_a_compose_file_too() {
    let double = Double::start(|_, _| answer(500, &json!({ "message": "asked" })));
    let world = World::new(&double);
    let mut entry = json!({ "Name": "a", "Enabled": true, "Engine": { "Images": ["alpine:3"] } });
    let Outcome::Refused(consent) = world.put(&entry, &[]).await.unwrap() else { panic!("nobody was asked") };
    assert!(consent.concerns.len() == 1 && consent.concerns[0].contains("alpine:3"), "{consent:?}");
    assert!(world.names().await.is_empty());
    assert!(matches!(world.put(&entry, &consent.concerns).await.unwrap(), Outcome::Done(_)));
    assert!(matches!(world.put(&entry, &[]).await.unwrap(), Outcome::Done(_)), "it is remembered");
    entry["Engine"]["Images"] = json!(["alpine:3", "debian"]);
    assert!(matches!(world.put(&entry, &[]).await.unwrap(), Outcome::Refused(_)), "other rights are asked for again");
    entry["Engine"] = Value::Null;
    assert!(matches!(world.put(&entry, &[]).await.unwrap(), Outcome::Done(_)));
}

#[tokio::test]
async fn what_a_plugin_made_with_the_engine_ends_with_its_rights() {
    let engine = json!({ "Images": ["alpine:3"] });
    let listed = json!([{ "Name": "a", "Enabled": true, "Engine": engine }]);
    for entry in [json!({ "Name": "a", "Enabled": false, "Engine": engine }), json!({ "Name": "a", "Enabled": true })] {
        let double = engine_with_one();
        let world = World::new(&double);
        world.list(&listed);
        let Outcome::Done(saved) = world.put(&entry, &[]).await.unwrap() else { panic!("consent is asked for") };
        assert_eq!(saved.problem, "");
        let changes = double.changes();
        assert!(changes.len() == 1 && changes[0].contains("/containers/made/stop"), "{changes:?}");
    }
    let double = engine_with_one();
    let world = World::new(&double);
    world.list(&listed);
    world.plugins.delete("a").await.unwrap();
    let changes = double.changes();
    assert!(
        changes.iter().any(|change| change.starts_with("DELETE") && change.contains("/containers/made")),
        "{changes:?}"
    );
}

#[tokio::test]
async fn a_plugin_goes_without_an_engine_if_it_never_used_one() {
    let double = Double::start(|_, _| answer(500, &json!({ "message": "away" })));
    let world = World::new(&double);
    world.list(&json!([{ "Name": "a", "Enabled": true }]));
    world.plugins.delete("a").await.unwrap();
    assert!(world.names().await.is_empty());
}

#[tokio::test]
async fn a_directory_of_another_plugin_is_refused() {
    let double = Double::start(|_, _| answer(500, &json!({ "message": "asked" })));
    let world = World::new(&double);
    world.list(&json!([{ "Name": "victim", "UnixPath": "/state/plugins/v/socket" }]));
    let entry = json!({ "Name": "a", "UnixPath": "/state/plugins/v/other" });
    let error = world.put(&entry, &[]).await.unwrap_err().to_string();
    assert!(error.contains("plugin \"victim\"'s own"), "{error}");
    // A plugin's new name is no other one's.
    world.list(&json!([{ "Name": "victim", "UnixPath": "/state/plugins/v/socket" }, { "Name": "a" }]));
    let renamed = Entry::read(&json!({ "Name": "victim" })).unwrap();
    assert!(world.plugins.put("a", renamed, &[]).await.is_err());
    // The plugin itself keeps its directory, by another name too.
    let renamed = Entry::read(&json!({ "Name": "other", "UnixPath": "/state/plugins/v/socket" })).unwrap();
    assert!(matches!(world.plugins.put("victim", renamed, &[]).await.unwrap(), Outcome::Done(_)));
}
