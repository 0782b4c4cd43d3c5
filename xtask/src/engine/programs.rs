//! The programs of one version of the engine: those that are installed, or those of a later Debian unpacked beside them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Place;
use crate::host::apt;
use crate::{program, say::say};

/// A version that can be had in addition to the installed one.
const LATER_VERSION: &str = "26.1";
/// The Debian suite that has it. Its programs run with the libraries and the `runc` of the release before.
const LATER_SUITE: &str = "trixie";
const LATER_PACKAGES: [&str; 2] = ["docker.io", "containerd"];

/// A version of the engine and where its programs are.
pub(super) struct Programs {
    /// Major and minor, such as `20.10`.
    pub(super) version: String,
    /// Directories that go before `PATH`.
    folders: Vec<PathBuf>,
}

impl Programs {
    /// The programs of this version; unset, the installed ones.
    pub(super) fn of(version: Option<&str>, place: &Place) -> Result<Self> {
        let installed = installed_version()?;
        match version {
            None => Ok(Self { version: installed, folders: Vec::new() }),
            Some(version) if version == installed => Ok(Self { version: installed, folders: Vec::new() }),
            Some(LATER_VERSION) => Self::unpack_later(place),
            Some(other) => bail!(
                "engine {other} is not at hand: {installed} is installed, {LATER_VERSION} can be unpacked beside it"
            ),
        }
    }

    /// A command for one of the programs, which finds the others beside it.
    pub(super) fn command(&self, name: &str) -> Result<Command> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let administrators = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        let folders = self.folders.iter().cloned().chain(std::env::split_paths(&path)).chain(administrators);
        let path = std::env::join_paths(folders).context("joining PATH")?;
        let beside = self.folders.iter().map(|folder| folder.join(name)).find(|file| file.exists());
        let mut command = match beside {
            Some(file) => Command::new(file),
            None => Command::new(program::require(name, "install Docker's engine")?),
        };
        command.env("PATH", path);
        Ok(command)
    }

    fn unpack_later(place: &Place) -> Result<Self> {
        let root = place.join("programs").join(LATER_VERSION);
        if !root.join("usr/sbin/dockerd").exists() {
            say(format_args!("Unpacking engine {LATER_VERSION} of Debian {LATER_SUITE} into {} …", root.display()));
            apt::unpack(LATER_SUITE, &LATER_PACKAGES, &root)?;
        }
        let folders = ["usr/sbin", "usr/bin"].map(|below| root.join(below)).to_vec();
        Ok(Self { version: LATER_VERSION.to_owned(), folders })
    }
}

/// Out of `Docker version 20.10.24+dfsg1, build 297e128`.
fn installed_version() -> Result<String> {
    let dockerd = program::require("dockerd", "install Docker's engine")?;
    let answer = program::read(Command::new(dockerd).arg("--version"))?;
    parse_version(&answer).with_context(|| format!("`dockerd --version` gave no version but: {answer}"))
}

fn parse_version(answer: &str) -> Option<String> {
    let mut numbers =
        answer.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?.split('.');
    Some(format!("{}.{}", numbers.next()?, numbers.next()?))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn reads_major_and_minor() {
        assert_eq!(parse_version("Docker version 20.10.24+dfsg1, build 297e128").as_deref(), Some("20.10"));
        assert_eq!(parse_version("Docker version 26.1.5+dfsg1, build a72d7cd").as_deref(), Some("26.1"));
        assert_eq!(parse_version("nothing of the kind"), None);
    }
}
