//! `homeport helper …`: the program inside helper containers. It sees nothing but what was mounted for it.
//!
//! - `helper sync <take|restore> <snapshot> <source>…` copies between volumes ([`sync`]).
//! - `helper fork <snapshot> <volume>…` copies a snapshot into volumes that are made for that ([`sync`]).
//! - `helper lock <take|break|release> <directory>…` is about the update locks of applications ([`lock`]).
//! - `helper measure <source>…` says what a copy of volumes would take ([`sync`]).
//! - `helper probe <json>` tries TCP ports ([`probe`]).
//!
//! Each prints one JSON document, and on failure exits with 1 after `{"error": {"kind": …, "message": …}}`.

pub(crate) mod lock;
pub(crate) mod probe;
pub(crate) mod sync;

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::{Deserialize, Serialize};

/// What a helper prints when it fails.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) error: FailureDetail,
}

/// Why a helper failed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FailureDetail {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

/// Failures that docker-agent tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// The disk would not hold it.
    NoSpace,
    /// The snapshot was never finished.
    Incomplete,
    /// The command line makes no sense.
    Usage,
    /// Anything else.
    Io,
}

impl FailureDetail {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// What is behind `homeport helper`: takes the arguments that follow it.
pub fn helper_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (document, code) = match answer(arguments.into_iter().collect()) {
        Ok(document) => (document, ExitCode::SUCCESS),
        Err(error) => {
            let document = serde_json::to_string(&Failure { error }).unwrap_or_default();
            (document, ExitCode::FAILURE)
        }
    };
    match writeln!(std::io::stdout(), "{document}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(arguments: Vec<OsString>) -> Result<String, FailureDetail> {
    let mut arguments = arguments.into_iter();
    let usage = || FailureDetail::new(FailureKind::Usage, "usage: homeport helper <sync|fork|measure|lock|probe> …");
    let command = arguments.next().ok_or_else(usage)?;
    let result = match command.to_str() {
        Some("sync") => {
            let direction =
                arguments.next().and_then(|word| sync::Direction::parse(word.to_str()?)).ok_or_else(usage)?;
            let snapshot = arguments.next().map(PathBuf::from).ok_or_else(usage)?;
            let sources: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
            serde_json::to_string(&sync::run(direction, &snapshot, &sources)?)
        }
        Some("fork") => {
            let snapshot = arguments.next().map(PathBuf::from).ok_or_else(usage)?;
            let volumes: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
            serde_json::to_string(&sync::fork(&snapshot, &volumes)?)
        }
        Some("measure") => {
            let sources: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
            serde_json::to_string(&sync::measure(&sources, Path::new("/"))?)
        }
        Some("lock") => {
            let action = arguments.next().and_then(|word| lock::Action::parse(word.to_str()?)).ok_or_else(usage)?;
            let directories: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
            serde_json::to_string(&lock::run(action, &directories)?)
        }
        Some("probe") => {
            let request =
                arguments.next().and_then(|word| serde_json::from_str(word.to_str()?).ok()).ok_or_else(usage)?;
            serde_json::to_string(&probe::run(&request))
        }
        _ => return Err(usage()),
    };
    result.map_err(|error| FailureDetail::new(FailureKind::Io, error.to_string()))
}
