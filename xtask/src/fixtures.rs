//! Real images in the versions of two Debian releases, and broken ones, in a registry of this machine: what the tests
//! update.

mod base;
mod image;
mod registry;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::docker::Docker;
use crate::engine::{self, Place};
use crate::{repository, say::say};

pub(crate) use registry::{ADDRESS as REGISTRY, program as registry_program, stop as stop_registry};

/// The two releases that the images are made of: what runs, and what is newer.
const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// The tags of one image, as `target/engine/fixtures.json` lists them for the tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tags {
    /// The version to update from.
    old: String,
    /// The version that a check has to offer.
    new: String,
}

/// Tags by repository.
type Fixtures = BTreeMap<String, Tags>;

/// Starts engine and registry, and pushes what is not there yet.
pub(crate) fn run() -> Result<()> {
    let docker = engine::start(None)?;
    let place = Place::new()?;
    registry::start(&place)?;
    if let Some(fixtures) = pushed_before(&place) {
        say(format_args!("The fixtures are in the registry: {}", listed(&fixtures)));
        return Ok(());
    }
    let fixtures = build(&docker)?;
    std::fs::write(place.join("fixtures.json"), serde_json::to_string_pretty(&fixtures)?)
        .context("writing fixtures.json")?;
    std::fs::write(place.join("fixtures.sources"), sources_hash()?.to_string())
        .context("noting what the fixtures were made from")?;
    say(format_args!("The fixtures are in the registry now: {}", listed(&fixtures)));
    Ok(())
}

/// One thread for each release: most of the time goes into unpacking packages.
fn build(docker: &Docker) -> Result<Fixtures> {
    let [old, new] = std::thread::scope(|scope| {
        SUITES
            .map(|suite| scope.spawn(move || build_suite(docker, suite)))
            .map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("building fixtures panicked")))
    });
    let (mut old, new) = (old?, new?);
    let pair = |(name, new)| {
        let old = old.remove(&name).with_context(|| format!("{name} was built for one release only"))?;
        Ok((name, Tags { old, new }))
    };
    new.into_iter().map(pair).collect()
}

/// Builds and pushes the images of one release; returns the tag of each.
fn build_suite(docker: &Docker, suite: &str) -> Result<BTreeMap<String, String>> {
    let base = base::ensure(docker, suite)?;
    let mut tags = BTreeMap::new();
    for kind in image::KINDS {
        let tag = image::build(docker, &kind, suite, &base)?;
        tags.insert(kind.repository.to_owned(), tag);
    }
    let nginx = tags.get("nginx").cloned().context("there is no nginx to break")?;
    for repository in image::BROKEN {
        image::build_broken(docker, repository, &nginx, suite == SUITES[0])?;
        tags.insert(repository.to_owned(), nginx.clone());
    }
    Ok(tags)
}

/// The fixtures of an earlier run, if the registry still has them and they were made from the same sources.
fn pushed_before(place: &Place) -> Option<Fixtures> {
    let hash = std::fs::read_to_string(place.join("fixtures.sources")).ok()?;
    let fixtures: Fixtures = serde_json::from_str(&std::fs::read_to_string(place.join("fixtures.json")).ok()?).ok()?;
    let complete = fixtures.iter().all(|(name, tags)| registry::has(name, &tags.old) && registry::has(name, &tags.new));
    (complete && hash == sources_hash().ok()?.to_string()).then_some(fixtures)
}

fn sources_hash() -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files_below(&repository::root().join("xtask/fixtures"))? {
        std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

fn listed(fixtures: &Fixtures) -> String {
    let one = |(name, tags): (&String, &Tags)| format!("{name} {} → {}", tags.old, tags.new);
    fixtures.iter().map(one).collect::<Vec<_>>().join(", ")
}
