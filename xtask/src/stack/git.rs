//! `git` for docker-agent, which fetches the repositories of plugins: what it takes for `https`, and no more.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::images::{collect_program, place};
use crate::{program, say::say};

/// The parts of git that fetch over `https`, below its own directory. The second one is the first one under another name.
const HELPERS: [&str; 2] = ["git-remote-http", "git-remote-https"];
/// Where the certificates of the world are, on Debian and where git's TLS library looks for them.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What only the dynamic linker of a program knows that it needs: names of hosts are looked up by these.
const LOOKUPS: [&str; 2] = ["libnss_dns.so.2", "libnss_files.so.2"];

/// Puts git and what it needs below a directory. Without git on this machine the image has none, and plugins cannot be
/// installed from repositories.
pub(super) fn collect(root: &Path) -> Result<()> {
    let Some(git) = program::find("git") else {
        say("There is no git here: plugins cannot be installed from repositories");
        return Ok(());
    };
    collect_program(&git, Path::new("usr/bin/git"), root)?;
    let directory = program::read(Command::new(&git).arg("--exec-path"))?;
    for helper in HELPERS {
        let from = Path::new(&directory).join(helper);
        if from.is_file() {
            let below = from.strip_prefix("/").context("git's directory is no absolute path")?;
            collect_program(&from, below, root)?;
        }
    }
    let certificates = Path::new(CERTIFICATES);
    if certificates.is_file() {
        place(certificates, &root.join(CERTIFICATES.trim_start_matches('/')))?;
    }
    for name in LOOKUPS {
        let found = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/x86_64-linux-gnu"]
            .iter()
            .map(|directory| Path::new(directory).join(name))
            .find(|path| path.is_file());
        if let Some(library) = found {
            place(&library, &root.join(library.strip_prefix("/").unwrap_or(&library)))?;
        }
    }
    Ok(())
}
