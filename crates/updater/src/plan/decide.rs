//! The decision: whether a container can be updated, and how.

use homeport_image_ref::Reference;
use homeport_service::status::Coded;
use tonic::Code;

use super::{
    Edit, EditError, Facts, ImageChange, ImageSource, Job, Kept, Kind, LabelError, PLAN_FORM, Plan, ProjectFacts,
    Saved, SavedFile, Subject, Target, Values, Way, after, data, edit, labels, proof, service, sha256, tag_of,
};
use crate::{config::HealthConfig, engine::Container};

/// Label of Homeport's own containers.
pub(super) const ROLE_LABEL: &str = "homeport.role";

/// Why a container cannot be updated. The text is for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A label of it makes no sense.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// The engine would delete it when it stops.
    #[error(
        "container {container} was started with --rm, so the engine deletes it as soon as it stops and there would be \
         no way back; start it without --rm, then update it"
    )]
    AutoRemove {
        /// Its name.
        container: String,
    },
    /// It is part of Homeport.
    #[error(
        "container {container} is part of Homeport, which is neither stopped nor changed piece by piece; an update of it \
         updates all of Homeport"
    )]
    Own {
        /// Its name.
        container: String,
    },
    /// Homeport is to update itself where it cannot.
    #[error("Homeport does not run in containers here; replace its program and start it again")]
    NotContained,
    /// Its image has no name that a registry could know.
    #[error(
        "container {container} runs the image {image}, which names no repository; recreate it from a reference such as \
         nginx:1.26, then update it"
    )]
    NoRepository {
        /// Its name.
        container: String,
        /// What it runs.
        image: String,
    },
    /// It runs that already.
    #[error("container {container} already runs {reference} at this digest")]
    SameImage {
        /// Its name.
        container: String,
        /// The reference.
        reference: String,
    },
    /// The service has several containers.
    #[error(
        "service {service} has several containers, and {container} among them does not run; start or remove it, then \
         update the service"
    )]
    Replicas {
        /// The service.
        service: String,
        /// The one that does not run.
        container: String,
    },
    /// Its image is built.
    #[error("service {service} has no image in its compose file: it is built, so there is nothing to pull")]
    Built {
        /// The service.
        service: String,
    },
    /// The file says something else than what runs.
    #[error(
        "Running image ({running}) differs from compose specification ({specified}); bring service {service} to its \
         file with `docker compose up -d {service}`, or correct the file"
    )]
    Mismatch {
        /// The service.
        service: String,
        /// What runs.
        running: String,
        /// What the file says.
        specified: String,
    },
    /// The file cannot be changed.
    #[error("the image of service {service} cannot be changed")]
    Edit {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: EditError,
    },
    /// It is a part of a Swarm service.
    #[error(
        "container {container} runs a task of the Swarm service {service}, which is updated as a whole, on a machine that \
         manages the Swarm"
    )]
    Task {
        /// Its name.
        container: String,
        /// The service.
        service: String,
    },
    /// Only its image can be changed here.
    #[error(
        "{service} is a Swarm service: its manager starts and stops its tasks, and its labels are in its specification; use \
         `docker service update`"
    )]
    Service {
        /// The service.
        service: String,
    },
    /// A Swarm service that is a job.
    #[error("service {service} is a job of the Swarm, and updating it would run it again (use force for that)")]
    SwarmJob {
        /// The service.
        service: String,
    },
    /// It was a container then and is a service now, or the other way round.
    #[error("{container} is not of the same kind any more as when operation {operation} updated it")]
    OtherKind {
        /// Its name.
        container: String,
        /// The operation.
        operation: String,
    },
    /// More of the service than its image would change.
    #[error(
        "the variable that holds the tag of service {service} also says its {values}, which would change with it (use \
         force to go on)"
    )]
    AlsoChanges {
        /// The service.
        service: String,
        /// What would change.
        values: String,
    },
    /// Nothing but a compose file could be changed.
    #[error("container {container} is not managed by docker compose")]
    NotCompose {
        /// Its name.
        container: String,
    },
    /// The file does not say an image.
    #[error("failed to extract image from compose file: no image key found for service {service}")]
    NoImageKey {
        /// The service.
        service: String,
    },
    /// There is nothing to bring together.
    #[error("container {container} runs what its compose file says, {image}; there is nothing to fix")]
    NoMismatch {
        /// Its name.
        container: String,
        /// What it runs.
        image: String,
    },
    /// The labels cannot be changed.
    #[error("the labels of service {service} cannot be changed")]
    Labels {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: homeport_compose_file::EditError,
    },
    /// Nothing was kept.
    #[error(
        "nothing is left of the data before operation {operation}, so only the image could be brought back (use force for that)"
    )]
    NoSnapshot {
        /// The operation.
        operation: String,
    },
}

impl Coded for PlanError {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }
}

/// Decides how a container is updated to a target.
pub fn plan_update(
    facts: &Facts,
    target: &Target,
    health: &HealthConfig,
    obsolete: Vec<Kept>,
    force: bool,
) -> Result<Job, PlanError> {
    let container = &facts.container;
    let mut warnings = permit(facts)?;
    let old: Reference = container
        .image
        .parse()
        .map_err(|_| PlanError::NoRepository { container: container.name.clone(), image: container.image.clone() })?;
    let new_reference = retagged(&container.image, target);
    if tag_of(&container.image) == target.tag && has_digest(container, &target.digest) {
        return Err(PlanError::SameImage { container: container.name.clone(), reference: new_reference });
    }
    if let Some(swarm) = &container.swarm {
        return service::update(facts, swarm, target, health, &new_reference, force);
    }
    let (sources, left_out) = data::sources(facts);
    warnings.extend(left_out);
    let image = ImageChange {
        old_reference: container.image.clone(),
        old_id: container.image_id.clone(),
        old_digests: container.repo_digests.clone(),
        new_reference: new_reference.clone(),
        repository: old.name(),
        tag: Some(target.tag.clone()),
        source: ImageSource::Registry { digest: target.digest.clone() },
    };
    let ComposeWay { way, files, values, mut expected } = match &facts.project {
        None => ComposeWay { way: Way::Replace, files: Vec::new(), values: None, expected: Vec::new() },
        Some(project) => compose(container, project, target, &new_reference, force, &mut warnings)?,
    };
    expected.extend(labels::pending(facts));
    let plan = Plan {
        form: PLAN_FORM,
        kind: Kind::Update,
        container: subject(facts),
        peers: peers(facts),
        way,
        image,
        edits: files.iter().map(edit_of).collect(),
        expected,
        data: sources,
        restore: None,
        proof: proof::proof(facts, health)?,
        followers: facts.followers.clone(),
        script: None,
        rehearse: after::is_rehearsed(container),
        after: after::after(container)?,
        locks: facts.locks.clone(),
        obsolete,
        warnings,
        force,
    };
    let files = files.into_iter().map(|(file, _)| file).collect();
    let saved = Saved {
        inspect_json: container.inspect_json.clone(),
        peers: peers_saved(facts),
        new_inspect_json: None,
        files,
        values,
        labels: None,
    };
    Ok(Job { plan, saved })
}

/// Refuses what must not or cannot be recreated. Returns what a person should know.
pub(super) fn permit(facts: &Facts) -> Result<Vec<String>, PlanError> {
    let container = &facts.container;
    refuse_own(facts)?;
    service::refuse_task(container)?;
    if container.auto_remove {
        return Err(PlanError::AutoRemove { container: container.name.clone() });
    }
    let all = || facts.peers().iter().chain([container]);
    if let (Some(project), Some(stopped)) = (&facts.project, all().find(|one| !one.is_up()))
        && !facts.peers().is_empty()
    {
        return Err(PlanError::Replicas { service: project.service.clone(), container: stopped.name.clone() });
    }
    Ok(facts.warnings.clone())
}

/// Refuses Homeport's own containers.
pub(super) fn refuse_own(facts: &Facts) -> Result<(), PlanError> {
    let container = &facts.container;
    if container.label(ROLE_LABEL).is_some() || facts.own_container.as_deref() == Some(&container.id) {
        return Err(PlanError::Own { container: container.name.clone() });
    }
    Ok(())
}

pub(super) fn subject(facts: &Facts) -> Subject {
    Subject {
        id: facts.container.id.clone(),
        name: facts.container.name.clone(),
        stack: facts.project.as_ref().map(|project| project.project.name.clone()),
        run: proof::run(&facts.container),
    }
}

/// The other containers of the service.
pub(super) fn peers(facts: &Facts) -> Vec<Subject> {
    let stack = facts.project.as_ref().map(|project| project.project.name.clone());
    let peer = |peer: &Container| Subject {
        id: peer.id.clone(),
        name: peer.name.clone(),
        stack: stack.clone(),
        run: proof::run(peer),
    };
    facts.peers().iter().map(peer).collect()
}

/// What the way back of each needs.
pub(super) fn peers_saved(facts: &Facts) -> Vec<String> {
    facts.peers().iter().map(|peer| peer.inspect_json.clone()).collect()
}

pub(super) fn edit_of((file, change): &(SavedFile, String)) -> Edit {
    Edit {
        path: file.path.clone(),
        change: change.clone(),
        before_sha256: sha256(file.before.as_bytes()),
        after_sha256: sha256(file.after.as_bytes()),
    }
}

/// How compose is to do it.
struct ComposeWay {
    way: Way,
    files: Vec<(SavedFile, String)>,
    values: Option<Values>,
    expected: Vec<String>,
}

fn compose(
    container: &Container,
    project: &ProjectFacts,
    target: &Target,
    new_reference: &str,
    force: bool,
    warnings: &mut Vec<String>,
) -> Result<ComposeWay, PlanError> {
    let service = &project.service;
    let specified = project.image.as_ref().ok_or_else(|| PlanError::Built { service: service.clone() })?;
    // A file that names the target already, for a variable that services share, only has to be followed.
    if !same_reference(&container.image, specified) && !same_reference(specified, new_reference) {
        return Err(PlanError::Mismatch {
            service: service.clone(),
            running: container.image.clone(),
            specified: specified.clone(),
        });
    }
    let hash = container.label("com.docker.compose.config-hash");
    if project.config_hash.is_some() && hash.is_some() && project.config_hash.as_deref() != hash {
        warnings.push(format!(
            "service {service} may have been changed in its file since it was started; should more than the image \
             turn out to differ, the update is taken back"
        ));
    }
    // Where the tag stays and only points elsewhere, there is nothing to change in a file.
    let edit = if same_reference(specified, new_reference) {
        None
    } else {
        edit::edit_to(&project.files, service, target)
            .map_err(|source| PlanError::Edit { service: service.clone(), source })?
    };
    let (mut files, mut expected) = (Vec::new(), Vec::new());
    if let Some(edit) = edit {
        if !edit.also_images.is_empty() {
            warnings.push(format!(
                "the file says the tag for {} too; they keep running what they run until they are updated",
                edit.also_images.join(", ")
            ));
        }
        let (fields, others) = edit::fields_of(&edit.also_values);
        if !others.is_empty() {
            let refusal = PlanError::AlsoChanges { service: service.clone(), values: others.join(", ") };
            if !force {
                return Err(refusal);
            }
            warnings.push(refusal.to_string());
        }
        expected = fields;
        files = edit.files.into_iter().map(edit::saved).collect();
    }
    let values = Values { service: service.clone(), before: specified.clone(), after: new_reference.to_owned() };
    let way = Way::Compose { project: project.project.clone(), service: service.clone(), recreate: files.is_empty() };
    Ok(ComposeWay { way, files, values: Some(values), expected })
}

/// The reference at another tag, otherwise as it was written; pinned to the new digest if it was pinned to one.
pub(crate) fn retagged(reference: &str, target: &Target) -> String {
    let (rest, is_pinned) = match reference.split_once('@') {
        Some((rest, _)) => (rest, true),
        None => (reference, false),
    };
    let name = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => rest,
    };
    let pin = if is_pinned { format!("@{}", target.digest) } else { String::new() };
    format!("{name}:{}{pin}", target.tag)
}

/// Whether two references mean the same, whatever defaults they leave out.
pub fn same_reference(a: &str, b: &str) -> bool {
    match (a.parse::<Reference>(), b.parse::<Reference>()) {
        (Ok(a), Ok(b)) => a.same_repository(&b) && a.tag_or_latest() == b.tag_or_latest() && a.digest() == b.digest(),
        _ => a == b,
    }
}

pub(crate) fn has_digest(container: &Container, digest: &str) -> bool {
    container.repo_digests.iter().any(|known| known.split_once('@').is_some_and(|(_, known)| known == digest))
}
