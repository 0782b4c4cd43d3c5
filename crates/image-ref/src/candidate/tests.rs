use super::*;

fn check_with(policy: &Policy, current: &str, tags: &[&str], expected: Option<&str>) {
    let tags: Vec<_> = tags.iter().map(|tag| Tag::parse(tag)).collect();
    let found = newest(&Tag::parse(current), &tags, policy).map(Tag::as_str);
    assert_eq!(found, expected, "from {current} among {tags:?}");
}

fn check(current: &str, tags: &[&str], expected: Option<&str>) {
    check_with(&Policy::default(), current, tags, expected);
}

fn policy(labels: &[(&str, &'static str)]) -> Policy {
    Policy::from_labels(|name| labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value)).unwrap()
}

#[test]
fn the_highest_version_wins() {
    check("1.22.1", &["1.22.1", "1.26.3", "1.9.9", "latest"], Some("1.26.3"));
    check("1.26.3", &["1.22.1", "1.26.3"], None);
    check("v1.9.0", &["v1.9.0", "v1.10.0"], Some("v1.10.0"));
    check("4.5.0.4", &["4.5.0.5", "4.5.0"], Some("4.5.0.5"));
}

#[test]
fn the_variant_stays() {
    check("1.25-alpine", &["1.26", "1.26-perl", "1.26-alpine"], Some("1.26-alpine"));
    check("1.25-alpine", &["1.26", "1.26-perl"], None);
    check("1.25", &["1.26-alpine"], None);
    check("16.1-alpine3.18", &["16.2-alpine3.19", "16.3-bookworm"], Some("16.2-alpine3.19"));
    check("16.1-alpine3.18", &["16.2-alpine3.18", "16.3-alpine3.19"], Some("16.2-alpine3.18"));
    check("16.1-alpine3.18", &["16.2-alpine3.19", "16.2-alpine3.20", "16.2-alpine3.9"], Some("16.2-alpine3.20"));
    check("16.1-bullseye", &["16.2-bookworm"], None);
    check("16.1.0-debian-11-r5", &["16.2.0-debian-12-r0"], Some("16.2.0-debian-12-r0"));
}

#[test]
fn the_precision_stays() {
    check("16", &["16.1", "16.2.3", "17", "17.1"], Some("17"));
    check("1.25", &["1.25.3", "1.26", "1.26.1"], Some("1.26"));
    check("1.25.3", &["1.26", "1.25.4"], Some("1.25.4"));
    check("2.0.1", &["2.0.1-2", "2.0.2-1"], None);
    check("2.0.1-1", &["2.0.1-2", "2.0.1"], Some("2.0.1-2"));
    check("2.0.1-1", &["2.0.2"], Some("2.0.2"));
}

#[test]
fn the_scheme_stays() {
    check("version-1.2", &["1.3", "version-1.3", "amd64-1.4"], Some("version-1.3"));
    check("1.2", &["version-1.3", "1.3"], Some("1.3"));
    check("bookworm-20240722", &["12.6", "bookworm-20240812", "trixie-20250101"], Some("bookworm-20240812"));
    check("2024.12.0", &["2024.12.1", "2025.1.4", "3.0.0", "20260101"], Some("2025.1.4"));
    check("bookworm", &["12.6", "trixie"], None);
    check("latest", &["1.2", "latest"], None);
    check("8adcd0b4", &["8adcd0b5", "1.2"], None);
    check("1.2.3", &["2.0.0-ls4"], None);
    check("v2.0", &["2.0", "2.1"], Some("2.1"));
    check("v2.0", &["2.1", "v2.1"], Some("v2.1"));
    check("2.0", &["2.1", "v2.1"], Some("2.1"));
}

#[test]
fn builds_and_revisions_count_after_the_version() {
    check("4.0.16.2946-ls9", &["4.0.16.2946-ls12"], Some("4.0.16.2946-ls12"));
    check("4.0.16.2946-ls297", &["4.0.16.2947-ls1", "4.0.16.2946-ls298"], Some("4.0.16.2947-ls1"));
    check("20250413-0519", &["20250413-1100", "20250412-2300"], Some("20250413-1100"));
    check("1.2.3-r9", &["1.2.3-r10"], Some("1.2.3-r10"));
}

#[test]
fn bare_build_numbers_count_where_there_is_nothing_else() {
    check("1243", &["1244", "1250"], Some("1250"));
    check("1243", &["1244", "2.0"], None);
    check("2.0", &["1244"], None);
}

#[test]
fn pre_releases_only_when_allowed_or_already_there() {
    check("1.0.0", &["1.1.0-rc1"], None);
    check("1.0.0-rc9", &["1.0.0-rc10", "1.0.0-beta.11"], Some("1.0.0-rc10"));
    check("1.0.0-rc9", &["1.0.0-rc10", "1.0.0"], Some("1.0.0"));
    check_with(&policy(&[("allow-prerelease", "yes")]), "1.0.0", &["1.1.0-rc1", "1.1.0-beta.2"], Some("1.1.0-rc1"));
}

#[test]
fn policies_narrow() {
    let tags = ["1.2.4", "1.3.0", "2.0.0", "7.99.0", "8.0.0"];
    check_with(&policy(&[("version-pin-major", "true")]), "1.2.3", &tags, Some("1.3.0"));
    check_with(&policy(&[("version-pin-minor", "1")]), "1.2.3", &tags, Some("1.2.4"));
    check_with(&policy(&[("version-pin-patch", "yes")]), "1.2.3", &tags, None);
    check_with(&policy(&[("version-max", "7.99")]), "1.2.3", &tags, Some("7.99.0"));
    check_with(&policy(&[("version-min", "9")]), "1.2.3", &tags, None);
    check_with(&policy(&[("tag-regex", "^1\\.")]), "1.2.3", &tags, Some("1.3.0"));
    check_with(&policy(&[("version-max", "2024.6")]), "2024.1.0", &["2024.6.0", "2024.7.0"], Some("2024.6.0"));
}

#[test]
fn a_policy_that_cannot_be_read_is_an_error() {
    let read = |name: &'static str, value: String| {
        Policy::from_labels(|label| (label == name).then_some(value.as_str())).unwrap_err().to_string()
    };
    assert!(read("tag-regex", "(".to_owned()).starts_with("invalid tag regex: invalid regex: "));
    assert_eq!(read("tag-regex", "a".repeat(501)), "invalid tag regex: pattern too long (max 500 characters)");
    assert!(read("version-max", "soon".to_owned()).contains("version-max"));
    assert!(read("version-track", "loose".to_owned()).contains("loose"));
}

#[test]
fn changes_have_classes() {
    for (from, to, expected) in [
        ("1.2.3", "2.0.0", Change::Major),
        ("1.2.3", "1.3.0", Change::Minor),
        ("1.2.3", "1.2.4", Change::Patch),
        ("1.2.3.4", "1.2.3.5", Change::Patch),
        ("1.2.3-ls1", "1.2.3-ls2", Change::Patch),
        ("1.2.3", "v1.2.3", Change::None),
        ("3.41", "v3.41.0", Change::None),
        ("1.2.3", "1.2.2", Change::Downgrade),
        ("1.2.3", "latest", Change::Unknown),
        ("1.2.3", "20240101", Change::Unknown),
    ] {
        assert_eq!(change(&Tag::parse(from), &Tag::parse(to)), expected, "{from} → {to}");
    }
}

#[test]
fn readers_see_the_newest_first() {
    let mut tags: Vec<_> = ["latest", "1.9", "v3.41", "1.10", "v3.41.0", "alpine"].map(Tag::parse).into();
    sort_newest_first(&mut tags);
    let texts: Vec<_> = tags.iter().map(Tag::as_str).collect();
    assert_eq!(texts, ["v3.41.0", "v3.41", "1.10", "1.9", "alpine", "latest"]);
}
