use crate::{Tag, TagKind};

fn check(text: &str, kind: TagKind, version: &str, variant: &str) {
    let tag = Tag::parse(text);
    let found = tag.version().map(ToString::to_string).unwrap_or_default();
    assert_eq!((tag.kind(), found.as_str(), tag.variant()), (kind, version, variant), "{text}");
}

#[test]
fn counted_versions() {
    use TagKind::Version;
    check("16", Version, "16.0.0", "");
    check("7.2", Version, "7.2.0", "");
    check("v1.2.3", Version, "1.2.3", "");
    check("V1.2.3", Version, "1.2.3", "");
    check("v1243", Version, "1243.0.0", "");
    check("100", Version, "100.0.0", "");
    check("1.42.2.10156", Version, "1.42.2.10156", "");
    check("1.2.3.4.5", Version, "1.2.3.4", "");
    check("v2024.12.1", Version, "2024.12.1", "");
}

#[test]
fn variants_are_what_remains() {
    use TagKind::Version;
    check("1.25.3-alpine", Version, "1.25.3", "alpine");
    check("1.25.3-alpine3.18", Version, "1.25.3", "alpine3.18");
    check("1.25.3-alpine-perl", Version, "1.25.3", "alpine-perl");
    check("6.4-php8.2-apache", Version, "6.4.0", "php8.2-apache");
    check("4.0.16.2946-ls297", Version, "4.0.16.2946", "");
    check("1.42.2.10156-f737b826c-ls292", Version, "1.42.2.10156", "");
    check("2.0.1-1", Version, "2.0.1", "");
    check("2.0.1_1", Version, "2.0.1", "");
    check("1.2.3-r4", Version, "1.2.3", "");
    check("1.2.3-20240801", Version, "1.2.3", "");
    check("1.2.3-202408011230", Version, "1.2.3", "");
    check("1.2.3-deadbeef", Version, "1.2.3", "");
    check("1.2.3-45-gdeadbeef", Version, "1.2.3", "");
    check("16.1.0-debian-12-r5", Version, "16.1.0", "debian-12");
    check("12.2.0-devel-ubuntu22.04", Version, "12.2.0", "devel-ubuntu22.04");
}

#[test]
fn pre_releases() {
    use TagKind::Version;
    check("1.2.3-rc1", Version, "1.2.3-rc.1", "");
    check("1.0rc1", Version, "1.0.0-rc.1", "");
    check("3.13.0b2", Version, "3.13.0-beta.2", "");
    check("1.0.0-beta.2", Version, "1.0.0-beta.2", "");
    check("1.0.0-rc-2", Version, "1.0.0-rc.2", "");
    check("17beta1-alpine", Version, "17.0.0-beta.1", "alpine");
    check("1.0.0.dev20251030", Version, "1.0.0-dev.20251030", "");
    check("1.2.3-dev", Version, "1.2.3-dev", "");
    check("1.0.0-alpha", Version, "1.0.0-alpha", "");
    check("1.0.0-preview.1-slim", Version, "1.0.0-preview.1", "slim");
}

#[test]
fn dates() {
    use TagKind::Date;
    check("2024.12.1", Date, "2024.12.1", "");
    check("2024.12.0", Date, "2024.12.0", "");
    check("20240722", Date, "2024.07.22", "");
    check("2024-7-2", Date, "2024.07.02", "");
    check("20250413-0519", Date, "2025.04.13", "");
    check("bookworm-20240722-slim", Date, "2024.07.22", "slim");
    check("RELEASE.2024-01-16T16-07-38Z-cpuv1", Date, "2024.01.16", "cpuv1");
    check("nightly-20240801", Date, "2024.08.01", "");
}

#[test]
fn hashes_are_never_versions() {
    use TagKind::Hash;
    for text in
        ["8adcd0b4-ls46", "deadbeef", "1234567", "sha-8adcd0b4", "sha256-8adcd0b4", "git-0123456789", "pr-8adcd0b4"]
    {
        check(text, Hash, "", "");
    }
    check("20241399", Hash, "", "");
}

#[test]
fn moving_names_and_other_words() {
    check("latest", TagKind::Moving, "", "");
    check("latest-alpine", TagKind::Moving, "", "alpine");
    check("stable-tensorrt", TagKind::Moving, "", "tensorrt");
    check("main-alpine3.18", TagKind::Moving, "", "alpine3.18");
    for text in ["alpine", "alpine3.18", "php8.2-fpm", "lts", "bookworm", "release", "rc1", "1.2.3f1", "", "-", "é.1"]
    {
        check(text, TagKind::Other, "", "");
    }
    check("1243", TagKind::Number, "", "");
}

#[test]
fn words_before_the_number_are_a_scheme() {
    for (text, prefix) in [
        ("version-1.2", "version-"),
        ("develop-4.0", "develop-"),
        ("linux-amd64-1.2", "linux-amd64-"),
        ("release-v1.2", "release-"),
        ("v1.2", ""),
    ] {
        let tag = Tag::parse(text);
        assert_eq!((tag.prefix(), tag.kind()), (prefix, TagKind::Version), "{text}");
    }
}
