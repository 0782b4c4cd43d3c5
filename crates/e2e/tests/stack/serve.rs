//! All services from one command.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, SERVICES, binary, free_port, until};
use rustix::process::{Pid, Signal, kill_process};

use crate::World;

/// How long the processes may take to end.
const DRAIN: Duration = Duration::from_secs(12);

/// `homeport serve` over a directory. Dropping it kills it, and with it what it has started.
struct Serve<'a> {
    world: &'a World,
    address: String,
    child: Child,
}

impl<'a> Serve<'a> {
    fn start(world: &'a World) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let child = Self::command(world, &address).arg("serve").spawn()?;
        let serve = Self { world, address, child };
        for service in SERVICES {
            until(&format!("{service} is healthy"), Duration::from_secs(20), || serve.is_healthy(service))?;
        }
        Ok(serve)
    }

    fn command(world: &World, address: &str) -> Command {
        let directory = world.run.directory.join("serve");
        let mut command = Command::new(binary("homeport"));
        command
            .env("HOMEPORT_STATE", directory.join("state"))
            .env("HOMEPORT_CONFIGS", directory.join("configs"))
            .env("HOMEPORT_HTTP", address)
            .env("DOCKER_HOST", world.run.engine.host())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn is_healthy(&self, service: &str) -> bool {
        let mut command = Self::command(self.world, &self.address);
        command.args(["healthcheck", service]).status().is_ok_and(|status| status.success())
    }

    fn signal(&self, signal: Signal) -> Outcome {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Serve<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn all_from_one_command_drain(world: &World) -> Outcome {
    let mut serve = Serve::start(world)?;
    serve.signal(Signal::INT)?;
    let mut ended = None;
    until("it drains", DRAIN, || {
        ended = serve.child.try_wait().ok().flatten();
        ended.is_some()
    })?;
    ensure!(ended.is_some_and(|status| status.success()), "it ended with {ended:?}");
    ensure!(!serve.is_healthy("auth"), "auth serves although whoever started it has drained");
    Ok(())
}

pub fn nothing_outlives_a_kill_of_it(world: &World) -> Outcome {
    let mut serve = Serve::start(world)?;
    serve.signal(Signal::KILL)?;
    serve.child.wait()?;
    until("auth ends, too", DRAIN, || !serve.is_healthy("auth"))?;
    Serve::start(world).map(drop)
}
