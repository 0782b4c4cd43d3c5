//! Which mounts hold data that has to come back with the old version.

use std::path::Path;

use super::{Facts, LockPlace};
use crate::engine::{Mount, MountKind, Source};

/// Label that says what is copied: `off` for nothing, `all` for every writable bind too.
const SNAPSHOT_LABEL: &str = "homeport.snapshot";

/// The data to copy, and warnings about what is left out.
///
/// Data is in writable volumes, and in writable binds below the directory of the compose project: what lies elsewhere on
/// the host, such as a media library, is not the application's own.
pub(super) fn sources(facts: &Facts) -> (Vec<Source>, Vec<String>) {
    let wish = facts.container.label(SNAPSHOT_LABEL).unwrap_or_default();
    if wish == "off" {
        return (Vec::new(), Vec::new());
    }
    let directory = facts.project.as_ref().map(|project| project.project.working_dir.as_str());
    let mut sources: Vec<Source> = Vec::new();
    let mut warnings = Vec::new();
    // All containers of the service are stopped together, so what they share is nobody else's.
    let mounts = facts.peers().iter().chain([&facts.container]).rev().flat_map(|container| &container.mounts);
    for mount in mounts.filter(|mount| is_data(mount, directory, wish == "all", &facts.locks)) {
        let source = Source { kind: mount.kind, source: mount.source.clone() };
        if sources.contains(&source) {
            continue;
        }
        match facts.shared.iter().find(|shared| shared.sources.contains(&mount.source)) {
            Some(other) => warnings.push(format!(
                "{} is also written to by {}: it is not copied, and would not be brought back",
                mount.source, other.container
            )),
            None => sources.push(source),
        }
    }
    (sources, warnings)
}

fn is_data(mount: &Mount, directory: Option<&str>, all: bool, locks: &[LockPlace]) -> bool {
    mount.is_writable
        && !locks.iter().any(|place| place.directory.source == mount.source)
        && match mount.kind {
            MountKind::Volume => true,
            MountKind::Bind => all || directory.is_some_and(|directory| is_below(&mount.source, directory)),
            MountKind::Other => false,
        }
}

/// Whether a path is below the directory. The directory itself is not: it holds the compose file.
fn is_below(path: &str, directory: &str) -> bool {
    !directory.is_empty() && path != directory && Path::new(path).starts_with(directory)
}
