//! Running other programs, with errors that say which one failed and why.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs to the end with the terminal attached; a non-zero status is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs to the end in silence; when it fails, the error holds what it wrote.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    read(command).map(drop)
}

/// Runs to the end and returns standard output without the final line break.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = capture(command)?;
    if !output.status.success() {
        let wrote = [output.stdout, output.stderr].concat();
        bail!("{} failed ({})\n{}", shown(command), output.status, String::from_utf8_lossy(&wrote).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Whether it starts and ends well; what it writes is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    capture(command).is_ok_and(|output| output.status.success())
}

/// The full path of a program, looked up in `PATH` and in the directories for administrators, which `PATH` of an
/// ordinary user's shell leaves out.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// A command for a program that has to be there; `hint` says what to do when it is not.
pub(crate) fn require(name: &str, hint: &str) -> Result<PathBuf> {
    find(name).with_context(|| format!("`{name}` is not installed; {hint}"))
}

fn capture(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("starting {}", shown(command)))
}

/// The command line as a person would type it, without the environment.
fn shown(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}
