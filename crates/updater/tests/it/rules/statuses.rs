//! Section 5: statuses, in the order in which they are decided. What needs compose files is shown in `check`.

use super::check;

/// 5.1 Ignored, before everything else.
#[test]
fn s5_ignored() {
    check(&[
        ("whatever is newer", "x:1.0@a", "1.0@b 2.0@c", "ignore", "ignored"),
        ("even where another label is wrong", "x:1.0", "2.0", "ignore tag-regex=(", "ignored"),
    ]);
}

/// 5.6 Moving tag.
#[test]
fn s5_moving_tag() {
    check(&[
        ("another digest", "x:latest@a", "latest@b", "", "update latest some"),
        ("the same", "x:stable@a", "stable@a 1.0@a", "", "newest"),
        ("no tag is latest", "x", "latest 1.0", "", "unknown"),
        ("pinned to what runs, never to the newest", "x:latest@a", "latest@a 1.0@b 0.9@a", "", "pinnable 0.9"),
        ("the most exact name", "x:latest@a", "latest@a 1.2@a 1.2.3@a 1@a", "", "pinnable 1.2.3"),
        ("no version has it", "x:latest@a", "latest@a 1.0@b", "", "newest"),
        ("no pre-release is recommended", "x:latest@a", "latest@a 1.0-rc1@a", "", "newest"),
        ("no other variant is recommended", "x:latest@a", "latest@a 1.0-alpine@a", "", "newest"),
    ]);
}

/// 5.7 Version tag.
#[test]
fn s5_version_tag() {
    check(&[
        ("a newer one", "x:1.22.1@a", "1.22.1@a 1.26.3@b", "", "update 1.26.3 minor"),
        ("none newer, the digest is the same", "x:1.26.3@a", "1.26.3@a", "", "newest"),
        ("none newer, rebuilt", "x:1.26.3@a", "1.26.3@b", "", "update 1.26.3 rebuild"),
        ("rebuilt, of any tag: a date", "x:20240722@a", "20240722@b", "", "update 20240722 rebuild"),
        ("rebuilt, of any tag: a build number", "x:1243@a", "1243@b 2.0@c", "", "update 1243 rebuild"),
        ("rebuilt, of any tag: a variant", "x:1.2-alpine@a", "1.2-alpine@b 1.3@c", "", "update 1.2-alpine rebuild"),
        ("rebuilt, of any tag: a floating one", "x:16@a", "16@b", "", "update 16 rebuild"),
        ("a newer version counts before a rebuild", "x:1.0@a", "1.0@b 1.1@c", "", "update 1.1 minor"),
        ("no other scheme for a tag that is no version", "x:bookworm@a", "bookworm@a 12.6@b", "", "newest"),
    ]);
}

/// What names no tag has nothing to follow.
#[test]
fn s5_nothing_to_follow() {
    let pinned = super::explained("x@a", "1.0@a", "");
    assert!(pinned.checked.note.contains("pinned to a digest"), "{}", pinned.checked.note);
}
