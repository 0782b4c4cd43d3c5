//! Which mounts hold data that has to come back with the old version.

use std::{collections::BTreeSet, path::Path};

use super::{Facts, LockPlace};
use crate::{
    engine::{Mount, MountKind, Source},
    policy,
};

/// Label that says what is copied: `off` for nothing, `all` for every writable bind too.
const SNAPSHOT_LABEL: &str = "snapshot";

/// What is the host's own, and no data of an application, although containers often may write to it.
const OF_THE_HOST: [&str; 7] = ["/dev", "/proc", "/sys", "/run", "/var/run", "/etc/localtime", "/etc/timezone"];

/// The data to copy, and warnings about what is left out.
///
/// Data is in writable volumes, and in writable binds below the directory of the compose project. What lies elsewhere on the
/// host may be the application's own or such as a media library, which nobody can tell: it is left out, and that is said.
pub(super) fn sources(facts: &Facts) -> (Vec<Source>, Vec<String>) {
    let wish = policy::value(&facts.container.labels, SNAPSHOT_LABEL).unwrap_or_default().trim().to_ascii_lowercase();
    if wish == "off" {
        return (Vec::new(), Vec::new());
    }
    let directory = facts.project.as_ref().map(|project| project.project.working_dir.as_str());
    let mut sources: Vec<Source> = Vec::new();
    let mut warnings = BTreeSet::new();
    // All containers of the service are stopped together, so what they share is nobody else's.
    let mounts = facts.peers().iter().chain([&facts.container]).rev().flat_map(|container| &container.mounts);
    for mount in mounts.filter(|mount| is_kept(mount, &facts.locks)) {
        let source = Source { kind: mount.kind, source: mount.source.clone() };
        if sources.contains(&source) {
            continue;
        }
        let is_own = || directory.is_some_and(|directory| is_below(&mount.source, directory));
        if mount.kind == MountKind::Bind && wish != "all" && !is_own() {
            warnings.insert(format!(
                "{} is not copied, and would not be brought back: it is outside of the project's directory, and may not be \
                 this container's alone (the label homeport.snapshot=all has it copied, =off says that nothing is)",
                mount.source
            ));
            continue;
        }
        match facts.shared.iter().find(|shared| shared.sources.contains(&mount.source)) {
            Some(other) => {
                warnings.insert(format!(
                    "{} is also written to by {}: it is not copied, and would not be brought back",
                    mount.source, other.container
                ));
            }
            None => sources.push(source),
        }
    }
    (sources, warnings.into_iter().collect())
}

/// Whether a container may keep data there.
fn is_kept(mount: &Mount, locks: &[LockPlace]) -> bool {
    let is_of_the_host = || {
        let path = Path::new(&mount.source);
        mount.source == "/" || OF_THE_HOST.iter().any(|place| path.starts_with(place))
    };
    mount.is_writable
        && !locks.iter().any(|place| place.directory.source == mount.source)
        && match mount.kind {
            MountKind::Volume => true,
            MountKind::Bind => !is_of_the_host(),
            MountKind::Other => false,
        }
}

/// Whether a path is below the directory. The directory itself is not: it holds the compose file.
fn is_below(path: &str, directory: &str) -> bool {
    !directory.is_empty() && path != directory && Path::new(path).starts_with(directory)
}
