//! A restart: nothing changes, and what depends on the container follows.

use super::{
    Facts, ImageChange, ImageSource, Job, Kind, PLAN_FORM, Plan, PlanError, Saved, Way, decide, proof, service, tag_of,
};
use crate::{config::HealthConfig, engine::Container};

/// Decides how a container is restarted.
pub fn plan_restart(facts: &Facts, health: &HealthConfig, force: bool) -> Result<Job, PlanError> {
    decide::refuse_own(facts)?;
    service::refuse(facts)?;
    let plan = Plan {
        form: PLAN_FORM,
        kind: Kind::Restart,
        container: decide::subject(facts),
        peers: Vec::new(),
        way: Way::Restart,
        image: same_image(&facts.container),
        edits: Vec::new(),
        expected: Vec::new(),
        data: Vec::new(),
        restore: None,
        proof: proof::proof(facts, health)?,
        followers: facts.followers.clone(),
        script: None,
        rehearse: false,
        after: None,
        locks: facts.locks.clone(),
        obsolete: Vec::new(),
        warnings: facts.warnings.clone(),
        force,
    };
    Ok(Job { plan, saved: Saved::of(&facts.container) })
}

impl Saved {
    /// What the way back of a container needs that stays as it is.
    pub(super) fn of(container: &Container) -> Self {
        Self {
            inspect_json: container.inspect_json.clone(),
            peers: Vec::new(),
            new_inspect_json: None,
            files: Vec::new(),
            values: None,
            labels: None,
        }
    }
}

/// The image stays.
pub(super) fn same_image(container: &Container) -> ImageChange {
    let reference = &container.image;
    let name = reference.parse::<homeport_image_ref::Reference>().map(|parsed| parsed.name());
    ImageChange {
        old_reference: reference.clone(),
        old_id: container.image_id.clone(),
        old_digests: container.repo_digests.clone(),
        new_reference: reference.clone(),
        // A bare id has no tag that could point elsewhere.
        tag: (name.is_ok() && !reference.contains('@')).then(|| tag_of(reference).to_owned()),
        repository: name.unwrap_or_default(),
        source: ImageSource::Kept { image_id: container.image_id.clone(), digests: container.repo_digests.clone() },
    }
}
