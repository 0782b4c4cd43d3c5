//! The shell for people's scripts: a static busybox.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::libraries;
use crate::host::{Release, apt};
use crate::{program, repository, say::say};

/// The package of the distribution that has it.
const PACKAGE: &str = "busybox-static";

/// The installed one if it is static, or that of the distribution unpacked below `target`.
pub(crate) fn busybox() -> Result<PathBuf> {
    if let Some(installed) = program::find("busybox").filter(|path| is_static(path)) {
        return Ok(installed);
    }
    let root = repository::target_directory("shell")?;
    // Where it is depends on whether the release has merged /bin into /usr.
    let places = ["usr/bin/busybox", "bin/busybox"].map(|place| root.join(place));
    if !places.iter().any(|place| place.exists()) {
        say(format_args!("Unpacking {PACKAGE} for the scripts of the updater …"));
        apt::unpack(&Release::read()?.codename, &[PACKAGE], &root)?;
    }
    match places.into_iter().find(|place| place.exists()) {
        Some(found) => Ok(found),
        None => bail!("the package {PACKAGE} has no busybox; install one that is linked statically"),
    }
}

fn is_static(program: &Path) -> bool {
    libraries::of(program).is_ok_and(|libraries| libraries.is_empty())
}
