//! Updates from a repository, with a `git` and a `compose` that are scripts.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use super::*;

const PATH: &str = "plugins/user/a/docker-compose.yml";
/// What runs a program in place of this process's own executable: `bound <pid> -- <words>`.
const BOUND: &str = "shift 3; exec \"$@\"";
/// The repository is a directory, and its commit a file beside it.
const GIT: &str = r#"
while [ "$1" = -c ]; do shift 2; done
case "$1" in
    ls-remote) cat "$here/commit" ;;
    clone) for target; do :; done; cp -r "$here/repository" "$target" ;;
esac"#;
/// The project's description lies beside its compose file. `pull` fails where a file says so.
const COMPOSE: &str = r#"
file=$4
shift 4
echo "$1" >> "$here/said"
case "$*" in
    *config*) cat "${file%/*}/config.json" ;;
    pull*) [ ! -e "$here/away" ] || { echo "no route to host" >&2; exit 1; } ;;
esac"#;

fn script(root: &Path, name: &str, text: &str) -> String {
    let path = root.join(name);
    let head = format!("#!/bin/sh\nPATH=/usr/bin:/bin\nhere={}\n", root.display());
    fs::write(&path, head + text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// An engine that has no image.
fn engine() -> Double {
    Double::start(|_, path| match path {
        path if path.contains("/images/") => answer(404, &json!({ "message": "No such image" })),
        _ => answer(200, &json!([])),
    })
}

impl World {
    /// With a plugin that is installed from a repository.
    async fn installed(double: &Double) -> Self {
        let world = Self::with(double, |settings, root| {
            settings.executable = script(root, "bound", BOUND).into();
            settings.plugins.git = vec![script(root, "git", GIT)];
            settings.compose.command = vec![script(root, "compose", COMPOSE)];
        });
        world.commit("1", false);
        let url = "https://example.org/a";
        let (entry, _) = world.plugins.download(url).await.unwrap();
        world.list(&json!([entry.with_enabled(true).to_json()]));
        world.plugins.set_compose_paths(&[PATH.to_owned()]).await.unwrap();
        world
    }

    /// What the repository has from now on.
    fn commit(&self, commit: &str, is_privileged: bool) {
        let root = self.directory.path();
        let repository = root.join("repository");
        fs::create_dir_all(&repository).unwrap();
        fs::write(root.join("commit"), commit.repeat(40)).unwrap();
        fs::write(repository.join("docker-compose.yml"), commit).unwrap();
        fs::write(repository.join("plugin.json"), json!({ "Name": "a", "URI": "a" }).to_string()).unwrap();
        let services = json!({ "web": { "image": "web", "privileged": is_privileged } });
        fs::write(repository.join("config.json"), json!({ "name": "a", "services": services }).to_string()).unwrap();
    }

    /// The commit that lies where the plugin is started from.
    fn present(&self) -> String {
        fs::read_to_string(self.directory.path().join(PATH)).unwrap()
    }

    /// Whether nothing but the clone is among the clones.
    fn is_tidy(&self) -> bool {
        fs::read_dir(self.directory.path().join("plugins/user")).unwrap().count() == 1
    }

    fn was_started(&self) -> bool {
        fs::read_to_string(self.directory.path().join("said")).unwrap().contains("up")
    }
}

#[tokio::test]
async fn a_refused_update_leaves_what_was_there_and_can_be_agreed_to() {
    let double = engine();
    let world = World::installed(&double).await;
    world.commit("2", true);
    let (_, refused) = world.plugins.update("a").await.unwrap();
    let consent = refused.expect("nobody was asked");
    assert_eq!(consent.concerns, ["service web is privileged"]);
    assert!(world.present() == "1" && world.is_tidy() && !world.was_started());

    let entry = world.plugins.list().await.unwrap().remove(0).to_json();
    let other = ["something else".to_owned()];
    for confirmed in [&[][..], &other, &[consent.concerns.clone(), other.to_vec()].concat()] {
        assert!(
            matches!(world.put(&entry, confirmed).await.unwrap(), Outcome::Done(_)),
            "what is here asks for nothing"
        );
        assert!(world.plugins.update("a").await.unwrap().1.is_some(), "{confirmed:?} is another list");
        assert_eq!(world.present(), "1");
    }
    assert!(matches!(world.put(&entry, &consent.concerns).await.unwrap(), Outcome::Done(_)));
    assert_eq!(world.present(), "1", "agreeing fetches nothing");
    let (updated, refused) = world.plugins.update("a").await.unwrap();
    assert!(updated.git && refused.is_none());
    assert!(world.present() == "2" && world.is_tidy());
    assert!(!world.plugins.update("a").await.unwrap().0.git, "it is the newest");
}

#[tokio::test]
async fn an_update_that_fails_leaves_what_was_there() {
    let double = engine();
    let world = World::installed(&double).await;
    let root = world.directory.path();
    world.commit("2", false);
    fs::write(root.join("away"), "").unwrap();
    world.plugins.update("a").await.unwrap_err();
    assert!(world.present() == "1" && world.is_tidy() && !world.was_started());
    fs::remove_file(root.join("away")).unwrap();
    fs::write(root.join("repository/config.json"), "no JSON").unwrap();
    world.plugins.update("a").await.unwrap_err();
    assert!(world.present() == "1" && world.is_tidy() && !world.was_started());
    world.commit("2", false);
    assert!(world.plugins.update("a").await.unwrap().0.git, "it is still newer");
    assert!(world.present() == "2" && world.was_started());
}

#[tokio::test]
async fn an_update_that_nobody_waits_for_leaves_what_was_there() {
    let double = engine();
    let world = World::installed(&double).await;
    world.commit("2", false);
    // Longer than anybody waits.
    script(world.directory.path(), "compose", "exec sleep 60");
    let update = world.plugins.update("a");
    assert!(tokio::time::timeout(std::time::Duration::from_secs(1), update).await.is_err());
    assert!(world.present() == "1" && world.is_tidy());
}
