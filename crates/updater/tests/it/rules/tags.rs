//! Section 6: versions and tags.

use super::{check, explained};

/// 6.1 What counts as a version.
#[test]
fn s6_1_what_counts_as_a_version() {
    check(&[
        ("a number", "x:16", "16 17", "", "update 17 major"),
        ("two numbers", "x:7.2", "7.2 7.4", "", "update 7.4 minor"),
        ("a leading v", "x:v1.2.3", "v1.2.4", "", "update v1.2.4 patch"),
        ("a leading V", "x:V1.2.3", "V1.2.4", "", "update V1.2.4 patch"),
        ("four numbers", "x:1.42.2.10156", "1.42.2.10157", "", "update 1.42.2.10157 patch"),
        ("missing parts are 0", "x:v3.41", "v3.41.0", "", "newest"),
        ("a bare number above 100 is a build", "x:2.0", "1243 2.0", "", "newest"),
        ("and is offered to no version", "x:99", "99 1243", "", "newest"),
        ("unless all tags look like that", "x:1243", "1243 1250", "", "update 1250 major"),
        ("100 is a version", "x:99", "99 100", "", "update 100 major"),
        ("a v makes any number a version", "x:v1243", "v1244", "", "update v1244 major"),
    ]);
}

/// 6.1 Dates.
#[test]
fn s6_1_dates() {
    check(&[
        ("YYYYMMDD", "x:20240722", "20240722 20240812", "", "update 20240812 minor"),
        ("YYYY.M.D", "x:2024.7.22", "2024.8.12", "", "update 2024.8.12 minor"),
        ("YYYY-M-D", "x:2024-7-22", "2024-8-12", "", "update 2024-8-12 minor"),
        ("compared as numbers", "x:2024-9-30", "2024-10-2", "", "update 2024-10-2 minor"),
        ("day 0 is calendar style", "x:2024.12.0", "2024.12.0 2024.12.1", "", "update 2024.12.1 patch"),
        ("over the year", "x:2024.12.1", "2025.1.0 2024.12.0", "", "update 2025.1.0 major"),
        ("and on", "x:2025.1.0", "2025.1.4 2024.12.1", "", "update 2025.1.4 patch"),
        ("zero-padded or not", "x:2024.06.1", "2024.6.2 2024.05.9", "", "update 2024.6.2 patch"),
        ("a fourth part orders within the day", "x:2024.7.22.1", "2024.7.22.2", "", "update 2024.7.22.2 patch"),
        ("so does a time", "x:20250413-0519", "20250413-1100", "", "update 20250413-1100 patch"),
        ("a time is no variant", "x:20250413-0519", "20250414-0100", "", "update 20250414-0100 patch"),
        ("a v makes a version", "x:v2024.12.1", "2025.1.1 v2024.12.2", "", "update v2024.12.2 patch"),
        ("no such day", "x:20241399@a", "20241401@b 20241399@a", "", "newest"),
        ("never from a date to a version", "x:2024.12.0", "3.0.0", "", "newest"),
        ("never from a version to a date", "x:3.0.0", "2024.12.0 20241201", "", "newest"),
        ("nor to a date written together", "x:2024.12.1", "20260101", "", "newest"),
    ]);
}

/// 6.1 Hashes and words.
#[test]
fn s6_1_hashes_and_words() {
    check(&[
        ("hex digits are no version", "x:1.0", "8adcd0b4 1.0", "", "newest"),
        ("even where they begin with digits", "x:1.0", "8adcd0b4-ls46 1.0", "", "newest"),
        ("sha-", "x:1.0", "sha-8adcd0b4 sha256-8adcd0b4 sha1-8adcd0b4 1.0", "", "newest"),
        ("git-", "x:1.0", "git-0123456789 1.0", "", "newest"),
        ("a hash is followed by its digest", "x:8adcd0b4@a", "8adcd0b4@b 1.0@c", "", "update 8adcd0b4 rebuild"),
        ("words before are no version", "x:1.2", "amd64-1.3 version-1.3 release-1.3 develop-4.0 1.2", "", "newest"),
        ("but a scheme of their own", "x:version-1.2", "1.3 version-1.3 amd64-1.4", "", "update version-1.3 minor"),
        ("also before a v", "x:release-v1.2", "release-v1.3", "", "update release-v1.3 minor"),
    ]);
}

/// 6.2 Pre-releases.
#[test]
fn s6_2_pre_releases() {
    check(&[
        ("not offered to a release", "x:1.0.0", "1.1.0-rc1 1.1.0-alpha 1.1.0-beta.2", "", "newest"),
        ("none of these words", "x:1.0.0", "1.1.0-dev1 1.1.0-pre1 1.1.0-preview.1 1.1.0-canary.3", "", "newest"),
        ("glued", "x:1.0.0", "1.1.0rc1 1.1.0.dev20251030 1.1.0b2", "", "newest"),
        ("rc10 is after rc9", "x:1.0.0-rc9", "1.0.0-rc10", "", "update 1.0.0-rc10 patch"),
        ("rc9 is before rc10", "x:1.0.0-rc10", "1.0.0-rc9", "", "newest"),
        ("beta.10 is after beta.2", "x:1.0.0-beta.2", "1.0.0-beta.10", "", "update 1.0.0-beta.10 patch"),
        ("beta is after alpha", "x:1.0.0-alpha.9", "1.0.0-beta.1", "", "update 1.0.0-beta.1 patch"),
        ("rc is after beta", "x:1.0.0-beta.9", "1.0.0-rc.1", "", "update 1.0.0-rc.1 patch"),
        ("the release is after them all", "x:1.0.0-rc10", "1.0.0 1.0.0-rc11", "", "update 1.0.0 patch"),
        ("bare dev keeps to its own", "x:1.0.0-dev", "1.1.0 1.1.0-dev", "", "update 1.1.0-dev minor"),
    ]);
}

/// 6.2 Builds and variants.
#[test]
fn s6_2_builds_and_variants() {
    check(&[
        ("ls12 is after ls9", "x:4.0.16-ls9", "4.0.16-ls12", "", "update 4.0.16-ls12 patch"),
        (
            "the version counts before the build",
            "x:4.0.16-ls297",
            "4.0.17-ls1 4.0.16-ls298",
            "",
            "update 4.0.17-ls1 patch",
        ),
        (
            "a hash before the build",
            "x:1.42.2.10156-f737b826c-ls291",
            "1.42.2.10156-f737b826c-ls292",
            "",
            "update 1.42.2.10156-f737b826c-ls292 patch",
        ),
        ("builds are not offered to those without", "x:4.0.16", "4.0.17-ls3 4.0.16", "", "newest"),
        ("variants stay", "x:1.25-alpine", "1.26 1.26-perl 1.26-alpine", "", "update 1.26-alpine minor"),
        ("the plain one stays plain", "x:1.25", "1.26-alpine 1.25", "", "newest"),
        ("the whole variant", "x:1.25.3-alpine-perl", "1.25.4-alpine 1.25.4-perl 1.25.3-alpine-perl", "", "newest"),
        ("php8.1 is no php8.2", "x:6.4-php8.1", "6.5-php8.2 6.4-php8.1", "", "newest"),
        (
            "the equal variant wins",
            "x:16.1-alpine3.18",
            "16.2-alpine3.18 16.3-alpine3.19",
            "",
            "update 16.2-alpine3.18 minor",
        ),
        ("else a newer release of it", "x:16.1-alpine3.18", "16.2-alpine3.19", "", "update 16.2-alpine3.19 minor"),
        ("never an older one", "x:16.1-alpine3.18", "16.2-alpine3.17 16.1-alpine3.18", "", "newest"),
        ("never another name", "x:16.1-bullseye", "16.2-bookworm 16.1-bullseye", "", "newest"),
        ("a trailing number is a revision", "x:2.0.1-1", "2.0.1-2", "", "update 2.0.1-2 patch"),
        ("also behind an underscore", "x:2.0.1_1", "2.0.1_2", "", "update 2.0.1_2 patch"),
        ("-r10 is after -r9", "x:1.2.3-r9", "1.2.3-r10", "", "update 1.2.3-r10 patch"),
        ("a date behind is noise", "x:1.2.3-20240101", "1.2.4-20240202", "", "update 1.2.4-20240202 patch"),
        ("a commit behind is noise", "x:1.2.3-deadbee", "1.2.4-cafebab", "", "update 1.2.4-cafebab patch"),
    ]);
}

/// 6.3 Order and change.
#[test]
fn s6_3_order_and_change() {
    check(&[
        ("the major number", "x:1.9.9", "1.10.0 2.0.0", "", "update 2.0.0 major"),
        ("numbers, not text", "x:1.9.0", "1.10.0 1.9.0", "", "update 1.10.0 minor"),
        ("a revision is more than none", "x:4.5.0.1", "4.5.0.5", "", "update 4.5.0.5 patch"),
        ("nothing older", "x:1.26.3", "1.22.1 1.26.2", "", "newest"),
        ("precision stays", "x:1.25", "1.26 1.26.3 1.27.1", "", "update 1.26 minor"),
        ("precision stays both ways", "x:1.25.3", "1.26 1.25.4", "", "update 1.25.4 patch"),
        ("the v of the current tag", "x:v2.0", "2.1 v2.1", "", "update v2.1 minor"),
        ("or its lack", "x:2.0", "2.1 v2.1", "", "update 2.1 minor"),
    ]);
}

/// 6.4 Moving tags.
#[test]
fn s6_4_moving_tags() {
    check(&[
        ("latest has moved", "x:latest@a", "latest@b 1.0@a", "allow-latest", "update latest some"),
        ("between known versions", "x:latest@a", "latest@b 1.0.0@a 1.1.0@b", "", "update latest minor"),
        ("stable-alpine has moved", "x:stable-alpine@a", "stable-alpine@b", "", "update stable-alpine some"),
        ("nightly has not", "x:nightly@a", "nightly@a 2.0@b", "", "newest"),
        ("a code name", "x:bookworm@a", "bookworm@a 12.6@b", "", "newest"),
        ("lts, mainline, alpine", "x:lts@a", "lts@b", "", "update lts some"),
        ("no other tag whatever its version", "x:edge@a", "edge@a 99.0@b", "", "newest"),
        (
            "a code name with a date has one",
            "x:bookworm-20240722",
            "12.6 bookworm-20240812 trixie-20250101",
            "",
            "update bookworm-20240812 minor",
        ),
        ("without digests nothing is known", "x:latest", "latest 1.0", "", "unknown"),
    ]);
}

/// 6.5 Current version: row by row the image, its tags and the version.
#[test]
fn s6_5_the_current_version() {
    for (rule, image, tags, expected) in [
        ("of the tag, written out", "x:1.25", "1.25", "1.25.0"),
        ("of a date", "x:20240722", "20240722", "2024.07.22"),
        ("of the tag with the same digest", "x:latest@a", "latest@a 1.2.3@a 1.3.0@b", "1.2.3"),
        ("the most exact of them", "x:latest@a", "latest@a 1.2@a 1.2.3@a", "1.2.3"),
        ("of the same variant", "x:latest-alpine@a", "latest-alpine@a 1.2.3@a 1.2.4-alpine@a", "1.2.4"),
        ("a floating tag, exactly", "x:16@a", "16@a 16.4@a 16.3@b 17.1@a", "16.4.0"),
        ("within its variant", "x:16-alpine@a", "16-alpine@a 16.4@a 16.3-alpine@a", "16.3.0"),
        ("no digest, no version", "x:latest", "latest 1.2.3", ""),
    ] {
        assert_eq!(explained(image, tags, "").checked.current_version, expected, "{rule}: {image} among [{tags}]");
    }
}

/// 6.6 Newest candidate: what the other sections do not show.
#[test]
fn s6_6_the_newest_candidate() {
    check(&[
        ("the order of the list does not count", "x:1.0.0", "1.2.0 1.3.0 1.1.0", "", "update 1.3.0 minor"),
        ("moving names are no candidates", "x:1.0.0", "latest stable main develop 1.0.0", "", "newest"),
        ("the current tag itself takes part", "x:1.0.0", "1.0.0", "", "newest"),
        ("nothing to compare with", "x:1.0.0", "latest", "", "unknown"),
        ("an empty list", "x:1.0.0", "", "", "unknown"),
        ("a pre-release goes on to the next", "x:2.0.0-rc1", "2.1.0-rc1 2.0.0", "", "update 2.1.0-rc1 minor"),
    ]);
}
