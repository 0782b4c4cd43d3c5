//! Long-running programs that outlive `cargo xtask`: the private engine, its registry, an engine without an init system.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Starts a program in a session of its own, so that neither Ctrl-C nor closing the terminal reaches it. Its output goes
/// to the end of the file `log`.
pub(crate) fn spawn_detached(command: &mut Command, log: &Path) -> Result<()> {
    let log =
        File::options().create(true).append(true).open(log).with_context(|| format!("opening {}", log.display()))?;
    let mut detached = Command::new("setsid");
    detached.arg("--fork").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => detached.env(name, value),
            None => detached.env_remove(name),
        };
    }
    detached.stdin(Stdio::null()).stdout(log.try_clone().context("sharing the log")?).stderr(log);
    crate::program::run(&mut detached)
}

/// Asks every 20 ms until the answer is yes; an error after `limit`.
pub(crate) fn wait_until(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !ready() {
        if Instant::now() > deadline {
            bail!("{what} took longer than {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The ids of processes that run a program of this name (or one that begins with it) and have `part` in their command
/// line. The name keeps a pager or an editor that looks at the same path out of it.
pub(crate) fn find(program: &str, part: &str) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| matches(&line, program, part)))
        .filter_map(Pid::from_raw)
        .collect()
}

/// Asks processes to end, waits up to `patience`, then ends those that are left.
pub(crate) fn stop(ids: &[Pid], patience: Duration) {
    signal(ids, Signal::TERM);
    if wait_until("stopping", patience, || ids.iter().all(|&id| !is_alive(id))).is_err() {
        signal(ids, Signal::KILL);
        // A killed process is gone as soon as the kernel gets to it; nothing depends on the exact moment.
        wait_until("killing", Duration::from_secs(5), || ids.iter().all(|&id| !is_alive(id))).ok();
    }
}

/// Whether a process exists and still runs: one that is dead and not yet collected by its parent does not.
fn is_alive(id: Pid) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

fn signal(ids: &[Pid], signal: Signal) {
    for &id in ids {
        // It may have ended by itself between listing and now, which is what was wanted.
        kill_process(id, signal).ok();
    }
}

/// `line` is a command line as the kernel gives it, with a zero byte after each word.
fn matches(line: &[u8], program: &str, part: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let first = line.split('\0').next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default();
    name.starts_with(program) && line.contains(part)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn finds_the_program_and_not_those_who_look_at_it() {
        assert!(matches(b"/usr/sbin/dockerd\0--pidfile\0/t/engine/docker.pid\0", "dockerd", "/t/engine/"));
        assert!(!matches(b"less\0/t/engine/dockerd.log\0", "dockerd", "/t/engine/"));
        assert!(!matches(b"/usr/sbin/dockerd\0", "dockerd", "/t/engine/"));
    }
}
