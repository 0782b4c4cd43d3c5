use std::sync::Arc;

use homeport_compose_file::{Service, ServiceImage};
use homeport_image_ref::{Change, Digest, Tag, newest};
use jiff::Timestamp;

use super::*;
use crate::{
    check::Status,
    inventory::{ComposePlace, Container},
    registry::{RegistryError, TagList},
};

fn digest(letter: char) -> Digest {
    format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
}

/// A container of `image`, whose image has the digest of `a`s.
fn container(image: &str, labels: &[(&str, &str)]) -> Container {
    let repository = image.parse::<Reference>().map_or("x".to_owned(), |reference| reference.without_tag().familiar());
    Container {
        id: "0123".to_owned(),
        name: "web".to_owned(),
        image: image.to_owned(),
        repo_digests: vec![format!("{repository}@{}", digest('a'))],
        running: true,
        health: "none",
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        compose: Some(ComposePlace { project: "p".to_owned(), service: "web".to_owned(), ..ComposePlace::default() }),
        ..Container::default()
    }
}

fn service(image: &str) -> Service {
    let image = ServiceImage { resolved: image.to_owned(), text: image.to_owned(), ..ServiceImage::default() };
    Service { name: "web".to_owned(), image: Some(image), ..Service::default() }
}

fn locally(container: &Container, service: Option<&Service>) -> CheckedContainer {
    match decide_locally(container, service, Timestamp::UNIX_EPOCH) {
        Local::Decided(checked) => *checked,
        Local::Open(open) => open.checked,
    }
}

fn open(container: &Container, service: Option<&Service>) -> Open {
    match decide_locally(container, service, Timestamp::UNIX_EPOCH) {
        Local::Open(open) => *open,
        Local::Decided(checked) => panic!("decided already: {checked:?}"),
    }
}

/// A registry with these tags, in which the present tag has the digest of the letter.
fn answers(open: &Open, tags: &[(&str, char)], present: char) -> Answers {
    let list: Vec<_> = tags.iter().map(|(tag, _)| Tag::parse(tag)).collect();
    let digest_of =
        |tag: &Tag| digest(tags.iter().find(|(text, _)| *text == tag.as_str()).map_or('f', |(_, letter)| *letter));
    let candidate = if open.follows_digest() { None } else { newest(&open.tag, &list, &open.policy) };
    Answers {
        candidate: candidate.map(|tag| (tag.clone(), Some(digest_of(tag)))),
        ghosts: Vec::new(),
        is_same_image: false,
        digest: candidate.is_none().then(|| Ok(Some(digest(present)))),
        names: open.likely_names(&list, 3).into_iter().map(|tag| (tag.clone(), digest_of(&tag))).collect(),
        tags: Ok(Arc::new(TagList::new(list))),
    }
}

fn check(container: &Container, tags: &[(&str, char)], present: char) -> CheckedContainer {
    let open = open(container, None);
    let answers = answers(&open, tags, present);
    decide(&open, &answers)
}

fn failed(container: &Container, service: Option<&Service>, error: RegistryError) -> CheckedContainer {
    let open = open(container, service);
    let tags = Err(error.clone());
    decide(
        &open,
        &Answers {
            tags,
            candidate: None,
            ghosts: Vec::new(),
            is_same_image: false,
            digest: Some(Err(error)),
            names: Vec::new(),
        },
    )
}

#[test]
fn s5_ignored_before_everything_else() {
    let checked = locally(&container("x:1", &[("docksmith.ignore", "1")]), Some(&service("y:2")));
    assert_eq!(checked.status, Status::Ignored);
    assert_eq!((checked.stack.as_str(), checked.current_tag.as_str()), ("p", ""), "nothing more is told of it");
}

#[test]
fn s5_another_image_in_the_file_is_a_mismatch() {
    let status = |running: &str, file: &str| locally(&container(running, &[]), Some(&service(file))).status;
    let hex = "a".repeat(64);
    assert_eq!(status("nginx:1.22", "nginx:1.26"), Status::ComposeMismatch);
    assert_eq!(status("nginx", "httpd"), Status::ComposeMismatch);
    assert_eq!(status(&format!("sha256:{hex}"), "nginx"), Status::ComposeMismatch);
    for (running, file) in [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1", "nginx:1"),
        ("host:5000/x", "host:5000/x:latest"),
        ("nginx:1@sha256:", "nginx:1"),
    ] {
        let running = running.replace("sha256:", &format!("sha256:{hex}"));
        assert_ne!(status(&running, file), Status::ComposeMismatch, "{running} {file}");
    }
    let checked = locally(&container("nginx:1.22", &[]), Some(&service("nginx:1.26")));
    assert_eq!(checked.error, "Running image (nginx:1.22) differs from compose specification (nginx:1.26)");
    assert_eq!(checked.compose_image, "nginx:1.26");
}

#[test]
fn s5_what_was_built_here_is_local() {
    let built = Container { repo_digests: Vec::new(), ..container("own:1", &[]) };
    let checked = locally(&built, None);
    assert_eq!((checked.status, checked.is_local), (Status::LocalImage, true));
    let unknown = RegistryError::NotFound { registry: "r".to_owned(), what: "x".to_owned() };
    let buildable = Service { has_build: true, ..Service::default() };
    assert_eq!(failed(&container("own:1", &[]), Some(&buildable), unknown).status, Status::LocalImage);
}

#[test]
fn s7_policies_that_cannot_be_read_fail_the_check() {
    let checked = locally(&container("x:1", &[("docksmith.tag-regex", "(")]), None);
    assert_eq!(checked.status, Status::CheckFailed);
    assert!(checked.error.starts_with("invalid tag regex"), "{}", checked.error);
}

#[test]
fn a_newer_version_is_available() {
    let checked = check(&container("nginx:1.22.1", &[]), &[("1.22.1", 'a'), ("1.26.3", 'b'), ("latest", 'b')], 'a');
    assert_eq!(checked.status, Status::UpdateAvailable);
    assert_eq!((checked.latest_version.as_str(), checked.change), ("1.26.3", Some(Change::Minor)));
    assert_eq!(checked.latest_digest, Some(digest('b')));
    assert_eq!(checked.current_digest, Some(digest('a')));
    assert_eq!(checked.current_version, "1.22.1");
    assert_eq!(checked.available_tags, ["1.26.3", "1.22.1", "latest"]);
}

#[test]
fn s5_the_newest_version_is_up_to_date_unless_it_was_rebuilt() {
    let tags = [("1.22.1", 'a'), ("1.26.3", 'b'), ("1.27.0-alpine", 'c')];
    let newest = container("nginx:1.26.3", &[]);
    assert_eq!(check(&newest, &tags, 'a').status, Status::UpToDate);
    let rebuilt = check(&newest, &tags, 'b');
    assert_eq!((rebuilt.status, rebuilt.is_rebuild), (Status::UpdateAvailable, true));
    assert_eq!((rebuilt.latest_version.as_str(), rebuilt.change), ("1.26.3", Some(Change::None)));
    assert_eq!(rebuilt.latest_digest, Some(digest('b')));
}

#[test]
fn s5_moving_tags_are_followed_by_digest() {
    let tags = [("1.26.3", 'b'), ("1.22.1", 'a'), ("1.26", 'b'), ("latest", 'b'), ("1.27.0-rc1", 'd')];
    let moved = check(&container("nginx:latest", &[]), &tags, 'b');
    assert_eq!((moved.status, moved.is_rebuild), (Status::UpdateAvailable, false));
    assert_eq!((moved.latest_version.as_str(), moved.latest_resolved_version.as_str()), ("latest", "1.26.3"));
    assert_eq!((moved.current_version.as_str(), moved.change), ("1.22.1", Some(Change::Minor)));
    let codename = check(&container("debian:bookworm", &[]), &[("12.6", 'c')], 'b');
    assert_eq!((codename.latest_version.as_str(), codename.change), ("bookworm", Some(Change::Unknown)));
    assert_eq!(check(&container("debian:bookworm", &[]), &[("12.6", 'c')], 'a').status, Status::UpToDate);
}

#[test]
fn s5_latest_can_be_pinned_to_what_it_is() {
    let tags = [("1.26.3", 'a'), ("1.26", 'a'), ("1.22.1", 'c')];
    let pinnable = check(&container("nginx", &[]), &tags, 'a');
    assert_eq!((pinnable.status, pinnable.recommended_tag.as_str()), (Status::UpToDatePinnable, "1.26.3"));
    assert_eq!((pinnable.using_latest_tag, pinnable.current_version.as_str()), (true, "1.26.3"));
    assert_eq!(check(&container("nginx", &[]), &[("1.26.3", 'b')], 'a').status, Status::UpToDate, "no other image");
    let allowed = container("nginx", &[("docksmith.allow-latest", "true")]);
    assert_eq!(check(&allowed, &tags, 'a').status, Status::UpToDate);
    assert_eq!(check(&container("nginx:stable", &[]), &tags, 'a').status, Status::UpToDate);
}

#[test]
fn s6_4_a_floating_track_keeps_the_tag() {
    let floating = container("postgres:16", &[("docksmith.version-track", "floating")]);
    let moved = check(&floating, &[("16", 'b'), ("17", 'c')], 'b');
    assert_eq!((moved.latest_version.as_str(), moved.is_rebuild), ("16", true));
    let exact = check(&container("postgres:16", &[]), &[("16", 'b'), ("17", 'c'), ("17.1", 'c')], 'b');
    assert_eq!((exact.latest_version.as_str(), exact.change), ("17", Some(Change::Major)));
}

#[test]
fn s5_failures_are_told_apart() {
    let web = container("x:1", &[]);
    let registry = || "r".to_owned();
    let missing = failed(&web, None, RegistryError::NotFound { registry: registry(), what: "x".to_owned() });
    assert_eq!(missing.status, Status::MetadataUnavailable);
    assert_eq!(missing.error, "Version information unavailable (registry lookup failed)");
    let limited = failed(&web, None, RegistryError::RateLimited { registry: registry(), retry_after: None });
    assert_eq!((limited.status, limited.is_error_temporary), (Status::CheckFailed, true));
    let refused = RegistryError::Unauthorized { registry: registry(), what: "x".to_owned(), anonymous: true };
    let refused = failed(&web, None, refused);
    assert_eq!((refused.status, refused.is_error_temporary), (Status::CheckFailed, false));
    assert!(refused.error.contains("docker login"), "{}", refused.error);
}

#[test]
fn a_moving_tag_can_do_without_the_list() {
    let open = open(&container("x:latest", &[]), None);
    let error = RegistryError::Forbidden { registry: "r".to_owned(), what: "x".to_owned(), anonymous: true };
    let answers = Answers {
        tags: Err(error),
        candidate: None,
        ghosts: Vec::new(),
        is_same_image: false,
        digest: Some(Ok(Some(digest('b')))),
        names: Vec::new(),
    };
    assert_eq!(decide(&open, &answers).status, Status::UpdateAvailable);
}

#[test]
fn an_index_that_changed_around_the_image_is_no_update() {
    let open = open(&container("x:1.0", &[]), None);
    let mut answers = answers(&open, &[("1.0", 'b')], 'b');
    assert_eq!(decide(&open, &answers).status, Status::UpdateAvailable);
    answers.is_same_image = true;
    assert_eq!(decide(&open, &answers).status, Status::UpToDate);
}

/// Section 6.6: a list that was cut short may lack the tag of the variant.
#[test]
fn s6_6_what_a_cut_list_may_lack_is_asked_for() {
    let open = open(&container("x:1.0.0-alpine", &[]), None);
    let tags = ["1.0.0-alpine", "1.1.0", "1.2.0", "latest"].map(Tag::parse);
    let texts: Vec<_> = open.unlisted(&tags).iter().map(Tag::to_string).collect();
    assert_eq!(texts, ["1.2.0-alpine", "v1.2.0-alpine"]);
    assert!(open.unlisted(&["1.0.0".into(), "1.0.0-alpine".into()].map(|text: String| Tag::parse(&text))).is_empty());
}

#[test]
fn s5_tags_without_images_are_noted() {
    let open = open(&container("x:1.0", &[]), None);
    let mut answers = answers(&open, &[("1.0", 'a')], 'a');
    answers.ghosts.push(Tag::parse("1.1"));
    let checked = decide(&open, &answers);
    assert_eq!(checked.status, Status::UpToDate);
    assert_eq!(checked.note, "Tag 1.1 exists but has no published images");
}

#[test]
fn s7_labels_that_differ_from_the_file_are_told() {
    let labels = |value: &str| [("docksmith.ignore".to_owned(), value.to_owned())].into();
    let file = Service { labels: labels("false"), ..service("x:1") };
    let running = container("x:1", &[("docksmith.ignore", "no"), ("homeport.operation", "1")]);
    assert!(locally(&running, Some(&file)).labels_out_of_sync);
    let running = container("x:1", &[("docksmith.ignore", "false"), ("homeport.operation", "1")]);
    assert!(!locally(&running, Some(&file)).labels_out_of_sync);
}

#[test]
fn s5_what_names_no_tag_cannot_be_followed() {
    let pinned = container(&format!("x@{}", digest('a')), &[]);
    let checked = locally(&pinned, None);
    assert_eq!(checked.status, Status::Unknown);
    assert!(checked.note.contains("pinned"), "{}", checked.note);
    let by_id = locally(&container(&"a".repeat(64), &[]), None);
    assert_eq!(by_id.status, Status::Unknown);
}
