//! The decision for a service of a Swarm: another image, by digest, and nothing else of its specification.

use homeport_image_ref::Reference;

use super::{
    Facts, ImageChange, ImageSource, Job, Kept, Kind, PLAN_FORM, Plan, PlanError, Run, Saved, Subject, Target, Way,
    after, proof, rollback::Past,
};
use crate::{
    config::HealthConfig,
    engine::{Container, Swarm},
};

/// Label by which the services of a `docker stack` belong together.
const STACK_LABEL: &str = "com.docker.stack.namespace";
/// Label of the containers in which the tasks of services run.
const SERVICE_LABEL: &str = "com.docker.swarm.service.name";

/// Refuses what cannot be done to a service, nor to the container of a task.
pub(super) fn refuse(facts: &Facts) -> Result<(), PlanError> {
    match facts.container.swarm {
        Some(_) => Err(PlanError::Service { service: facts.container.name.clone() }),
        None => refuse_task(&facts.container),
    }
}

/// Refuses a task's container: what is done to it the manager undoes.
pub(super) fn refuse_task(container: &Container) -> Result<(), PlanError> {
    match container.label(SERVICE_LABEL) {
        Some(service) if container.swarm.is_none() => {
            Err(PlanError::Task { container: container.name.clone(), service: service.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Decides how a service goes to a target.
pub(super) fn update(
    facts: &Facts,
    swarm: &Swarm,
    target: &Target,
    health: &HealthConfig,
    new_reference: &str,
    force: bool,
) -> Result<Job, PlanError> {
    let container = &facts.container;
    let repository: Reference = container
        .image
        .parse()
        .map_err(|_| PlanError::NoRepository { container: container.name.clone(), image: container.image.clone() })?;
    let written = new_reference.split('@').next().unwrap_or_default();
    let image = ImageChange {
        old_reference: container.image.clone(),
        old_id: container.image_id.clone(),
        old_digests: container.repo_digests.clone(),
        repository: repository.name(),
        tag: Some(target.tag.clone()),
        source: ImageSource::Registry { digest: target.digest.clone() },
        new_reference: written.to_owned(),
    };
    let way = Way::Service { before: swarm.specified.clone(), after: format!("{written}@{}", target.digest) };
    job(facts, swarm, Kind::Update, image, way, health, force)
}

/// Decides how a service goes back to what it was before an update.
pub(super) fn rollback(
    facts: &Facts,
    swarm: &Swarm,
    past: &Past,
    health: &HealthConfig,
    force: bool,
) -> Result<Job, PlanError> {
    let container = &facts.container;
    let before = &past.job.plan;
    let Way::Service { before: specified, .. } = &before.way else {
        return Err(PlanError::OtherKind { container: container.name.clone(), operation: past.operation.clone() });
    };
    let image = ImageChange {
        old_reference: container.image.clone(),
        old_id: container.image_id.clone(),
        old_digests: container.repo_digests.clone(),
        repository: before.image.repository.clone(),
        tag: Some(before.image.old_tag().to_owned()),
        source: ImageSource::Kept { image_id: before.image.old_id.clone(), digests: before.image.old_digests.clone() },
        new_reference: before.image.old_reference.clone(),
    };
    let way = Way::Service { before: swarm.specified.clone(), after: specified.clone() };
    let mut job = job(facts, swarm, Kind::Rollback, image, way, health, force)?;
    job.plan.obsolete = vec![past.kept.clone()];
    Ok(job)
}

fn job(
    facts: &Facts,
    swarm: &Swarm,
    kind: Kind,
    image: ImageChange,
    way: Way,
    health: &HealthConfig,
    force: bool,
) -> Result<Job, PlanError> {
    let container = &facts.container;
    let mut warnings = Vec::new();
    if swarm.is_job {
        let refusal = PlanError::SwarmJob { service: container.name.clone() };
        if !force {
            return Err(refusal);
        }
        warnings.push(refusal.to_string());
    }
    if swarm.has_mounts {
        warnings.push(format!(
            "the data of {} may be on other machines: it is not copied, and would not be brought back",
            container.name
        ));
    }
    let plan = Plan {
        form: PLAN_FORM,
        kind,
        container: Subject {
            id: container.id.clone(),
            name: container.name.clone(),
            stack: container.label(STACK_LABEL).map(str::to_owned),
            run: if swarm.desired == 0 || swarm.is_job { Run::Never } else { Run::Always },
        },
        peers: Vec::new(),
        way,
        image,
        edits: Vec::new(),
        expected: Vec::new(),
        data: Vec::new(),
        restore: None,
        proof: proof::proof(facts, health)?,
        followers: Vec::new(),
        script: None,
        rehearse: false,
        after: after::after(container)?,
        locks: Vec::new(),
        obsolete: Vec::<Kept>::new(),
        warnings,
        force,
    };
    let saved = Saved {
        inspect_json: container.inspect_json.clone(),
        peers: Vec::new(),
        new_inspect_json: None,
        files: Vec::new(),
        values: None,
        labels: None,
    };
    Ok(Job { plan, saved })
}
