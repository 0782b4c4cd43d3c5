//! Which crate may link which: the workspace as it is against the table in `xtask/edges.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{program, repository};

/// The table, read from `xtask/edges.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// For each crate of the workspace, those of the workspace that it links.
    links: BTreeMap<String, BTreeSet<String>>,
    /// For some crates from outside, the only ones that may link them.
    only: BTreeMap<String, BTreeSet<String>>,
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for what ends up in the product; `dev` or `build` otherwise.
    kind: Option<String>,
}

/// One sentence for each edge that is in only one of the two.
pub(super) fn check() -> Result<Vec<String>> {
    let file = repository::root().join("xtask/edges.toml");
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let table: Table = toml::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
    let mut cargo = Command::new("cargo");
    cargo.current_dir(repository::root()).args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Metadata =
        serde_json::from_str(&program::read(&mut cargo)?).context("reading the metadata of the workspace")?;
    Ok(compare(&table, &metadata.packages))
}

fn compare(table: &Table, packages: &[Package]) -> Vec<String> {
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut complaints = Vec::new();
    for package in packages {
        let linked: BTreeSet<&str> = package.linked().collect();
        let Some(listed) = table.links.get(&package.name) else {
            complaints.push(format!("{} has no line in xtask/edges.toml", package.name));
            continue;
        };
        let own = linked.iter().copied().filter(|name| members.contains(name));
        complaints.extend(
            own.filter(|name| !listed.contains(*name))
                .map(|name| format!("{} links {name}, which xtask/edges.toml does not allow", package.name)),
        );
        complaints.extend(
            listed
                .iter()
                .filter(|name| !linked.contains(name.as_str()))
                .map(|name| format!("xtask/edges.toml says that {} links {name}, which it does not", package.name)),
        );
        complaints.extend(
            linked
                .iter()
                .filter(|name| table.only.get(**name).is_some_and(|only| !only.contains(&package.name)))
                .map(|name| format!("{} links {name}, which xtask/edges.toml reserves for others", package.name)),
        );
    }
    let gone = table.links.keys().filter(|name| !members.contains(name.as_str()));
    complaints
        .extend(gone.map(|name| format!("xtask/edges.toml has a line for {name}, which is not in the workspace")));
    complaints
}

impl Package {
    /// What the product links; tools of tests and of building do not count.
    fn linked(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .filter(|dependency| dependency.kind.is_none())
            .map(|dependency| dependency.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, links: &[&str]) -> Package {
        let dependencies = links.iter().map(|&link| Dependency { name: link.to_owned(), kind: None }).collect();
        Package { name: name.to_owned(), dependencies }
    }

    #[test]
    fn complains_about_each_kind_of_difference() {
        let table: Table = toml::from_str("[links]\na = [\"b\"]\nb = []\nc = []\n[only]\nbollard = [\"a\"]").unwrap();
        let complaints = compare(
            &table,
            &[package("a", &["b", "bollard", "serde"]), package("b", &["a", "bollard"]), package("d", &[])],
        );
        assert_eq!(
            complaints,
            [
                "b links a, which xtask/edges.toml does not allow",
                "b links bollard, which xtask/edges.toml reserves for others",
                "d has no line in xtask/edges.toml",
                "xtask/edges.toml has a line for c, which is not in the workspace",
            ]
        );
        let complaints = compare(&table, &[package("a", &[]), package("b", &[]), package("c", &[])]);
        assert_eq!(complaints, ["xtask/edges.toml says that a links b, which it does not"]);
    }
}
