//! What can be decided without a registry.

use homeport_compose_file::Service;
use homeport_image_ref::{Digest, Reference, ReferenceError, Tag};
use jiff::Timestamp;

use super::Open;
use crate::{
    check::{CheckedContainer, Status, version},
    inventory::Container,
    policy::{UpdateLabels, of_people},
};

/// What can be said without a registry.
#[derive(Debug, Clone)]
pub(in crate::check) enum Local {
    /// Everything.
    Decided(Box<CheckedContainer>),
    /// The registry has to be asked.
    Open(Box<Open>),
}

/// Decides what can be decided from the container and its compose files.
pub(in crate::check) fn decide_locally(container: &Container, service: Option<&Service>, now: Timestamp) -> Local {
    let labels = UpdateLabels::read(&container.labels);
    let mut checked = base(container, now);
    if labels.ignore {
        return decided(checked, Status::Ignored, String::new());
    }
    describe(&mut checked, container, service);
    if let Some((image, error)) = mismatch(container, service) {
        checked.compose_image = image;
        return decided(checked, Status::ComposeMismatch, error);
    }
    // An image that was built gets a digest too where the engine keeps images in containerd.
    if container.repo_digests.is_empty() || container.is_image_local {
        checked.is_local = true;
        return decided(checked, Status::LocalImage, String::new());
    }
    let reference = match container.image.parse::<Reference>() {
        Ok(reference) => reference,
        Err(ReferenceError::ImageId(_)) => {
            "It was created from an image's id, which says nothing about newer versions.".clone_into(&mut checked.note);
            return decided(checked, Status::Unknown, String::new());
        }
        Err(error) => return decided(checked, Status::CheckFailed, error.to_string()),
    };
    let Some(tag) = reference.tag_or_latest().map(Tag::parse) else {
        "It is pinned to a digest without a tag, so there is nothing to follow.".clone_into(&mut checked.note);
        return decided(checked, Status::Unknown, String::new());
    };
    let policy = match labels.policy {
        Ok(policy) => policy,
        Err(error) => return decided(checked, Status::CheckFailed, error.to_string()),
    };
    Local::Open(Box::new(Open {
        version: version::current(&tag, &container.image_labels),
        digests: digests(container, &reference),
        image_id: container.image_id.clone(),
        platform: container.platform.clone(),
        has_build: service.is_some_and(|service| service.has_build),
        allow_latest: labels.allow_latest,
        reference: reference.without_digest(),
        checked,
        tag,
        policy,
    }))
}

fn decided(mut checked: CheckedContainer, status: Status, error: String) -> Local {
    checked.status = status;
    checked.error = error;
    Local::Decided(Box::new(checked))
}

/// What is told even of an ignored container.
fn base(container: &Container, now: Timestamp) -> CheckedContainer {
    let place = container.compose.clone().unwrap_or_default();
    CheckedContainer {
        container_id: container.id.clone(),
        container_name: container.name.clone(),
        image: container.image.clone(),
        health_status: container.health,
        stack: place.project,
        service: place.service,
        labels: container.labels.clone(),
        checked_at: now,
        running: container.running,
        ..CheckedContainer::default()
    }
}

/// What is told of a container that is checked.
fn describe(checked: &mut CheckedContainer, container: &Container, service: Option<&Service>) {
    checked.dependencies = container.compose.as_ref().map(|place| place.depends_on.clone()).unwrap_or_default();
    if let Ok(reference) = container.image.parse::<Reference>() {
        let tag = Tag::parse(reference.tag_or_latest().unwrap_or_default());
        checked.using_latest_tag = tag.as_str() == "latest";
        tag.variant().clone_into(&mut checked.current_suffix);
        tag.as_str().clone_into(&mut checked.current_tag);
        checked.current_digest = digests(container, &reference).into_iter().next();
        if let Some(version) = version::current(&tag, &container.image_labels) {
            checked.current_version = version.to_string();
        }
    }
    if let Some(service) = service {
        checked.compose_labels = of_people(&service.labels);
        checked.labels_out_of_sync = checked.compose_labels != of_people(&container.labels);
        checked.env_var_name = service.image.as_ref().and_then(|image| image.variable.clone()).unwrap_or_default();
    }
}

/// The image that the compose file names where another one runs, with a sentence about it.
fn mismatch(container: &Container, service: Option<&Service>) -> Option<(String, String)> {
    let wanted = &service?.image.as_ref()?.resolved;
    let specified: Reference = wanted.parse().ok()?;
    let is_same = match container.image.parse::<Reference>() {
        Ok(running) => is_same(&running, &specified),
        Err(ReferenceError::ImageId(_)) => false,
        Err(_) => return None,
    };
    let error = format!("Running image ({}) differs from compose specification ({wanted})", container.image);
    (!is_same).then(|| (wanted.clone(), error))
}

fn is_same(running: &Reference, specified: &Reference) -> bool {
    let same_digest =
        running.digest().is_none() || specified.digest().is_none() || running.digest() == specified.digest();
    let tag = |reference: &Reference| reference.tag().unwrap_or("latest").to_owned();
    running.same_repository(specified) && same_digest && tag(running) == tag(specified)
}

/// Digests that the container's image is known by in the repository of a reference.
fn digests(container: &Container, reference: &Reference) -> Vec<Digest> {
    container
        .repo_digests
        .iter()
        .filter_map(|text| text.parse::<Reference>().ok())
        .filter(|known| known.same_repository(reference))
        .filter_map(|known| known.digest().cloned())
        .collect()
}
