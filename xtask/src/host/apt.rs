//! Packages: installing them, and fetching some of another suite without touching apt's own sources.

mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

pub(crate) use source::Source;

use crate::{program, say::say};

/// Installs packages with the system's own apt.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("installing {} needs root; run this again with sudo", packages.join(", "));
    }
    say(format_args!("Installing {} with apt-get …", packages.join(", ")));
    let mut update = apt_get();
    update.args(["-q", "-q", "update"]);
    if let Err(error) = program::run_quietly(&mut update) {
        // A source that cannot be reached is no reason to give up: the others may have all that is needed.
        say(format_args!("apt-get update had trouble, going on with the lists there are: {error:#}"));
    }
    program::run_quietly(apt_get().args(["-q", "-y", "--no-install-recommends", "install"]).args(packages))
}

/// Fetches packages of a suite from the mirror of the system's sources and unpacks them into `into`. apt verifies the
/// signatures as always, but keeps its lists in a directory of its own, so the system never learns about the suite.
pub(crate) fn unpack(suite: &str, packages: &[&str], into: &Path) -> Result<()> {
    let source = Source::of_this_system()?.for_suite(suite);
    let folder = tempfile::tempdir().context("creating a temporary directory for apt")?;
    let apt = PrivateApt::new(folder.path(), &source)?;
    program::run_quietly(apt.command().arg("update"))?;
    program::run_quietly(apt.command().current_dir(&apt.downloads).arg("download").args(packages))?;
    std::fs::create_dir_all(into).with_context(|| format!("creating {}", into.display()))?;
    for file in std::fs::read_dir(&apt.downloads).context("listing the downloaded packages")?.flatten() {
        if file.path().extension().is_some_and(|extension| extension == "deb") {
            program::run_quietly(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(into))?;
        }
    }
    Ok(())
}

/// apt with its state in one directory and exactly one source.
struct PrivateApt {
    folder: PathBuf,
    downloads: PathBuf,
}

impl PrivateApt {
    fn new(folder: &Path, source: &Source) -> Result<Self> {
        let apt = Self { folder: folder.to_owned(), downloads: folder.join("downloads") };
        for below in ["state/lists/partial", "cache/archives/partial", "downloads"] {
            let path = folder.join(below);
            std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        }
        std::fs::write(apt.source_list(), source.to_string()).context("writing the source list for apt")?;
        Ok(apt)
    }

    fn source_list(&self) -> PathBuf {
        self.folder.join("suite.sources")
    }

    fn command(&self) -> Command {
        let option = |name: &str, value: &Path| format!("{name}={}", value.display());
        let mut command = apt_get();
        command
            .args(["-o", &option("Dir::State", &self.folder.join("state"))])
            .args(["-o", &option("Dir::Cache", &self.folder.join("cache"))])
            .args(["-o", &option("Dir::Etc::SourceList", &self.source_list())])
            .args(["-o", "Dir::Etc::SourceParts=-", "-o", "Dir::State::Status=/dev/null"])
            // The user that apt drops to cannot enter our temporary directory.
            .args(["-o", "APT::Sandbox::User=root", "-q", "-q"]);
        command
    }
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").env("NEEDRESTART_SUSPEND", "1");
    command
}
