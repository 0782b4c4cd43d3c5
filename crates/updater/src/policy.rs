//! What labels on a container say about its updates.

use std::collections::BTreeMap;

use homeport_image_ref::{Policy, PolicyError};

/// Beginnings of the labels that are read, the stronger one first.
const PREFIXES: [&str; 2] = ["homeport.", "docksmith."];

/// Labels that Homeport itself puts on containers: they say nothing about what a person wants.
const OWN: [&str; 3] = ["homeport.operation", "homeport.role", "homeport.instance"];

/// What labels on a container say about its updates.
#[derive(Debug, Clone)]
pub struct UpdateLabels {
    /// Leave it alone.
    pub ignore: bool,
    /// To run `latest` is as good as any version.
    pub allow_latest: bool,
    /// Which tags are candidates.
    pub policy: Result<Policy, PolicyError>,
}

impl UpdateLabels {
    /// Reads them.
    pub fn read(labels: &BTreeMap<String, String>) -> Self {
        let label = |name: &str| value(labels, name);
        let is_set = |name: &str| {
            label(name).is_some_and(|text| matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes"))
        };
        Self { ignore: is_set("ignore"), allow_latest: is_set("allow-latest"), policy: Policy::from_labels(label) }
    }
}

/// The value of a label by its short name, such as `ignore`.
pub fn value<'a>(labels: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    PREFIXES.iter().find_map(|prefix| labels.get(&format!("{prefix}{name}"))).map(String::as_str)
}

/// The labels that people set for updates.
pub fn of_people(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let of_people = labels.iter().filter(|(name, _)| is_of_people(name));
    of_people.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether a label is one that people set for updates.
pub fn is_of_people(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !OWN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn both_spellings_are_read_and_ours_is_stronger() {
        let read = UpdateLabels::read(&labels(&[("docksmith.ignore", "yes"), ("homeport.allow-latest", "TRUE")]));
        assert!(read.ignore && read.allow_latest);
        assert!(!UpdateLabels::read(&labels(&[("docksmith.ignore", "yes"), ("homeport.ignore", "no")])).ignore);
        assert!(UpdateLabels::read(&labels(&[("docksmith.tag-regex", "(")])).policy.is_err());
    }

    #[test]
    fn labels_of_our_own_are_not_of_people() {
        let all =
            labels(&[("homeport.operation", "x"), ("homeport.snapshot", "off"), ("docksmith.a", "b"), ("c", "d")]);
        assert_eq!(of_people(&all), labels(&[("homeport.snapshot", "off"), ("docksmith.a", "b")]));
    }
}
