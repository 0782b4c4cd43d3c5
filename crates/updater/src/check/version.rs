//! Which version runs.

use std::collections::BTreeMap;

use homeport_image_ref::{Tag, Version};

/// Labels in which images state their version, the best one first.
const LABELS: [&str; 4] = ["org.opencontainers.image.version", "build_version", "version", "VERSION"];

/// The version that runs, as far as its tag and the labels of its image tell.
///
/// The label may come from the image that this one was built upon. So where the tag states a version, the label only
/// counts if it agrees with all that the tag states.
pub(super) fn current(tag: &Tag, labels: &BTreeMap<String, String>) -> Option<Version> {
    match (tag.version(), of_labels(labels)) {
        (Some(tag), Some(label)) => {
            let agrees = tag.agrees_with(&label) && label.stated() >= tag.stated();
            let is_worse = label.is_pre_release() && !tag.is_pre_release();
            Some(if agrees && !is_worse { label } else { tag.clone() })
        }
        (Some(tag), None) => Some(tag.clone()),
        (None, label) => label,
    }
}

/// The version that an image's labels state.
pub(super) fn of_labels(labels: &BTreeMap<String, String>) -> Option<Version> {
    let text = LABELS.iter().find_map(|name| labels.get(*name).filter(|text| !text.is_empty()))?;
    Tag::parse(in_sentence(text)).version().cloned()
}

/// The version in `Linuxserver.io version:- 4.0.16 Build-date:- …`; any other text as it is.
fn in_sentence(text: &str) -> &str {
    match text.split_once("version:-") {
        Some((_, rest)) => rest.split("Build-date").next().unwrap_or(rest).trim(),
        None => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: &str, label: Option<(&str, &str)>, expected: &str) {
        let labels = label.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let found = current(&Tag::parse(tag), &labels).map(|version| version.to_string()).unwrap_or_default();
        assert_eq!(found, expected, "{tag} with {label:?}");
    }

    #[test]
    fn s6_5_the_label_counts_when_it_agrees() {
        let oci = "org.opencontainers.image.version";
        check("1.25", None, "1.25.0");
        check("1.25", Some((oci, "1.25.3")), "1.25.3");
        check("1.25", Some((oci, "22.04")), "1.25.0");
        check("1.25.3", Some((oci, "1.25")), "1.25.3");
        check("1.25", Some((oci, "1.25.3-rc1")), "1.25.0");
        check("latest", Some((oci, "1.25.3")), "1.25.3");
        check("latest", Some((oci, "trixie")), "");
        check("latest", None, "");
        let sentence = "Linuxserver.io version:- 4.0.16.2946-ls297 Build-date:- 2025-01-01T00:00:00";
        check("latest", Some(("build_version", sentence)), "4.0.16.2946");
    }
}
