//! Section 7: labels.

use std::collections::BTreeMap;

use homeport_updater::{check::explain, policy::UpdateLabels};

use super::check;

/// Booleans are `true`, `1` and `yes`, everywhere.
#[test]
fn s7_booleans() {
    check(&[
        ("ignore=true", "x:1.0", "1.1", "ignore=true", "ignored"),
        ("ignore=1", "x:1.0", "1.1", "ignore=1", "ignored"),
        ("ignore=yes", "x:1.0", "1.1", "ignore=yes", "ignored"),
        ("ignore=no", "x:1.0", "1.1", "ignore=no", "update 1.1 minor"),
        ("pins too", "x:1.0.0", "2.0.0 1.1.0", "version-pin-major=1", "update 1.1.0 minor"),
        ("pins too", "x:1.0.0", "2.0.0 1.1.0", "version-pin-major=yes", "update 1.1.0 minor"),
        ("anything else is no", "x:1.0.0", "2.0.0 1.1.0", "version-pin-major=on", "update 2.0.0 major"),
    ]);
}

#[test]
fn s7_pins() {
    check(&[
        ("major", "x:1.2.3", "1.2.4 1.3.0 2.0.0", "version-pin-major", "update 1.3.0 minor"),
        ("minor", "x:1.2.3", "1.2.4 1.3.0 2.0.0", "version-pin-minor", "update 1.2.4 patch"),
        ("patch", "x:1.2.3", "1.2.4 1.3.0 1.2.3", "version-pin-patch", "newest"),
        ("patch leaves builds", "x:1.2.3-ls1", "1.2.3-ls2 1.2.4-ls1", "version-pin-patch", "update 1.2.3-ls2 patch"),
        ("patch leaves revisions", "x:1.2.3.4", "1.2.3.5 1.2.4.0", "version-pin-patch", "update 1.2.3.5 patch"),
        ("the tightest counts", "x:1.2.3", "1.2.4 1.3.0", "version-pin-major version-pin-minor", "update 1.2.4 patch"),
    ]);
}

#[test]
fn s7_bounds() {
    check(&[
        ("max is inclusive", "x:7.0.0", "7.2.0 7.2.1", "version-max=7.2.0", "update 7.2.0 minor"),
        ("7.99 caps 7", "x:7.0.0", "7.8.1 8.0.0", "version-max=7.99", "update 7.8.1 minor"),
        ("min is inclusive", "x:1.0.0", "2.0.0", "version-min=2.0.0", "update 2.0.0 major"),
        ("below min", "x:1.0.0", "1.9.0 1.0.0", "version-min=2", "newest"),
        ("dates", "x:2024.1.0", "2024.6.0 2024.7.0", "version-max=2024.6", "update 2024.6.0 minor"),
        (
            "no version is an error",
            "x:1.0",
            "1.1",
            "version-max=soon",
            "failed the label version-max is \"soon\", which is no version; write one such as 7 or 7.99",
        ),
        (
            "also below",
            "x:1.0",
            "1.1",
            "version-min=latest",
            "failed the label version-min is \"latest\", which is no version; write one such as 7 or 7.99",
        ),
    ]);
}

#[test]
fn s7_tag_regex() {
    check(&[
        ("candidates must match", "x:1.0.0", "1.1.0 2.0.0", "tag-regex=^1\\.", "update 1.1.0 minor"),
        ("somewhere is enough", "x:1.0.0-a1b", "1.1.0-a1b", "tag-regex=a1b$", "update 1.1.0-a1b minor"),
        ("nothing matches", "x:1.0.0", "1.1.0 1.0.0", "tag-regex=^9", "newest"),
        ("an empty one is none", "x:1.0.0", "1.1.0", "tag-regex=", "update 1.1.0 minor"),
        (
            "it must compile",
            "x:1.0",
            "1.1",
            "tag-regex=(",
            "failed invalid tag regex: invalid regex: error: unclosed group",
        ),
        (
            "without look-around, as in RE2",
            "x:1.0",
            "1.1",
            "tag-regex=(?=1)",
            "failed invalid tag regex: invalid regex: error: look-around, including look-ahead and look-behind, is not supported",
        ),
    ]);
    let labels = BTreeMap::from([("docksmith.tag-regex".to_owned(), "a".repeat(501))]);
    let long = explain("x:1", &[], labels).unwrap();
    assert_eq!(long.checked.error, "invalid tag regex: pattern too long (max 500 characters)");
}

#[test]
fn s7_latest_and_pre_releases() {
    check(&[
        ("pinnable without it", "x:latest@a", "latest@a 1.2.3@a", "", "pinnable 1.2.3"),
        ("allow-latest", "x:latest@a", "latest@a 1.2.3@a", "allow-latest", "newest"),
        ("allow-prerelease", "x:1.0.0", "1.1.0-rc1 1.1.0-beta.2", "allow-prerelease", "update 1.1.0-rc1 minor"),
        ("which admits dev", "x:1.0.0", "1.1.0-dev", "allow-prerelease=yes", "update 1.1.0-dev minor"),
    ]);
}

#[test]
fn s7_version_track() {
    check(&[
        ("exact is the default", "x:16@a", "16@b 17@c", "", "update 17 major"),
        ("exact", "x:16@a", "16@b 17@c", "version-track=exact", "update 17 major"),
        ("floating keeps the tag", "x:16@a", "16@b 17@c", "version-track=floating", "update 16 rebuild"),
        ("and is up to date by digest", "x:16@a", "16@a 17@c", "version-track=floating", "newest"),
        (
            "anything else is an error",
            "x:16",
            "17",
            "version-track=loose",
            "failed the label version-track is \"loose\"; it can be exact or floating",
        ),
    ]);
}

/// Ours counts before Docksmith's.
#[test]
fn s7_both_prefixes() {
    let labels = |pairs: &[(&str, &str)]| {
        UpdateLabels::read(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    assert!(labels(&[("homeport.ignore", "1")]).ignore);
    assert!(!labels(&[("homeport.ignore", "no"), ("docksmith.ignore", "1")]).ignore);
}
