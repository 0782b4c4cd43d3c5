//! Scripts that are asked before an update: with exit code 0 it goes on, with any other it does not.

mod process;

use std::{
    ffi::OsStr,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use homeport_service::status::Coded;
use tonic::Code;

use crate::config::ScriptsConfig;

/// Scripts that are listed at most.
const MAX_LISTED: usize = 1000;
/// Folders in folders that are looked into.
const MAX_DEPTH: usize = 8;
/// How long what is run after an update may take, if the limit of scripts is not longer anyway.
const AFTER_LIMIT: Duration = Duration::from_secs(60);
/// What no path of a script has in it.
const FORBIDDEN: [char; 7] = [';', '&', '|', '`', '$', '\n', '\r'];

/// Why a script was not run, or said no.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The path is none.
    #[error("script validation failed: \"{path}\" is empty or has one of ; & | ` $ in it")]
    BadPath {
        /// The path.
        path: String,
    },
    /// There is none.
    #[error("script validation failed: {path}")]
    Missing {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It lies elsewhere.
    #[error("script validation failed: {path} is outside of the directory of scripts, {directory}")]
    Outside {
        /// The path.
        path: String,
        /// The directory.
        directory: String,
    },
    /// It cannot be run.
    #[error("script validation failed: {path} is no executable file; `chmod +x` makes it one")]
    NotExecutable {
        /// The path.
        path: String,
    },
    /// It could not be started.
    #[error("script {path} cannot be started; is the interpreter of its first line where Homeport runs?")]
    Start {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It said no.
    #[error("script exited with code {code}: {output}")]
    Refused {
        /// Its exit code; 128 and the number of the signal that ended it.
        code: i32,
        /// What it printed.
        output: String,
    },
    /// It took too long.
    #[error("script exceeded its limit of {seconds} s and was ended: {output}")]
    TooLong {
        /// The limit.
        seconds: u64,
        /// What it had printed.
        output: String,
    },
}

impl Coded for ScriptError {
    fn code(&self) -> Code {
        match self {
            Self::Start { .. } | Self::Refused { .. } | Self::TooLong { .. } => Code::FailedPrecondition,
            _ => Code::InvalidArgument,
        }
    }
}

/// What a script is told about the update, in its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occasion {
    /// Full id of the container; also its first argument.
    pub container_id: String,
    /// Its name; also the second argument.
    pub container_name: String,
    /// The reference that it runs.
    pub image: String,
    /// Its compose project.
    pub stack: String,
    /// Tag that it runs.
    pub current_version: String,
    /// Tag to go to.
    pub target_version: String,
    /// Why it is asked, such as `update`.
    pub reason: &'static str,
}

impl Occasion {
    fn variables(&self) -> [(&'static str, &str); 7] {
        [
            ("CONTAINER_ID", &self.container_id),
            ("CONTAINER_NAME", &self.container_name),
            ("CONTAINER_IMAGE", &self.image),
            ("CONTAINER_STACK", &self.stack),
            ("CURRENT_VERSION", &self.current_version),
            ("TARGET_VERSION", &self.target_version),
            ("HOMEPORT_REASON", self.reason),
        ]
    }
}

/// A script in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path.
    pub path: PathBuf,
    /// From the directory.
    pub relative: PathBuf,
    /// It can be run.
    pub is_executable: bool,
    /// Its length.
    pub bytes: u64,
    /// When it was written.
    pub modified: Option<SystemTime>,
}

/// The directory of scripts.
#[derive(Debug, Clone)]
pub struct Scripts {
    directory: PathBuf,
    limit: Duration,
    exec: bool,
}

impl Scripts {
    /// The directory that the settings name.
    pub fn new(config: &ScriptsConfig) -> Self {
        let limit = Duration::from_millis(config.timeout_ms);
        Self { directory: config.directory.clone(), limit, exec: config.exec }
    }

    /// Whether commands of a shell may be run too.
    pub const fn allow_exec(&self) -> bool {
        self.exec
    }

    /// Where a script is, all links followed, if it may be run.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, ScriptError> {
        let text = || path.to_owned();
        if path.trim().is_empty() || path.contains(FORBIDDEN) {
            return Err(ScriptError::BadPath { path: text() });
        }
        let missing = |source| ScriptError::Missing { path: text(), source };
        let directory = self.directory.canonicalize().map_err(missing)?;
        let resolved = directory.join(path.trim()).canonicalize().map_err(missing)?;
        if !resolved.starts_with(&directory) {
            return Err(ScriptError::Outside { path: text(), directory: directory.display().to_string() });
        }
        let metadata = resolved.metadata().map_err(missing)?;
        if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
            return Err(ScriptError::NotExecutable { path: text() });
        }
        Ok(resolved)
    }

    /// Asks a script. Returns what it printed.
    pub async fn ask(&self, path: &str, occasion: &Occasion) -> Result<String, ScriptError> {
        let script = self.resolve(path)?;
        process::run(&[script.as_os_str()], &self.directory, self.limit, occasion).await
    }

    /// Runs a script after an update. Returns what it printed.
    pub async fn act(&self, path: &str, occasion: &Occasion) -> Result<String, ScriptError> {
        let script = self.resolve(path)?;
        process::run(&[script.as_os_str()], &self.directory, self.limit.max(AFTER_LIMIT), occasion).await
    }

    /// Runs a command of a shell after an update, where that is allowed. Returns what it printed.
    pub async fn exec(&self, command: &str, occasion: &Occasion) -> Result<String, ScriptError> {
        if !self.exec {
            return Err(ScriptError::BadPath { path: command.to_owned() });
        }
        let words = ["/bin/sh", "-c", command].map(OsStr::new);
        process::run(&words, Path::new("/"), self.limit.max(AFTER_LIMIT), occasion).await
    }

    /// Every `*.sh` in the directory and its folders, by path; hidden ones left out.
    pub fn list(&self) -> Vec<Found> {
        let mut found = Vec::new();
        collect(&self.directory, &self.directory, MAX_DEPTH, &mut found);
        found.sort_by(|a: &Found, b| a.relative.cmp(&b.relative));
        found
    }
}

fn collect(root: &Path, directory: &Path, depth: usize, found: &mut Vec<Found>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")) {
        let path = entry.path();
        let Ok(metadata) = entry.metadata() else { continue };
        if found.len() >= MAX_LISTED {
            return;
        }
        if metadata.is_dir() && depth > 0 {
            collect(root, &path, depth - 1, found);
        } else if metadata.is_file() && path.extension().is_some_and(|extension| extension == "sh") {
            found.push(Found {
                relative: path.strip_prefix(root).unwrap_or(&path).to_owned(),
                is_executable: metadata.permissions().mode() & 0o111 != 0,
                bytes: metadata.len(),
                modified: metadata.modified().ok(),
                path,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Instant};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, path: &str, mode: u32, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }

        fn scripts(&self, timeout_ms: u64) -> Scripts {
            Scripts::new(&ScriptsConfig { directory: self.0.path().join("scripts"), timeout_ms, exec: false })
        }

        async fn ask(&self, text: &str) -> Result<String, ScriptError> {
            self.write("scripts/check.sh", 0o755, &format!("#!/bin/sh\n{text}\n"));
            let occasion = Occasion {
                container_id: "0123".to_owned(),
                container_name: "web".to_owned(),
                target_version: "2".to_owned(),
                reason: "update",
                ..Occasion::default()
            };
            self.scripts(1_000).ask("check.sh", &occasion).await
        }
    }

    #[tokio::test]
    async fn s12_it_gets_arguments_and_a_small_environment() {
        let place = Place::new();
        let said =
            place.ask(r#"echo "$1 $2 $CONTAINER_NAME $TARGET_VERSION $HOMEPORT_REASON"; env | wc -l"#).await.unwrap();
        let (first, count) = said.split_once('\n').unwrap();
        assert_eq!(first, "0123 web web 2 update");
        // Its own seven, PATH, HOME, and what the shell sets.
        assert!(count.trim().parse::<u32>().unwrap() <= 13, "{count}");
    }

    #[tokio::test]
    async fn s12_any_code_but_zero_is_a_no_with_what_it_said() {
        let place = Place::new();
        let error = place.ask("echo nobody home; echo really >&2; exit 3").await.unwrap_err();
        assert_eq!(error.to_string(), "script exited with code 3: nobody home\nreally");
        let error = place.ask("kill -9 $$").await.unwrap_err();
        assert!(error.to_string().starts_with("script exited with code 137"), "{error}");
    }

    #[tokio::test]
    async fn s12_one_that_hangs_is_ended_with_all_that_it_started() {
        let place = Place::new();
        let begin = Instant::now();
        let witness = place.0.path().join("witness");
        let text = format!("echo waiting; (sleep 3; touch {}) & sleep 60", witness.display());
        let error = place.ask(&text).await.unwrap_err();
        assert_eq!(error.to_string(), "script exceeded its limit of 1 s and was ended: waiting");
        assert!(begin.elapsed() < Duration::from_secs(3));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!witness.exists(), "its children went on");
    }

    #[tokio::test]
    async fn s12_output_without_end_is_cut_off_and_does_not_stop_it() {
        let place = Place::new();
        let said = place.ask("head -c 300000 /dev/zero | tr '\\0' x; echo; echo the end").await.unwrap();
        assert!(said.len() <= 65_600 && said.ends_with("…"), "{} bytes", said.len());
    }

    #[test]
    fn s12_only_executable_files_of_the_directory_are_scripts() {
        let place = Place::new();
        place.write("scripts/good.sh", 0o755, "");
        place.write("scripts/in/deep.sh", 0o755, "");
        place.write("scripts/.hidden.sh", 0o755, "");
        place.write("scripts/plain.sh", 0o644, "");
        place.write("outside.sh", 0o755, "");
        std::os::unix::fs::symlink(place.0.path().join("outside.sh"), place.0.path().join("scripts/link.sh")).unwrap();
        let scripts = place.scripts(1);
        let good = place.0.path().join("scripts/good.sh");
        for path in ["good.sh", "in/deep.sh", "in/../good.sh", good.to_str().unwrap()] {
            assert!(scripts.resolve(path).is_ok(), "{path}");
        }
        for path in ["", " ", "a;b", "a$b", "missing.sh", "plain.sh", "in", "../outside.sh", "link.sh", "/bin/sh"] {
            assert!(scripts.resolve(path).is_err(), "{path}");
        }
        let listed: Vec<_> = scripts.list().into_iter().map(|found| (found.relative, found.is_executable)).collect();
        let expected = [("good.sh", true), ("in/deep.sh", true), ("plain.sh", false)];
        assert_eq!(listed, expected.map(|(path, executable)| (PathBuf::from(path), executable)));
    }
}
