//! All services in one process.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, SERVICES, binary, free_port, until};

use crate::World;

pub fn all_in_one_process_drains(world: &World) -> Outcome {
    let directory = world.run.directory.join("serve");
    let homeport = || {
        let mut command = std::process::Command::new(binary("homeport"));
        command.env("HOMEPORT_STATE", directory.join("state")).env("HOMEPORT_CONFIGS", directory.join("configs"));
        command.env("DOCKER_HOST", world.run.engine.host()).stderr(Stdio::null());
        command
    };
    let mut serve = homeport();
    serve.arg("serve").env("HOMEPORT_HTTP", format!("127.0.0.1:{}", free_port()?)).stdout(Stdio::null());
    // The gateway's health is asked over the address that it was given.
    let address =
        serve.get_envs().find(|(key, _)| *key == "HOMEPORT_HTTP").and_then(|(_, value)| value).context("set above")?;
    let address = address.to_owned();
    let mut child = serve.spawn()?;
    for service in SERVICES {
        until(&format!("{service} is healthy"), Duration::from_secs(20), || {
            homeport()
                .args(["healthcheck", service])
                .env("HOMEPORT_HTTP", &address)
                .status()
                .is_ok_and(|status| status.success())
        })?;
    }
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).context("no process id")?;
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    let mut ended = None;
    until("it drains", Duration::from_secs(12), || {
        ended = child.try_wait().ok().flatten();
        ended.is_some()
    })?;
    ensure!(ended.is_some_and(|status| status.success()), "it ended with {ended:?}");
    Ok(())
}
