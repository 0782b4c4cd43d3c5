//! Repositories of plugins, fetched by `git`.
//!
//! A clone is always a new one, and what git needs for itself is thrown away: a plugin may be able to write to its own
//! files, and a later `git` must not read settings from there.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use homeport_service::telemetry::chain;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

use super::files::blocking;
use crate::{config::Settings, error::EngineError};

/// How much of what git says is shown, its beginning.
const MAX_WORDS: u64 = 4096;
/// Files and bytes of a repository at most. A plugin is a few files; images come from registries.
const MAX_FILES: usize = 20_000;
const MAX_BYTES: u64 = 512 << 20;

/// What the former clone is called while the new one may have to go again.
const FORMER: &str = "old";

/// A repository's address, and the name that it gets here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) url: String,
    pub(super) name: String,
}

impl Repository {
    /// Reads an address. Only those that need no secret, because it would be seen in the list of processes.
    pub(super) fn parse(url: &str, protocols: &[String]) -> Result<Self, EngineError> {
        let refused = |why: &str| Err(EngineError::Argument(format!("{url:?} is no address of a repository: {why}")));
        let url = url.trim();
        let Some((scheme, rest)) = url.split_once("://") else {
            return refused("write it as https://host/name");
        };
        if !protocols.iter().any(|allowed| allowed == scheme) {
            return refused(&format!("only {} is allowed", protocols.join(", ")));
        }
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:%+".contains(&byte);
        if !rest.bytes().all(harmless) || rest.starts_with(['-', '/', ':']) {
            return refused("it holds a name, a query or a letter that has no place there");
        }
        let Some((_, path)) = rest.split_once('/') else { return refused("it has no path") };
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let name = last.strip_suffix(".git").unwrap_or(last);
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty()
            || name.len() > 64
            || !name.bytes().all(letter)
            || name.contains("..")
            || name.starts_with('.')
        {
            return refused("its last part is no name");
        }
        Ok(Self { url: url.to_owned(), name: name.to_owned() })
    }
}

/// A clone in the place of the former one, which comes back unless somebody keeps the new one: whatever happens before, an
/// error or a caller that leaves, nobody agreed to it.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) repository: Repository,
    /// The commit that it is of.
    pub(super) commit: String,
    directory: PathBuf,
    /// With the former one in it, if there was one.
    scratch: Option<TempDir>,
}

impl Fresh {
    /// Lets go of the former one.
    pub(super) fn keep(mut self) {
        drop(self.scratch.take());
    }

    fn undo(&self, scratch: &Path) -> std::io::Result<()> {
        std::fs::rename(&self.directory, scratch.join("refused"))?;
        match std::fs::rename(scratch.join(FORMER), &self.directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let Some(scratch) = self.scratch.take() else { return };
        if let Err(error) = self.undo(scratch.path()) {
            // The former one would go with what is around it.
            let left = scratch.keep();
            let (directory, left) = (self.directory.display(), left.display());
            tracing::warn!(error = chain(&error), "{directory} stays as it was fetched; what was there is in {left}");
        }
    }
}

/// Runs `git`.
#[derive(Clone)]
pub(super) struct Git(pub(super) Arc<Settings>);

impl Git {
    /// The commit that the repository is at.
    pub(super) async fn head(&self, repository: &Repository) -> Result<String, EngineError> {
        let said = self.run(&["ls-remote", "--exit-code", "--", &repository.url, "HEAD"], repository).await?;
        let commit = said.split_whitespace().next().unwrap_or_default();
        if commit.len() < 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EngineError::Temporary(format!("{} has no commit", repository.url)));
        }
        Ok(commit.to_owned())
    }

    /// Puts a fresh clone, submodules included, in place of a directory. The former one stays when it cannot be had.
    pub(super) async fn fetch(
        &self,
        repository: &Repository,
        commit: String,
        directory: PathBuf,
    ) -> Result<Fresh, EngineError> {
        let parent = directory.parent().unwrap_or(&directory).to_owned();
        let fresh = blocking(move || {
            let failed =
                |source| EngineError::Io { doing: format!("making a directory in {}", parent.display()), source };
            std::fs::create_dir_all(&parent).map_err(failed)?;
            tempfile::Builder::new().prefix(".new-").tempdir_in(&parent).map_err(failed)
        })
        .await?;
        let target = fresh.path().join("clone").display().to_string();
        let words = ["clone", "--quiet", "--depth=1", "--no-tags", "--template=", "--", &repository.url, &target];
        self.run(&words, repository).await?;
        if fresh.path().join("clone/.gitmodules").is_file() {
            // What `git submodule` is a shell script around; where this runs there is no shell.
            let words = ["-C", &target, "submodule--helper", "update", "--init", "--recursive", "--depth=1"];
            self.run(&words, repository).await?;
        }
        let repository = repository.clone();
        blocking(move || {
            take_over(&fresh.path().join("clone"), fresh.path(), &directory)?;
            Ok(Fresh { repository, commit, directory, scratch: Some(fresh) })
        })
        .await
    }

    async fn run(&self, words: &[&str], repository: &Repository) -> Result<String, EngineError> {
        let settings = &self.0;
        let config = &settings.plugins;
        let mut command = tokio::process::Command::new(&settings.executable);
        command
            .arg("bound")
            .arg(std::process::id().to_string())
            .arg("--")
            .args(&config.git)
            // A link in a repository could lead to any file of the host; as a file it is harmless.
            .args(["-c", "core.symlinks=false", "-c", "core.hooksPath=/dev/null", "-c", "transfer.fsckObjects=true"])
            .args(["-c", "credential.helper=", "-c", "core.fsmonitor=false", "-c", "protocol.version=2"])
            .args(words)
            .env_clear()
            .env("PATH", &settings.path)
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", config.git_protocols.join(":"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(root) = &config.git_root {
            command.env("GIT_SSL_CAINFO", root);
        }
        let failed = |source| EngineError::Io { doing: "running git; is it installed?".to_owned(), source };
        let mut child = command.spawn().map_err(failed)?;
        let (mut said, mut complained) = (String::new(), String::new());
        let (standard, error) = (child.stdout.take(), child.stderr.take());
        let finished = async {
            let read = async |stream: Option<_>, text: &mut String| match stream {
                Some(stream) => read_beginning(stream, text).await,
                None => Ok(()),
            };
            let error = async {
                match error {
                    Some(error) => read_beginning(error, &mut complained).await,
                    None => Ok(()),
                }
            };
            let (status, first, second) = tokio::join!(child.wait(), read(standard, &mut said), error);
            first.and(second)?;
            status
        };
        let limit = Duration::from_millis(config.git_timeout_ms);
        let doing = format!("fetching {}", repository.url);
        match tokio::time::timeout(limit, finished).await {
            Err(_) => Err(EngineError::TimedOut { doing, seconds: limit.as_secs() }),
            Ok(Err(source)) => Err(failed(source)),
            Ok(Ok(status)) if status.success() => Ok(said),
            Ok(Ok(_)) => Err(EngineError::Temporary(format!("{doing} failed: {}", complained.trim()))),
        }
    }
}

/// The beginning of what a program says; the rest is read, so that it can go on, and forgotten.
async fn read_beginning(mut stream: impl tokio::io::AsyncRead + Unpin, text: &mut String) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    (&mut stream).take(MAX_WORDS).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    *text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(())
}

fn take_over(clone: &Path, scratch: &Path, directory: &Path) -> Result<(), EngineError> {
    let failed = |source| EngineError::Io { doing: format!("taking over {}", directory.display()), source };
    let mut left = Left { files: MAX_FILES, bytes: MAX_BYTES };
    strip(clone, &mut left).map_err(failed)?;
    let old = scratch.join(FORMER);
    match std::fs::rename(directory, &old) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::fs::rename(clone, directory).map_err(|error| {
        // The former one again; if that fails too there is nothing left to try.
        drop(std::fs::rename(&old, directory));
        failed(error)
    })
}

struct Left {
    files: usize,
    bytes: u64,
}

/// Takes out what is git's own, and counts the rest.
fn strip(directory: &Path, left: &mut Left) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let (entry, path): (_, PathBuf) = entry.map(|entry| (entry.file_type(), entry.path()))?;
        let kind = entry?;
        if path.file_name().is_some_and(|name| name == ".git") {
            if kind.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
        } else if kind.is_dir() {
            strip(&path, left)?;
        } else if kind.is_symlink() {
            std::fs::remove_file(&path)?;
        } else {
            let size = std::fs::symlink_metadata(&path)?.len();
            let remaining = left.files.checked_sub(1).zip(left.bytes.checked_sub(size));
            let Some((files, bytes)) = remaining else {
                return Err(std::io::Error::other(format!(
                    "the repository has more than {MAX_FILES} files or {MAX_BYTES} bytes"
                )));
            };
            *left = Left { files, bytes };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<&str, &str>) {
        let found = Repository::parse(url, &["https".to_owned()]).map(|repository| repository.name);
        match expected {
            Ok(name) => assert_eq!(found.unwrap(), name, "{url}"),
            Err(words) => {
                let text = found.unwrap_err().to_string();
                assert!(text.contains(words), "{url}: {text}");
            }
        }
    }

    #[test]
    fn addresses() {
        check("https://example.org/a/plugin-x.git", Ok("plugin-x"));
        check("https://example.org:8443/a/home_assistant/", Ok("home_assistant"));
        check("http://example.org/a", Err("only https"));
        check("ssh://git@example.org/a", Err("only https"));
        check("/etc/passwd", Err("write it as"));
        check("https://user:secret@example.org/a", Err("no place"));
        check("https://example.org/a?b=c", Err("no place"));
        check("https://-oProxyCommand=x/a", Err("no place"));
        check("https://example.org", Err("no path"));
        check("https://example.org/..", Err("no name"));
        check("https://example.org/a..b", Err("no name"));
        check("https://example.org/.git", Err("no name"));
        check("https://example.org/a b", Err("no place"));
    }
}
