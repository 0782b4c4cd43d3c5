//! Settings of docker-agent.

use std::path::{Path, PathBuf};

use homeport_service::{Context, config::ConfigError, peer::SocketConfig};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Everything that `docker-agent.toml` may hold.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who may call.
    pub socket: SocketConfig,
    /// The container engine.
    pub engine: EngineConfig,
    /// `docker compose`.
    pub compose: ComposeConfig,
    /// Plugins, and where they come from.
    pub plugins: PluginsConfig,
    /// The short-lived containers that copy data and try ports.
    pub helper: HelperConfig,
}

/// Section `[engine]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// The engine's unix socket. Default: that of `DOCKER_HOST`, else `/var/run/docker.sock`.
    pub socket: Option<PathBuf>,
    /// Directory of Docker's `config.json`. Default: `DOCKER_CONFIG`, else `.docker` in the home directory.
    pub docker_config: Option<PathBuf>,
    /// How long the engine may take for an answer that needs no waiting, in milliseconds. Default 60 000: on a slow disk
    /// an engine that removes a large image answers nobody else for tens of seconds.
    pub answer_timeout_ms: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { socket: None, docker_config: None, answer_timeout_ms: 60_000 }
    }
}

/// Section `[compose]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComposeConfig {
    /// The command that is Compose v2, word by word. Default: the Compose plugin where Docker looks for it, else
    /// `docker compose`.
    pub command: Vec<String>,
    /// What `~` and `${HOME}` in compose files stand for. Default: the home directory of this process, unless it runs in
    /// a container, where that is not the one the files were written for: then files that use it are refused.
    pub home: Option<PathBuf>,
    /// How long one run may take, in milliseconds. Default 600 000: the stop grace period of a database can be minutes.
    pub timeout_ms: u64,
}

impl Default for ComposeConfig {
    fn default() -> Self {
        Self { command: Vec::new(), home: None, timeout_ms: 600_000 }
    }
}

/// Section `[plugins]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Where Homeport is installed: the directory that the paths of compose files are relative to, as the host knows it.
    /// Default: the variable `HOMEPORT_ROOT`, else the directory that the settings directory is in.
    pub root: Option<PathBuf>,
    /// The command that is git, word by word. Default `git`.
    pub git: Vec<String>,
    /// How repositories may be fetched. Default `["https"]`.
    pub git_protocols: Vec<String>,
    /// Certificates that the servers of repositories may be vouched for by, in a PEM file and in place of the system's: for
    /// a git server of one's own. Default: the system's.
    pub git_root: Option<PathBuf>,
    /// How long fetching one may take, in milliseconds. Default 600 000.
    pub git_timeout_ms: u64,
    /// What compose files find in `NETWORK_MODE`. Default `host`, as their authors expect; a person has to agree to it.
    pub network_mode: String,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            root: None,
            git: vec!["git".to_owned()],
            git_protocols: vec!["https".to_owned()],
            git_root: None,
            git_timeout_ms: 600_000,
            network_mode: "host".to_owned(),
        }
    }
}

/// Section `[helper]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HelperConfig {
    /// The statically linked multi-call executable that helper images are made of. Default `/proc/self/exe`.
    pub executable: PathBuf,
    /// Whose helper containers are whose, where several Homeports share an engine. Default: from the state directory.
    pub instance: Option<String>,
    /// How long one copy may take, in milliseconds. Default 21 600 000 (six hours: a terabyte at 50 MB/s).
    pub timeout_ms: u64,
}

impl Default for HelperConfig {
    fn default() -> Self {
        Self { executable: "/proc/self/exe".into(), instance: None, timeout_ms: 21_600_000 }
    }
}

/// The settings with everything that the environment decides filled in.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) socket: SocketConfig,
    pub(crate) engine_socket: PathBuf,
    pub(crate) answer_timeout: std::time::Duration,
    pub(crate) docker_config: Option<PathBuf>,
    pub(crate) compose: ComposeConfig,
    pub(crate) plugins: PluginsConfig,
    /// Where Homeport is installed, as the host knows it.
    pub(crate) root: PathBuf,
    /// `PATH` and `HOME` of this process, for the programs that it starts.
    pub(crate) path: String,
    pub(crate) home: Option<PathBuf>,
    /// Directories that files of stacks must be in. Empty: anywhere.
    pub(crate) stacks: Vec<PathBuf>,
    pub(crate) executable: PathBuf,
    pub(crate) instance: String,
    pub(crate) helper_timeout: std::time::Duration,
}

/// Why the settings make no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// They cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Only an engine on this machine can be looked after.
    #[error(
        "DOCKER_HOST is {value}, but only an engine on a unix socket is supported; set it to unix:///path/to/docker.sock"
    )]
    NotAUnixSocket {
        /// The variable's value.
        value: String,
    },
}

impl Settings {
    pub(crate) fn of(context: &Context) -> Result<Self, SettingsError> {
        let config: Config = context.config()?;
        let environment = context.environment();
        let home = environment.get("HOME").map(PathBuf::from);
        let engine_socket = match (config.engine.socket, environment.get("DOCKER_HOST")) {
            (Some(socket), _) => socket,
            (None, Some(host)) => unix_socket(host)?,
            (None, None) => "/var/run/docker.sock".into(),
        };
        Ok(Self {
            socket: config.socket,
            engine_socket,
            answer_timeout: std::time::Duration::from_millis(config.engine.answer_timeout_ms),
            docker_config: config
                .engine
                .docker_config
                .or_else(|| environment.get("DOCKER_CONFIG").map(PathBuf::from))
                .or_else(|| home.as_ref().map(|home| home.join(".docker"))),
            compose: config.compose,
            root: config
                .plugins
                .root
                .clone()
                .or_else(|| environment.get("HOMEPORT_ROOT").map(PathBuf::from))
                .or_else(|| context.paths().configs.parent().map(PathBuf::from))
                .unwrap_or_else(|| "/".into()),
            plugins: config.plugins,
            path: environment
                .get("PATH")
                .unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                .to_owned(),
            home,
            stacks: stacks(environment.get("HOMEPORT_STACKS")),
            executable: config.helper.executable,
            instance: config.helper.instance.unwrap_or_else(|| instance(&context.state_dir())),
            helper_timeout: std::time::Duration::from_millis(config.helper.timeout_ms),
        })
    }
}

fn unix_socket(host: &str) -> Result<PathBuf, SettingsError> {
    match host.strip_prefix("unix://") {
        Some(path) => Ok(path.into()),
        None => Err(SettingsError::NotAUnixSocket { value: host.to_owned() }),
    }
}

fn stacks(list: Option<&str>) -> Vec<PathBuf> {
    list.unwrap_or_default().split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect()
}

fn instance(state: &Path) -> String {
    let mut name = hex::encode(Sha256::digest(state.as_os_str().as_encoded_bytes()));
    name.truncate(12);
    name
}

#[cfg(test)]
mod tests {
    use homeport_service::{Paths, config::Environment};
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let environment: Environment = variables.iter().copied().collect();
        let paths = Paths { state: "/nonexistent/state".into(), configs: "/nonexistent/configs".into() };
        Settings::of(&Context::new("docker-agent", paths, environment, CancellationToken::new()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_engine_is_where_docker_host_says() {
        assert_eq!(settings(&[]).unwrap().engine_socket, Path::new("/var/run/docker.sock"));
        assert_eq!(settings(&[("DOCKER_HOST", "unix:///e.sock")]).unwrap().engine_socket, Path::new("/e.sock"));
        assert!(settings(&[("DOCKER_HOST", "tcp://1.2.3.4")]).unwrap_err().contains("unix socket"));
        let both = settings(&[("DOCKER_HOST", "tcp://1.2.3.4"), ("HOMEPORT_DOCKER_AGENT__ENGINE__SOCKET", "/s")]);
        assert_eq!(both.unwrap().engine_socket, Path::new("/s"));
    }

    #[test]
    fn stacks_are_a_list() {
        assert!(settings(&[]).unwrap().stacks.is_empty());
        let settings = settings(&[("HOMEPORT_STACKS", "/a::/b c")]).unwrap();
        assert_eq!(settings.stacks, [Path::new("/a"), Path::new("/b c")]);
    }
}
