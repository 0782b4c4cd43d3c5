//! Installing a container engine and its plugins from the packages of the system.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Release, apt};
use crate::say::say;

/// Where the CLI looks for plugins that an administrator added, on every distribution.
const PLUGINS: &str = "/usr/local/lib/docker/cli-plugins";

/// The Debian suite that has Compose v2 and buildx for a release that lacks them.
const SUITE_WITH_PLUGINS: &str = "trixie";

/// How a system gets an engine and the plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recipe {
    /// Everything is packaged.
    Packages { engine: &'static [&'static str], plugins: &'static [&'static str] },
    /// The engine is packaged; the plugins are those of a later release, which run here unchanged.
    PluginsOfLaterSuite { engine: &'static [&'static str], plugins: &'static [&'static str] },
}

/// Installs the engine and its command line.
pub(super) fn engine() -> Result<()> {
    let (Recipe::Packages { engine, .. } | Recipe::PluginsOfLaterSuite { engine, .. }) = recipe()?;
    apt::install(engine)
}

/// Installs Compose v2 and buildx as plugins of the command line.
pub(super) fn plugins() -> Result<()> {
    match recipe()? {
        Recipe::Packages { plugins, .. } => apt::install(plugins),
        Recipe::PluginsOfLaterSuite { plugins, .. } => unpack_plugins(plugins),
    }
}

fn recipe() -> Result<Recipe> {
    let release = Release::read()?;
    recipe_for(&release).with_context(|| {
        format!("this does not know how to install an engine on {}: install Docker with the Compose plugin (v2) and run it again", release.name)
    })
}

fn recipe_for(release: &Release) -> Option<Recipe> {
    if release.is_at_least("debian", (13, 0)) {
        return Some(Recipe::Packages {
            engine: &["docker.io", "docker-cli"],
            plugins: &["docker-compose", "docker-buildx"],
        });
    }
    if release.is_at_least("debian", (12, 0)) {
        return Some(Recipe::PluginsOfLaterSuite {
            engine: &["docker.io"],
            plugins: &["docker-compose", "docker-buildx"],
        });
    }
    if release.is_at_least("ubuntu", (22, 4)) {
        return Some(Recipe::Packages { engine: &["docker.io"], plugins: &["docker-compose-v2", "docker-buildx"] });
    }
    None
}

fn unpack_plugins(packages: &[&str]) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("unpacking plugins into {PLUGINS} needs root; run this again with sudo");
    }
    say(format_args!(
        "Unpacking {} of Debian {SUITE_WITH_PLUGINS} into {PLUGINS}; apt's sources stay as they are …",
        packages.join(" and ")
    ));
    let folder = tempfile::tempdir().context("creating a temporary directory for the plugins")?;
    apt::unpack(SUITE_WITH_PLUGINS, packages, folder.path())?;
    std::fs::create_dir_all(PLUGINS).with_context(|| format!("creating {PLUGINS}"))?;
    let unpacked = folder.path().join("usr/libexec/docker/cli-plugins");
    for file in std::fs::read_dir(&unpacked).context("listing the unpacked plugins")?.flatten() {
        place(&file.path(), &Path::new(PLUGINS).join(file.file_name()))?;
    }
    Ok(())
}

/// Copies under a temporary name first, so that a plugin is never there by half.
fn place(from: &Path, to: &Path) -> Result<()> {
    let partial = to.with_extension("partial");
    let placed = std::fs::copy(from, &partial)
        .and_then(|_| std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o755)))
        .and_then(|()| std::fs::rename(&partial, to));
    placed.with_context(|| format!("copying {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(id: &str, version: &str) -> Option<Recipe> {
        recipe_for(&Release { id: id.into(), version: version.into(), ..Release::default() })
    }

    #[test]
    fn knows_the_supported_systems_and_no_others() {
        assert!(matches!(on("debian", "12"), Some(Recipe::PluginsOfLaterSuite { .. })));
        assert!(matches!(on("debian", "13"), Some(Recipe::Packages { .. })));
        assert!(matches!(on("ubuntu", "22.04"), Some(Recipe::Packages { .. })));
        assert!(matches!(on("ubuntu", "24.04"), Some(Recipe::Packages { .. })));
        for (id, version) in [("debian", "11"), ("ubuntu", "20.04"), ("fedora", "42"), ("arch", "")] {
            assert_eq!(on(id, version), None);
        }
    }
}
