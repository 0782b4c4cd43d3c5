//! In which order containers are updated.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::Container;

/// Names of containers, each after those that it depends on, otherwise by name. Empty: they depend on each other in a
/// circle.
pub(super) fn update_order(containers: &[Container]) -> Vec<String> {
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        containers.iter().map(|container| (container.name.as_str(), dependencies(container, containers))).collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(next) = left.iter().find(|(_, needed)| needed.is_empty()).map(|(name, _)| *name) {
        left.remove(next);
        for needed in left.values_mut() {
            needed.remove(next);
        }
        order.push(next.to_owned());
    }
    if left.is_empty() { order } else { Vec::new() }
}

/// Containers whose service it depends on, or whose network, processes or memory it shares, or that it is linked to.
fn dependencies<'a>(container: &Container, all: &'a [Container]) -> BTreeSet<&'a str> {
    let needs = |other: &&Container| {
        let service = container
            .compose
            .as_ref()
            .zip(other.compose.as_ref())
            .is_some_and(|(own, other)| own.project == other.project && own.depends_on.contains(&other.service));
        let shares = container.shares_with.iter().any(|of| *of == other.id || *of == other.name);
        other.name != container.name && (service || shares)
    };
    all.iter().filter(needs).map(|other| other.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ComposePlace;

    fn container(name: &str, depends_on: &[&str], shares_with: Option<&str>) -> Container {
        let compose = ComposePlace {
            project: "p".to_owned(),
            service: name.to_owned(),
            depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
            ..ComposePlace::default()
        };
        Container {
            id: format!("id-{name}"),
            name: name.to_owned(),
            compose: Some(compose),
            shares_with: shares_with.map(str::to_owned).into_iter().collect(),
            ..Container::default()
        }
    }

    #[test]
    fn dependencies_come_first() {
        let all = [
            container("a", &["c"], None),
            container("b", &[], Some("id-a")),
            container("c", &["d", "missing"], None),
            container("d", &[], None),
        ];
        assert_eq!(update_order(&all), ["d", "c", "a", "b"]);
        assert!(update_order(&[container("a", &["b"], None), container("b", &["a"], None)]).is_empty());
    }
}
