//! The bus alone, started from the shipped binary. It needs no engine.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::{binary, until};

/// How long it may take to start or to end.
const LIMIT: Duration = Duration::from_secs(20);

/// A process of the bus over a directory. Dropping it kills it.
#[derive(Debug)]
pub struct Bus {
    directory: PathBuf,
    settings: Vec<(OsString, OsString)>,
    child: Child,
}

impl Bus {
    /// Starts a bus below a directory and waits until it listens. `settings` are environment variables.
    pub fn start(directory: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let settings = settings.iter().map(|(key, value)| (key.into(), value.into())).collect::<Vec<_>>();
        let child = spawn(directory, &settings)?;
        let mut bus = Self { directory: directory.to_owned(), settings, child };
        bus.wait_until_it_listens()?;
        Ok(bus)
    }

    /// Starts another process in the place of this one, which has ended or is killed.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill()?;
        self.child = spawn(&self.directory, &self.settings)?;
        self.wait_until_it_listens()
    }

    /// Starts one more process over the same directory, for as long as that one lets it.
    pub fn second(&self) -> anyhow::Result<Child> {
        spawn(&self.directory, &self.settings)
    }

    /// The socket that everybody knows.
    pub fn socket(&self) -> PathBuf {
        self.state("api/eventbus.sock")
    }

    /// A path below its state directory.
    pub fn state(&self, path: &str) -> PathBuf {
        self.directory.join("state").join(path)
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop.
    pub fn begin_drain(&self) {
        if let Some(pid) = i32::try_from(self.process_id()).ok().and_then(Pid::from_raw) {
            // One that has ended already needs no signal.
            kill_process(pid, Signal::TERM).ok();
        }
    }

    /// Asks it to stop and waits until it has ended well.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.begin_drain();
        self.wait()
    }

    /// Waits until it has ended, and ended well.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        until("the bus ends", LIMIT, || matches!(self.child.try_wait(), Ok(Some(_))))?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the bus ended with {status}, by signal {:?}", status.signal());
        Ok(())
    }

    fn wait_until_it_listens(&mut self) -> anyhow::Result<()> {
        let socket = self.socket();
        let listens = || std::os::unix::net::UnixStream::connect(&socket).is_ok();
        let ended = |child: &mut Child| matches!(child.try_wait(), Ok(Some(_)));
        until("the bus listens", LIMIT, || listens() || ended(&mut self.child))?;
        ensure!(!ended(&mut self.child), "the bus ended at once; its log is {}", self.log().display());
        Ok(())
    }

    /// What it wrote.
    pub fn log(&self) -> PathBuf {
        self.directory.join("bus.log")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

fn spawn(directory: &Path, settings: &[(OsString, OsString)]) -> anyhow::Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(directory.join("bus.log"))?;
    Command::new(binary("homeport-bus"))
        .args(["run", "bus"])
        .env("HOMEPORT_STATE", directory.join("state"))
        .env("HOMEPORT_CONFIGS", directory.join("configs"))
        .envs(settings.iter().cloned())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot start the bus")
}
