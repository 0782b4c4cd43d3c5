//! The two daemons of the private engine.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Place, Programs, network};
use crate::docker::Docker;
use crate::process::{self, find, spawn_detached, wait_until};
use crate::repository::quoted;

/// Both daemons answer within a second; their first start creates their storage.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The engine gives its containers 10 s to stop before it ends itself.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// Starts what is not running. containerd is a process of its own, as on an installed system: containers then live on
/// when the engine is killed, and the engine finds them again.
pub(super) fn start(place: &Place, programs: &Programs, docker: &Docker) -> Result<()> {
    start_containerd(place, programs)?;
    let log = place.join("dockerd.log");
    let see_log = || format!("see {}", log.display());
    // One that is starting is waited for, one that is dying is not taken for it.
    let own = place.pid_file().display().to_string();
    let settled = || docker.answers() || find("dockerd", &own).is_empty();
    wait_until("the engine", START_LIMIT, settled).with_context(see_log)?;
    if !docker.answers() {
        start_engine(place, programs)?;
    }
    wait_until("starting the engine", START_LIMIT, || docker.answers()).with_context(see_log)
}

/// Ends both daemons and what stands between them and the containers.
pub(super) fn stop(place: &Place) {
    let own = place.root().display().to_string();
    for program in ["dockerd", "containerd-shim", "containerd"] {
        process::stop(&find(program, &own), STOP_PATIENCE);
    }
    fs::remove_file(place.pid_file()).ok();
    place.clear_version();
}

fn start_containerd(place: &Place, programs: &Programs) -> Result<()> {
    let socket = place.containerd_socket();
    let configuration = place.run().join("containerd.toml");
    if !find("containerd", &configuration.display().to_string()).is_empty() {
        return Ok(());
    }
    fs::create_dir_all(place.run()).with_context(|| format!("creating {}", place.run().display()))?;
    fs::remove_file(&socket).ok();
    fs::write(&configuration, containerd_configuration(place, programs))
        .context("writing the configuration of containerd")?;
    let log = place.join("containerd.log");
    spawn_detached(programs.command("containerd")?.arg("--config").arg(&configuration), &log)?;
    wait_until("starting containerd", START_LIMIT, || std::os::unix::net::UnixStream::connect(&socket).is_ok())
        .with_context(|| format!("see {}", log.display()))
}

fn containerd_configuration(place: &Place, programs: &Programs) -> String {
    format!(
        "version = 2\nroot = {}\nstate = {}\n\
         # Kubernetes' side of containerd; the engine does not use it, and it would want a port of its own.\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {}\n",
        quoted(&place.data(&programs.version).join("containerd")),
        quoted(&place.run().join("containerd")),
        quoted(&place.containerd_socket()),
    )
}

fn start_engine(place: &Place, programs: &Programs) -> Result<()> {
    // The engine refuses to start over the id of a killed one as long as its parent has not collected that.
    fs::remove_file(place.pid_file()).ok();
    let mut dockerd = programs.command("dockerd")?;
    dockerd
        .args(["--host", &place.host()])
        .arg("--data-root")
        .arg(place.data(&programs.version).join("docker"))
        .arg("--exec-root")
        .arg(place.run().join("docker"))
        .arg("--pidfile")
        .arg(place.pid_file())
        .arg("--containerd")
        .arg(place.containerd_socket())
        .args(["--bridge", network::BRIDGE, "--default-address-pool", network::POOL])
        // Published ports go through the engine's own proxy: with rules in the firewall, two engines on one machine
        // would flush each other's, and a killed one would leave its own behind.
        .args(["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"])
        .args(["--insecure-registry", crate::fixtures::REGISTRY, "--shutdown-timeout", "10"]);
    spawn_detached(&mut dockerd, &place.join("dockerd.log"))
}
