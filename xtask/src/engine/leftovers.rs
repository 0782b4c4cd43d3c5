//! What an engine leaves behind: containers while it runs, mounts and bridges after it is gone.

use std::process::Command;

use anyhow::{Context, Result};

use super::{Place, network};
use crate::docker::Docker;
use crate::program;

/// Removes containers, networks and volumes of a running engine. What cannot be removed by the engine goes with its
/// processes and its directories, so nothing here is an error.
pub(super) fn empty(docker: &Docker) {
    if !docker.answers() {
        return;
    }
    remove_listed(docker, ["ps", "--all", "--quiet"], ["rm", "--force", "--volumes"]);
    remove_listed(docker, ["network", "ls", "--quiet", "--filter=type=custom"], ["network", "rm"]);
    remove_listed(docker, ["volume", "ls", "--quiet"], ["volume", "rm", "--force"]);
}

/// Unmounts and deletes what the processes left.
pub(super) fn remove(place: &Place) -> Result<()> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").context("reading the list of mounts")?;
    for mount in mounts_below(&mounts, &format!("{}/", place.root().display())) {
        program::run_quietly(Command::new("umount").arg("--lazy").arg(mount))?;
    }
    network::remove_bridges()?;
    if place.run().exists() {
        std::fs::remove_dir_all(place.run()).with_context(|| format!("removing {}", place.run().display()))?;
    }
    Ok(())
}

fn remove_listed<const N: usize, const M: usize>(docker: &Docker, list: [&str; N], remove: [&str; M]) {
    let listed = program::read(&mut docker.command(list)).unwrap_or_default();
    if !listed.is_empty() {
        program::run_quietly(docker.command(remove).args(listed.lines())).ok();
    }
}

/// Later mounts come first: they may lie on earlier ones.
fn mounts_below<'a>(mounts: &'a str, prefix: &str) -> Vec<&'a str> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let mut below: Vec<_> = points.filter(|point| point.starts_with(prefix)).collect();
    below.reverse();
    below
}

#[cfg(test)]
mod tests {
    use super::mounts_below;

    #[test]
    fn unmounts_from_the_inside_out() {
        let mounts = "proc /proc proc rw 0 0\noverlay /t/engine/a overlay rw 0 0\nnsfs /t/engine/a/b nsfs rw 0 0\nx /t/engine2 x rw 0 0\n";
        assert_eq!(mounts_below(mounts, "/t/engine/"), ["/t/engine/a/b", "/t/engine/a"]);
    }
}
