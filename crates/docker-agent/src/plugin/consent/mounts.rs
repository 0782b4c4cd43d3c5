//! What a project mounts of the host.
//!
//! A plugin's own directories may be mounted unasked, but only so that no mount lets it choose what another one mounts: in
//! a directory that it writes to it can put a link to `/` in place of anything, and the engine follows links.

use std::{
    io,
    path::{Component, Path, PathBuf},
};

use serde_json::Value;

use super::HIGHEST;
use crate::document::Document as _;

/// What belongs to the plugin.
#[derive(Debug, Clone, Default)]
pub(in crate::plugin) struct Own {
    /// Name of its compose project.
    pub(in crate::plugin) project: String,
    /// Names of the other plugins' projects.
    pub(in crate::plugin) other_projects: Vec<String>,
    /// Directories on the host whose parents the plugin cannot write to: exactly these may be mounted.
    pub(in crate::plugin) exact: Vec<PathBuf>,
    /// The same, to be read only.
    pub(in crate::plugin) exact_read_only: Vec<PathBuf>,
    /// The plugin's own files: everything below, to be read only or written.
    pub(in crate::plugin) below: PathBuf,
}

/// All mounts of a project, each of which is judged by what the others let the plugin do.
pub(super) struct Mounts<'a> {
    own: &'a Own,
    /// Where the plugin can write, in every spelling that is known.
    writable: Vec<PathBuf>,
}

impl Own {
    /// Whether a volume or network of this name is the project's: compose puts the project's name before those that a file
    /// names itself. One that begins with a longer name of another's project is the other's.
    pub(super) fn names(&self, name: &str) -> bool {
        let begins = |project: &str| name.strip_prefix(project).is_some_and(|rest| rest.starts_with('_'));
        let is_closer = |other: &String| other.len() > self.project.len() && begins(other);
        name.is_empty() || (begins(&self.project) && !self.other_projects.iter().any(is_closer))
    }

    fn holds(&self, path: &Path, read_only: bool) -> bool {
        let is_plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        is_plain
            && (self.exact.iter().any(|own| own == path)
                || (read_only && self.exact_read_only.iter().any(|own| own == path))
                || path.starts_with(&self.below))
    }

    /// The first link on the way to one of the plugin's own paths. What is above its directories is not its to change.
    fn link(&self, path: &Path) -> Option<PathBuf> {
        let first = if path.starts_with(&self.below) { self.below.as_path() } else { path };
        let mut way: Vec<&Path> = path.ancestors().take_while(|part| part.starts_with(first)).collect();
        way.reverse();
        let is_link = |part: &&&Path| match std::fs::symlink_metadata(part) {
            Ok(found) => found.is_symlink(),
            // Nothing is there yet; the engine will make a directory.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        way.iter().find(is_link).map(|part| (*part).to_owned())
    }
}

impl<'a> Mounts<'a> {
    /// Those of a project as `docker compose config` describes it.
    pub(super) fn of(config: &Value, own: &'a Own) -> Self {
        let services = config.fields("services").flat_map(|(_, service)| service.list("volumes"));
        let binds = services.filter(|mount| mount.text("type") == "bind" && !mount.flag("read_only"));
        let devices = config.fields("volumes").map(|(_, volume)| volume.text("driver_opts.device"));
        let sources = binds.map(|mount| mount.text("source")).chain(devices).filter(|source| source.starts_with('/'));
        Self { own, writable: sources.flat_map(|source| spellings(Path::new(source))).collect() }
    }

    /// The concern about a mount of a service, if it is one.
    pub(super) fn judge(&self, mount: &Value) -> Option<(u32, String)> {
        let read_only = mount.flag("read_only");
        match mount.text("type") {
            "volume" | "tmpfs" => None,
            "bind" => {
                let (weight, thing) = self.path(Path::new(mount.text("source")), read_only)?;
                let how = if read_only { "reads" } else { "writes to" };
                Some((weight, format!("{how} {thing}")))
            }
            other => Some((HIGHEST, format!("mounts something of the type {other}"))),
        }
    }

    /// What a path of the host is, and how bad it is to have it; none if it is the plugin's own and stays so.
    pub(super) fn path(&self, path: &Path, read_only: bool) -> Option<(u32, String)> {
        let (thing, weight) = host_path(path, read_only);
        if self.can_be_exchanged(path) {
            let text = format!("{thing}, in place of which the plugin can put a link to anything of the host");
            return Some((HIGHEST, text));
        }
        if !self.own.holds(path, read_only) {
            return Some((weight, thing));
        }
        let link = self.own.link(path)?;
        // Where it leads is part of the sentence, so that nobody has agreed to another place.
        let text = match link.canonicalize() {
            Ok(target) => {
                let (target, weight) = host_path(&target, read_only);
                (weight, format!("{thing}, where {} is a link to {target}", link.display()))
            }
            Err(_) => (HIGHEST, format!("{thing}, where {} is a link to nothing that is known", link.display())),
        };
        Some(text)
    }

    /// Whether the plugin can write to a directory that the path lies in. What is mounted itself it cannot exchange.
    fn can_be_exchanged(&self, path: &Path) -> bool {
        let spellings = spellings(path);
        let is_above = |above: &PathBuf| spellings.iter().any(|path| path != above && path.starts_with(above));
        self.writable.iter().any(is_above)
    }
}

/// How bad it is to have a path of the host.
pub(super) fn host_path(path: &Path, read_only: bool) -> (String, u32) {
    let text = path.display();
    let holds_socket = ["/", "/run", "/var", "/var/run"].iter().any(|directory| path == Path::new(directory));
    let is_socket = path.extension().is_some_and(|extension| extension == "sock" || extension == "socket");
    if is_socket || path.ends_with("docker") {
        (format!("{text}, the engine's socket or what may be it"), HIGHEST)
    } else if holds_socket {
        (format!("{text} of the host, where the engine's socket is"), HIGHEST)
    } else {
        (format!("{text} of the host"), if read_only { 20 } else { 40 })
    }
}

/// A path without `..`, and where its links lead.
fn spellings(path: &Path) -> Vec<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    let mut spellings = vec![plain];
    spellings.extend(path.canonicalize().ok().filter(|real| *real != spellings[0]));
    spellings
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use serde_json::json;

    use super::{super::concerns, *};

    fn bind(source: &Path, read_only: bool) -> Value {
        json!({ "type": "bind", "source": source, "target": "/x", "read_only": read_only })
    }

    fn check(root: &Path, mounts: &[Value], expected: &[&str]) {
        let own = Own {
            project: "p".to_owned(),
            exact: vec![root.join("state/plugins/x")],
            exact_read_only: vec![root.join("state/api")],
            below: root.join("plugins/x"),
            ..Own::default()
        };
        let config = json!({ "services": { "s": { "volumes": mounts } } });
        let found: Vec<String> = concerns(&config, &own).into_iter().map(|concern| concern.text).collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|text| format!("service s {}", text.replace("ROOT", &root.display().to_string())))
            .collect();
        assert_eq!(found, expected, "{mounts:?}");
    }

    #[test]
    fn mounts_of_the_host_are_named() {
        let check = |source: &str, read_only: bool, expected: &str| {
            check(Path::new("/hp"), &[bind(Path::new(source), read_only)], &[expected]);
        };
        check("/etc", true, "reads /etc of the host");
        check("/hp/state/auth", false, "writes to /hp/state/auth of the host");
        check("/hp/state/api", false, "writes to /hp/state/api of the host");
        check("/hp/state/plugins/x/link", true, "reads /hp/state/plugins/x/link of the host");
        check("/hp/plugins/x/../../state/auth", true, "reads /hp/plugins/x/../../state/auth of the host");
        check("/", true, "reads / of the host, where the engine's socket is");
        check("/var/run/docker.sock", true, "reads /var/run/docker.sock, the engine's socket or what may be it");
    }

    #[test]
    fn what_lies_in_a_directory_that_the_plugin_writes_to_is_asked_for() {
        let root = Path::new("/hp");
        let (above, inner) = (root.join("plugins/x/d"), root.join("plugins/x/d/l"));
        let exchanged = "/d/l of the host, in place of which the plugin can put a link to anything of the host";
        let (reads, writes) =
            (format!("reads ROOT/plugins/x{exchanged}"), format!("writes to ROOT/plugins/x{exchanged}"));
        check(root, &[bind(&above, false), bind(&inner, true)], &[&reads]);
        check(root, &[bind(&inner, false), bind(&above, false)], &[&writes]);
        // Nothing can be exchanged where nothing can be written, and no mount exchanges its own source.
        check(root, &[bind(&above, true), bind(&inner, false)], &[]);
        check(root, &[bind(&above, false), bind(&above, true), bind(&root.join("plugins/x/e"), false)], &[]);
    }

    #[test]
    fn a_secret_or_volume_counts_as_a_mount() {
        let own = Own { project: "p".to_owned(), below: "/hp/plugins/x".into(), ..Own::default() };
        let config = json!({
            "services": { "s": { "volumes": [bind(Path::new("/hp/plugins/x/d"), false), bind(Path::new("/hp/plugins/x/v/l"), true)] } },
            "secrets": { "a": { "file": "/hp/plugins/x/d/l" }, "b": { "file": "/hp/plugins/x/e" } },
            "volumes": { "v": { "driver_opts": { "type": "none", "o": "bind", "device": "/hp/plugins/x/v" } } },
        });
        let found: Vec<String> = concerns(&config, &own).into_iter().map(|concern| concern.text).collect();
        assert_eq!(
            found,
            [
                "secrets a reads /hp/plugins/x/d/l of the host, in place of which the plugin can put a link to anything of the host",
                "service s reads /hp/plugins/x/v/l of the host, in place of which the plugin can put a link to anything of the host",
                "volume v is /hp/plugins/x/v of the host",
            ]
        );
    }

    #[test]
    fn a_link_in_an_own_directory_is_asked_for_with_where_it_leads() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        for own in ["plugins/x/files", "state/plugins", "other"] {
            std::fs::create_dir_all(root.join(own)).unwrap();
        }
        check(&root, &[bind(&root.join("plugins/x/files"), false), bind(&root.join("state/plugins/x"), false)], &[]);
        check(&root, &[bind(&root.join("plugins/x/not/there"), false)], &[]);
        symlink("/", root.join("plugins/x/link")).unwrap();
        symlink("nowhere", root.join("plugins/x/dangling")).unwrap();
        symlink(root.join("other"), root.join("state/plugins/x")).unwrap();
        let link = "reads ROOT/plugins/x/link/etc of the host, where ROOT/plugins/x/link is a link to / of the host, where the engine's socket is";
        check(&root, &[bind(&root.join("plugins/x/link/etc"), true)], &[link]);
        let dangling = "writes to ROOT/plugins/x/dangling of the host, where ROOT/plugins/x/dangling is a link to nothing that is known";
        check(&root, &[bind(&root.join("plugins/x/dangling"), false)], &[dangling]);
        let exact = "writes to ROOT/state/plugins/x of the host, where ROOT/state/plugins/x is a link to ROOT/other of the host";
        check(&root, &[bind(&root.join("state/plugins/x"), false)], &[exact]);
    }

    #[test]
    fn a_link_above_the_plugins_directories_is_not_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        std::fs::create_dir_all(real.join("real/plugins/x/files")).unwrap();
        symlink("real", real.join("hp")).unwrap();
        let root = real.join("hp");
        check(&root, &[bind(&root.join("plugins/x/files"), false), bind(&root.join("state/api"), true)], &[]);
    }
}
