//! `homeport init-state`: the directories that the services need, each with the owner and mode it needs.
//!
//! It only ever adds, and may run as often as one likes. What belongs to a service is handed to that service's user;
//! settings stay with whoever owns the settings directory, who is the one to edit them.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homeport_service::{config::Environment, file};

/// Where, and for which users.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Directory of everything that Homeport remembers [default: $HOMEPORT_STATE, or ./state]
    #[arg(long)]
    state: Option<PathBuf>,
    /// Directory of settings and of the plugin list [default: $HOMEPORT_CONFIGS, or ./configs]
    #[arg(long)]
    configs: Option<PathBuf>,
    /// User id of the gateway
    #[arg(long, value_name = "UID", default_value_t = 10001)]
    gateway_uid: u32,
    /// User id of the bus
    #[arg(long, value_name = "UID", default_value_t = 10002)]
    bus_uid: u32,
    /// User id of auth
    #[arg(long, value_name = "UID", default_value_t = 10003)]
    auth_uid: u32,
    /// User id of docker-agent; the socket of the engine belongs to root
    #[arg(long, value_name = "UID", default_value_t = 0)]
    docker_uid: u32,
    /// User id of the updater
    #[arg(long, value_name = "UID", default_value_t = 10005)]
    updater_uid: u32,
    /// Group id that all services share, and that lets one into the socket directory of another
    #[arg(long, value_name = "GID", default_value_t = 10000)]
    gid: u32,
}

/// Makes what is missing and sets what is wrong. Without root, owners stay as they are: everything then belongs to
/// the one user that runs everything.
pub(crate) fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<()> {
    let place = |given: &Option<PathBuf>, variable: &str, default: &str| {
        given.clone().unwrap_or_else(|| environment.get(variable).unwrap_or(default).into())
    };
    let state = place(&arguments.state, "HOMEPORT_STATE", "./state");
    let configs = place(&arguments.configs, "HOMEPORT_CONFIGS", "./configs");
    make_state(&state, arguments)?;
    make_configs(&configs, arguments.gid)
}

fn make_state(state: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let gid = arguments.gid;
    directory(state)?;
    // Plugins of any user connect to the bus, and bring sockets of their own.
    own(&state.join("api"), arguments.bus_uid, gid, 0o755)?;
    own(&state.join("plugins"), 0, gid, 0o755)?;
    own(&state.join("auth"), arguments.auth_uid, gid, 0o750)?;
    own(&state.join("docker"), arguments.docker_uid, gid, 0o750)?;
    own(&state.join("updater"), arguments.updater_uid, gid, 0o750)?;
    // Keys of HTTPS, and no socket that anybody would have to reach.
    let gateway = state.join("gateway");
    own(&gateway, arguments.gateway_uid, gid, 0o700)?;
    for folder in ["acme", "authority"].map(|folder| gateway.join(folder)) {
        if folder.is_dir() {
            give(&folder, arguments.gateway_uid, gid)?;
            hand_over_files(&folder, arguments.gateway_uid, gid)?;
        }
    }
    // Files of an earlier `homeport serve` belong to whoever ran it. Not below docker: the copies of volumes there
    // keep the owners of what they are copies of.
    for (folder, uid) in [("api", arguments.bus_uid), ("auth", arguments.auth_uid), ("updater", arguments.updater_uid)]
    {
        hand_over_files(&state.join(folder), uid, gid)?;
    }
    Ok(())
}

fn make_configs(configs: &Path, gid: u32) -> anyhow::Result<()> {
    directory(configs)?;
    let owner = fs::metadata(configs).with_context(|| format!("cannot look at {}", configs.display()))?.uid();
    for folder in ["base", "plugins"] {
        let path = configs.join(folder);
        if !path.exists() {
            own(&path, owner, gid, 0o750)?;
        }
    }
    let base = configs.join("base");
    settings_file(&base.join("api.json"), "{\n \"Plugins\": []\n}\n", owner, gid)?;
    settings_file(&base.join("custom_compose_paths.json"), "[]\n", owner, gid)
}

/// Readable by the group, so by the gateway, and by nobody else: the plugin list may hold tokens.
fn settings_file(path: &Path, content: &str, uid: u32, gid: u32) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    file::replace(path, content.as_bytes(), 0o640).with_context(|| format!("cannot write {}", path.display()))?;
    give(path, uid, gid)
}

fn directory(path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the directory {}", path.display()))
}

fn own(path: &Path, uid: u32, gid: u32, mode: u32) -> anyhow::Result<()> {
    directory(path)?;
    give(path, uid, gid)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", path.display()))
}

fn hand_over_files(directory: &Path, uid: u32, gid: u32) -> anyhow::Result<()> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", directory.display()))?;
        if entry.file_type()?.is_file() {
            give(&entry.path(), uid, gid)?;
        }
    }
    Ok(())
}

fn give(path: &Path, uid: u32, gid: u32) -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    match fs::metadata(path) {
        Ok(now) if (now.uid(), now.gid()) == (uid, gid) => Ok(()),
        // A temporary file of a database may go between listing and here.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => chown(path, Some(uid), Some(gid))
            .with_context(|| format!("cannot give {} to {uid}:{gid}; run this as root", path.display())),
    }
}
