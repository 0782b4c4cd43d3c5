//! The decision: every container of Homeport to one version. Pure.

use std::collections::BTreeMap;

use homeport_image_ref::Reference;

use super::{OwnFacts, Part, SelfJob, gather::service_of};
use crate::{
    config::HealthConfig,
    engine::{Container, MountKind, Source},
    plan::{Before, PlanError, Proof, Run, SavedFile, Subject, Target, edit_to, has_digest, retagged, run_of, tag_of},
};

/// Decides how Homeport goes to a version. `targets` has the tag and digest for each repository.
pub fn plan_self_update(
    facts: &OwnFacts,
    targets: &BTreeMap<String, Target>,
    health: &HealthConfig,
    id: &str,
    force: bool,
) -> Result<SelfJob, PlanError> {
    let mut parts = Vec::with_capacity(facts.containers.len());
    let mut is_newer = false;
    for container in &facts.containers {
        let repository = repository(container)?;
        let Some(target) = targets.get(&repository) else {
            return Err(no_repository(container));
        };
        is_newer |= !(tag_of(&container.image) == target.tag && has_digest(container, &target.digest));
        parts.push(part(container, repository, target, health));
    }
    if !is_newer {
        let reference = parts.first().map(|part| part.new_reference.clone()).unwrap_or_default();
        return Err(PlanError::SameImage { container: "homeport".to_owned(), reference });
    }
    let agent = facts.containers.iter().find(|container| container.id == facts.agent);
    Ok(SelfJob {
        id: id.to_owned(),
        files: files(facts, targets)?,
        data: data(facts),
        agent: agent.map(|agent| agent.name.clone()).unwrap_or_default(),
        parts,
        obsolete: Vec::new(),
        force,
    })
}

/// Repository of a container's image, with its registry.
pub(crate) fn repository(container: &Container) -> Result<String, PlanError> {
    let reference: Reference = container.image.parse().map_err(|_| no_repository(container))?;
    Ok(reference.name())
}

/// Whether a file has to be changed for these targets.
pub(crate) fn needs_files(facts: &OwnFacts, targets: &BTreeMap<String, Target>) -> bool {
    facts.containers.iter().any(|container| {
        repository(container)
            .ok()
            .and_then(|repository| targets.get(&repository))
            .is_some_and(|target| tag_of(&container.image) != target.tag)
    })
}

fn no_repository(container: &Container) -> PlanError {
    PlanError::NoRepository { container: container.name.clone(), image: container.image.clone() }
}

fn part(container: &Container, repository: String, target: &Target, health: &HealthConfig) -> Part {
    Part {
        container: Subject {
            id: container.id.clone(),
            name: container.name.clone(),
            stack: container.label("com.docker.compose.project").map(str::to_owned),
            run: run_of(container),
        },
        old_reference: container.image.clone(),
        old_id: container.image_id.clone(),
        new_reference: retagged(&container.image, target),
        repository,
        tag: target.tag.clone(),
        digest: target.digest.clone(),
        new_id: String::new(),
        inspect_json: container.inspect_json.clone(),
        proof: Proof {
            // Each of them has a check of its own that asks over its socket; what counts is that it passes.
            stable_ms: if container.health_check.is_some() { 0 } else { health.stable_ms },
            port_timeout_ms: health.port_timeout_ms,
            margin_ms: health.margin_ms,
            ports: Vec::new(),
            http: None,
            before: Before::default(),
            stays: false,
        },
    }
}

/// The edits that make the files name the targets, one after the other: services may share a variable or an anchor.
fn files(facts: &OwnFacts, targets: &BTreeMap<String, Target>) -> Result<Vec<SavedFile>, PlanError> {
    let Some(mut sources) = facts.files.clone() else { return Ok(Vec::new()) };
    let mut saved: Vec<SavedFile> = Vec::new();
    for container in &facts.containers {
        let service = service_of(container);
        let repository = repository(container)?;
        let Some(target) = targets.get(&repository).filter(|target| tag_of(&container.image) != target.tag) else {
            continue;
        };
        let edit = edit_to(&sources, &service, target)
            .map_err(|source| PlanError::Edit { service: service.clone(), source })?;
        for file in edit.into_iter().flat_map(|edit| edit.files) {
            sources.texts.insert(file.path.clone(), Some(file.new.clone()));
            match saved.iter_mut().find(|known| known.path == file.path) {
                Some(known) => known.after = file.new,
                None => saved.push(SavedFile { path: file.path, before: file.old, after: file.new }),
            }
        }
    }
    Ok(saved)
}

/// What the parts that stay up can write, but for docker-agent: what it may write belongs to others, or is where the swap
/// keeps its journal.
fn data(facts: &OwnFacts) -> Vec<Source> {
    let mut found: Vec<Source> = Vec::new();
    let lasting = facts.containers.iter().filter(|part| run_of(part) == Run::Always && part.id != facts.agent);
    for mount in lasting.flat_map(|part| &part.mounts) {
        let source = Source { kind: mount.kind, source: mount.source.clone() };
        if mount.is_writable && mount.kind != MountKind::Other && !found.contains(&source) {
            found.push(source);
        }
    }
    found
}
