//! One word for every tag.

use super::explained;

#[test]
fn a_word_for_every_tag() {
    for (image, tags, labels, expected) in [
        (
            "nginx:1.22-alpine",
            "1.22-alpine 1.26-alpine 1.24-alpine 1.20-alpine 1.26 1.26-perl 1.27.1-alpine v1.22-alpine latest 8adcd0b4 bookworm",
            "",
            "current offered surpassed older variant variant precision same moving hash word",
        ),
        ("x:2.0", "1243 20240101 2024.1 release-2.1 2.1-ls3", "", "build scheme scheme scheme scheme"),
        ("x:1.0.0", "1.1.0-rc1 2.0.0 1.1.0", "version-pin-major", "prerelease pinned offered"),
        ("x:1.0.0", "1.5.0 9.0.0 3.0.0 2.0.0", "version-min=2 version-max=3", "below above offered surpassed"),
        ("x:1.0.0", "1.1.0 2.0.0", "tag-regex=^2", "regex offered"),
        ("x:1.0.0", "1.1.0 2.0.0", "tag-regex=(", "labels labels"),
        ("x:1.0.0", "1.1.0", "ignore", "ignored"),
        ("x:latest@a", "latest@a 1.0@b 0.9@a", "", "current followed recommended"),
        ("x:latest@a", "latest@b 1.0@b", "", "offered followed"),
        ("x:1.0@a", "1.0@b 0.9@a", "", "offered older"),
        ("x:16@a", "16@b 17@c", "version-track=floating", "offered followed"),
    ] {
        let found: Vec<_> = explained(image, tags, labels).candidates.iter().map(|c| c.verdict.as_str()).collect();
        assert_eq!(found.join(" "), expected, "{image} among [{tags}] with [{labels}]");
    }
}
