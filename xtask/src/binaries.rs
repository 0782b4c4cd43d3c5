//! The release binaries, built once for the images, the tests and the terminal.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Deserialize;

use crate::{program, repository};

/// The packages whose binaries are shipped; each makes one binary of the same name.
pub(crate) const SHIPPED: [&str; 4] = ["homeport", "homeport-auth", "homeport-bus", "sprbus"];

/// The line that Cargo writes for everything it has built.
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
}

/// The plugins that are made of Rust; what runs Homeport does not need them.
const PLUGINS: [&str; 1] = ["homeport-plugin-db"];

/// How to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// As the tests are built
    Release,
    /// A fifth smaller, for two minutes more
    Dist,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// Builds the shipped binaries and returns where they are, in the order of [`SHIPPED`].
pub(crate) fn build(profile: Profile) -> Result<Vec<PathBuf>> {
    build_selected(profile, &by_name(&SHIPPED), &SHIPPED)
}

/// The same with the plugins, for the tests.
pub(crate) fn build_with_plugins() -> Result<Vec<PathBuf>> {
    let packages = [&SHIPPED[..], &PLUGINS].concat();
    build_selected(Profile::Release, &by_name(&packages), &packages)
}

/// The same out of everything that these arguments of cargo name, with its tests. What tests ask of a library, such as a
/// clock that they move, makes it and all that is built on it another one: built apart, it would be compiled twice.
pub(crate) fn build_with_tests(selection: &[&str]) -> Result<Vec<PathBuf>> {
    let selection = [selection, &["--bins", "--tests"]].concat();
    build_selected(Profile::Release, &selection, &[&SHIPPED[..], &PLUGINS].concat())
}

fn by_name<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages.iter().flat_map(|package| ["--package", *package]).collect()
}

/// Answers where the binaries of these packages are.
fn build_selected(profile: Profile, selection: &[&str], packages: &[&str]) -> Result<Vec<PathBuf>> {
    let mut cargo = Command::new("cargo");
    let messages = ["--message-format", "json-render-diagnostics"];
    cargo.current_dir(repository::root()).args(["build", "--profile", profile.name()]).args(messages).args(selection);
    if profile == Profile::Dist && knows_packed_relocations(&libc_version()) {
        cargo.args(["--config", ".cargo/dist.toml"]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("building Homeport failed; the messages of the compiler are above");
    }
    let built = executables(&String::from_utf8_lossy(&output.stdout));
    packages.iter().map(|name| find(&built, name)).collect()
}

/// `glibc 2.36`; nothing where nobody can say it.
fn libc_version() -> String {
    program::read(Command::new("getconf").arg("GNU_LIBC_VERSION")).unwrap_or_default()
}

/// Whether a static binary that is linked with this C library could read what `.cargo/dist.toml` makes of it.
fn knows_packed_relocations(libc: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().ok();
    let version = libc.strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    version.and_then(|(major, minor)| Some((number(major)?, number(minor)?))).is_some_and(|version| version >= (2, 36))
}

fn executables(messages: &str) -> Vec<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| message.executable)
        .collect()
}

fn find(built: &[PathBuf], name: &str) -> Result<PathBuf> {
    let of_that_name = |path: &&PathBuf| path.file_name().is_some_and(|file| file == name);
    built.iter().find(of_that_name).cloned().with_context(|| format!("cargo built no binary called {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_libraries_get_what_they_know() {
        let known = ["glibc 2.36", "glibc 2.41", "glibc 3.0"].map(knows_packed_relocations);
        let unknown = ["glibc 2.35", "glibc 2.4", "musl", ""].map(knows_packed_relocations);
        assert_eq!((known, unknown), ([true; 3], [false; 4]));
    }

    #[test]
    fn reads_executables_out_of_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/t/release/homeport"}
{"reason":"build-finished","success":true}"#;
        let built = executables(messages);
        assert_eq!(find(&built, "homeport").unwrap(), PathBuf::from("/t/release/homeport"));
        assert!(find(&built, "sprbus").is_err());
    }
}
