//! A container that does not run what its compose file says: brought to its file, or the file to it.

use homeport_image_ref::Reference;

use super::{
    Facts, ImageChange, ImageSource, Job, Kept, Kind, PLAN_FORM, Plan, PlanError, ProjectFacts, Saved, Target, Values,
    Way, after, data, decide, edit, labels::pending, proof, restart::same_image, same_reference, service, tag_of,
};
use crate::config::HealthConfig;

/// Where the image is that the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Specified {
    /// In its registry, with this digest.
    Registry(String),
    /// Only here, with this id.
    Here(String),
    /// Nowhere any more.
    Gone,
}

/// The image that the file says, and does not run.
pub fn specified(facts: &Facts) -> Result<&str, PlanError> {
    let project = project(facts)?;
    let image = project.image.as_deref().ok_or_else(|| PlanError::NoImageKey { service: project.service.clone() })?;
    let container = &facts.container;
    if same_reference(image, &container.image) {
        return Err(PlanError::NoMismatch { container: container.name.clone(), image: image.to_owned() });
    }
    Ok(image)
}

/// Decides how a container and its file come to say the same.
pub fn plan_mismatch(
    facts: &Facts,
    found: &Specified,
    health: &HealthConfig,
    obsolete: Vec<Kept>,
    force: bool,
) -> Result<Job, PlanError> {
    let image = specified(facts)?;
    let source = match found {
        Specified::Gone => return to_running(facts, health, force),
        Specified::Registry(digest) => ImageSource::Registry { digest: digest.clone() },
        Specified::Here(image_id) => ImageSource::Kept { image_id: image_id.clone(), digests: Vec::new() },
    };
    let (project, container) = (project(facts)?, &facts.container);
    let mut warnings = decide::permit(facts)?;
    let (sources, left_out) = data::sources(facts);
    warnings.extend(left_out);
    let parsed: Reference = image
        .parse()
        .map_err(|_| PlanError::NoRepository { container: container.name.clone(), image: image.to_owned() })?;
    let plan = Plan {
        form: PLAN_FORM,
        kind: Kind::Mismatch,
        container: decide::subject(facts),
        peers: decide::peers(facts),
        way: Way::Compose { project: project.project.clone(), service: project.service.clone(), recreate: true },
        image: ImageChange {
            new_reference: image.to_owned(),
            repository: parsed.name(),
            tag: (!image.contains('@')).then(|| tag_of(image).to_owned()),
            source,
            ..same_image(container)
        },
        edits: Vec::new(),
        expected: pending(facts),
        data: sources,
        restore: None,
        proof: proof::proof(facts, health)?,
        followers: facts.followers.clone(),
        script: None,
        rehearse: false,
        after: after::after(container)?,
        locks: facts.locks.clone(),
        obsolete,
        warnings,
        force,
    };
    let values = Values { service: project.service.clone(), before: container.image.clone(), after: image.to_owned() };
    let saved = Saved { peers: decide::peers_saved(facts), values: Some(values), ..Saved::of(container) };
    Ok(Job { plan, saved })
}

/// The file gets the tag that runs; the container stays as it is.
fn to_running(facts: &Facts, health: &HealthConfig, force: bool) -> Result<Job, PlanError> {
    let (project, container) = (project(facts)?, &facts.container);
    decide::refuse_own(facts)?;
    service::refuse(facts)?;
    let service = &project.service;
    let digest = container.repo_digests.first().and_then(|digest| digest.split_once('@')).map(|(_, digest)| digest);
    let target = Target { tag: tag_of(&container.image).to_owned(), digest: digest.unwrap_or_default().to_owned() };
    let refused = |source| PlanError::Edit { service: service.clone(), source };
    let edit = edit::edit_to(&project.files, service, &target).map_err(refused)?;
    let files: Vec<_> = edit.into_iter().flat_map(|edit| edit.files).map(edit::saved).collect();
    let plan = Plan {
        form: PLAN_FORM,
        kind: Kind::Mismatch,
        container: decide::subject(facts),
        peers: Vec::new(),
        way: Way::Stay,
        image: same_image(container),
        edits: files.iter().map(decide::edit_of).collect(),
        expected: Vec::new(),
        data: Vec::new(),
        restore: None,
        proof: proof::proof(facts, health)?,
        followers: Vec::new(),
        script: None,
        rehearse: false,
        after: None,
        locks: Vec::new(),
        obsolete: Vec::new(),
        warnings: Vec::new(),
        force,
    };
    let saved = Saved { files: files.into_iter().map(|(file, _)| file).collect(), ..Saved::of(container) };
    Ok(Job { plan, saved })
}

fn project(facts: &Facts) -> Result<&ProjectFacts, PlanError> {
    facts.project.as_ref().ok_or_else(|| PlanError::NotCompose { container: facts.container.name.clone() })
}
