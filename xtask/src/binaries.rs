//! The release binaries, built once for the images, the tests and the terminal.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::repository;

/// The packages whose binaries are shipped; each makes one binary of the same name.
pub(crate) const SHIPPED: [&str; 3] = ["homeport", "homeport-bus", "sprbus"];

/// The line that Cargo writes for everything it has built.
#[derive(Deserialize)]
struct Message {
    reason: String,
    executable: Option<PathBuf>,
}

/// The plugins that are made of Rust; what runs Homeport does not need them.
const PLUGINS: [&str; 1] = ["homeport-plugin-db"];

/// Builds the shipped binaries and returns where they are, in the order of [`SHIPPED`].
pub(crate) fn build() -> Result<Vec<PathBuf>> {
    build_packages(&SHIPPED)
}

/// The same with the plugins, for the tests.
pub(crate) fn build_with_plugins() -> Result<Vec<PathBuf>> {
    build_packages(&[&SHIPPED[..], &PLUGINS].concat())
}

fn build_packages(packages: &[&str]) -> Result<Vec<PathBuf>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository::root()).args(["build", "--release", "--message-format", "json-render-diagnostics"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("starting cargo")?;
    if !output.status.success() {
        bail!("building Homeport failed; the messages of the compiler are above");
    }
    let built = executables(&String::from_utf8_lossy(&output.stdout));
    packages.iter().map(|name| find(&built, name)).collect()
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
    fn reads_executables_out_of_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/t/release/homeport"}
{"reason":"build-finished","success":true}"#;
        let built = executables(messages);
        assert_eq!(find(&built, "homeport").unwrap(), PathBuf::from("/t/release/homeport"));
        assert!(find(&built, "sprbus").is_err());
    }
}
