//! One run of compose: bound to this process's life, with a clean environment, a time limit and bounded output.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::{config::Settings, error::EngineError};

/// Where Docker looks for plugins, besides its configuration directory.
const PLUGIN_DIRECTORIES: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];
/// How much of the error output is shown, its end.
const MAX_ERROR_BYTES: usize = 16 << 10;

/// A run that is being put together.
pub(super) struct Command {
    process: tokio::process::Command,
    shown: String,
    /// What it reads.
    input: Option<String>,
    limit: Duration,
}

/// What a run said.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) success: bool,
    pub(super) standard: String,
    pub(super) error: String,
}

impl Command {
    pub(super) fn new(settings: &Settings, home: Option<PathBuf>) -> Self {
        let words = words(settings);
        let shown = words.join(OsStr::new(" ")).to_string_lossy().into_owned();
        let mut command = tokio::process::Command::new(&settings.executable);
        command.arg("bound").arg(std::process::id().to_string()).arg("--").args(words);
        command
            .env_clear()
            .env("PATH", &settings.path)
            .env("DOCKER_HOST", format!("unix://{}", settings.engine_socket.display()))
            .env("COMPOSE_ANSI", "never")
            .env("COMPOSE_PROGRESS", "plain")
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(directory) = settings.docker_config.as_ref().filter(|directory| directory.is_dir()) {
            command.env("DOCKER_CONFIG", directory);
        }
        if let Some(home) = home {
            command.env("HOME", home);
        }
        Self { process: command, shown, input: None, limit: Duration::from_millis(settings.compose.timeout_ms) }
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.process.env(name, value);
        self
    }

    pub(super) fn variables(self, variables: &BTreeMap<String, String>) -> Self {
        variables.iter().fold(self, |command, (name, value)| command.variable(name, value))
    }

    /// With something to read.
    pub(super) fn given(mut self, input: String) -> Self {
        self.process.stdin(Stdio::piped());
        self.input = Some(input);
        self
    }

    /// Through another socket than the engine's own.
    pub(super) fn through(mut self, socket: &Path) -> Self {
        self.process.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        self
    }

    pub(super) fn with<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.process.args(arguments);
        self
    }

    /// Runs it, and keeps the last `max_bytes` of its output: as many of them mean that something may be missing.
    pub(super) async fn run(mut self, max_bytes: usize) -> Result<Output, EngineError> {
        let shown = self.shown;
        let failed = |source| EngineError::Io { doing: format!("running {shown}"), source };
        let mut child = self.process.spawn().map_err(failed)?;
        let (standard, error) = (child.stdout.take(), child.stderr.take());
        let (stdin, input) = (child.stdin.take(), self.input);
        let give = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // One that ends before it has read all says why by itself.
                stdin.write_all(input.as_bytes()).await.ok();
            }
        };
        let finished = async {
            let (standard, error, status, ()) =
                tokio::join!(end_of(standard, max_bytes), end_of(error, MAX_ERROR_BYTES), child.wait(), give);
            Ok(Output { success: status?.success(), standard: standard?, error: error? })
        };
        match tokio::time::timeout(self.limit, finished).await {
            Ok(output) => output.map_err(failed),
            Err(_) => Err(EngineError::TimedOut { doing: format!("running {shown}"), seconds: self.limit.as_secs() }),
        }
    }
}

impl Output {
    /// An error with compose's own words unless it succeeded.
    pub(super) fn succeeded(self, doing: &str) -> Result<Self, EngineError> {
        if self.success {
            return Ok(self);
        }
        let text = format!("{doing} failed: {}", self.error.trim());
        let says = |words: &[&str]| words.iter().any(|word| self.error.contains(word));
        Err(if says(&["Cannot connect to the Docker daemon", "error during connect"]) {
            EngineError::Temporary(text)
        } else if says(&["no space left on device", "disk quota exceeded"]) {
            EngineError::NoSpace(text)
        } else if says(&["no such service"]) {
            EngineError::NotFound(text)
        } else if self.error.trim().is_empty() {
            EngineError::Temporary(format!("{doing} was ended from outside"))
        } else {
            EngineError::Precondition(text)
        })
    }

    /// Both outputs, one after the other.
    pub(super) fn both(&self) -> String {
        format!("{}{}", self.standard, self.error)
    }
}

/// The plugin itself rather than `docker compose`, if it can be found: that would run it as a child of its own, which
/// outlives it.
fn words(settings: &Settings) -> Vec<OsString> {
    if !settings.compose.command.is_empty() {
        return settings.compose.command.iter().map(OsString::from).collect();
    }
    let configured = settings.docker_config.iter().map(|directory| directory.join("cli-plugins"));
    let found = configured
        .chain(PLUGIN_DIRECTORIES.iter().map(PathBuf::from))
        .map(|directory| directory.join("docker-compose"))
        .find(|path| Path::is_file(path));
    match found {
        Some(plugin) => vec![plugin.into()],
        None => vec!["docker".into(), "compose".into()],
    }
}

/// The last `max_bytes` of what is read.
async fn end_of(stream: Option<impl AsyncRead + Unpin>, max_bytes: usize) -> std::io::Result<String> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(String::new()) };
    while stream.read_buf(&mut kept).await? > 0 {
        // Twice the limit before anything is moved, so that each byte is moved at most once.
        if kept.len() > 2 * max_bytes {
            kept.drain(..kept.len() - max_bytes);
        }
    }
    let excess = kept.len().saturating_sub(max_bytes);
    Ok(String::from_utf8_lossy(&kept[excess..]).into_owned())
}
