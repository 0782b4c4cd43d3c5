//! The decision about the way back from an update that had succeeded.

use super::{
    Facts, ImageChange, ImageSource, Job, Kept, Kind, PLAN_FORM, Plan, PlanError, Saved, SavedFile, Target, Values,
    Way, data, decide, edit, labels, proof, service, value_back,
};
use crate::config::HealthConfig;

/// An update that succeeded, and what is left of it.
#[derive(Debug, Clone)]
pub struct Past {
    /// Id of the operation, for people.
    pub operation: String,
    /// What it did.
    pub job: Job,
    /// Id of the container that it made.
    pub new_container: Option<String>,
    /// The snapshot that is still there.
    pub snapshot: Option<String>,
    /// What it kept.
    pub kept: Kept,
    /// The image of before is gone, here and in its registry, and this is the nearest to it.
    pub instead: Option<Target>,
}

/// Decides how a container comes back to what was before an update.
pub fn plan_rollback(facts: &Facts, past: &Past, health: &HealthConfig, force: bool) -> Result<Job, PlanError> {
    let mut warnings = decide::permit(facts)?;
    let (container, before) = (&facts.container, &past.job.plan);
    if let Some(swarm) = &container.swarm {
        return service::rollback(facts, swarm, past, health, force);
    }
    if before.has_data() && past.snapshot.is_none() {
        let refusal = PlanError::NoSnapshot { operation: past.operation.clone() };
        if !force {
            return Err(refusal);
        }
        warnings.push(refusal.to_string());
    }
    let (sources, left_out) = data::sources(facts);
    warnings.extend(left_out);
    let (way, files, values) = way_back(facts, past)?;
    if let Some(instead) = &past.instead {
        warnings.push(format!(
            "the image of before is neither here nor in its registry any more; {} is taken in its place",
            instead.tag
        ));
    }
    // Made anew by someone since: then its present configuration is the one that is wanted.
    let is_ours = past.new_container.as_deref() == Some(container.id.as_str());
    let mut subject = decide::subject(facts);
    if is_ours && !container.is_up() {
        // What came down because it is broken is to run again.
        subject.run = before.container.run;
    }
    let old = &before.image.old_reference;
    let reference = past.instead.as_ref().map_or_else(|| old.clone(), |instead| decide::retagged(old, instead));
    let source = match &past.instead {
        Some(instead) => ImageSource::Registry { digest: instead.digest.clone() },
        None => ImageSource::Kept { image_id: before.image.old_id.clone(), digests: before.image.old_digests.clone() },
    };
    let plan = Plan {
        form: PLAN_FORM,
        kind: Kind::Rollback,
        container: subject,
        peers: decide::peers(facts),
        way,
        image: ImageChange {
            old_reference: container.image.clone(),
            old_id: container.image_id.clone(),
            old_digests: container.repo_digests.clone(),
            repository: before.image.repository.clone(),
            tag: own_tag(&reference),
            new_reference: reference,
            source,
        },
        edits: files.iter().map(decide::edit_of).collect(),
        expected: before.expected.iter().cloned().chain(labels::pending(facts)).collect(),
        data: if past.snapshot.is_some() { union(&sources, &before.data) } else { sources },
        restore: past.snapshot.clone(),
        proof: proof::proof(facts, health)?,
        followers: facts.followers.clone(),
        script: None,
        rehearse: false,
        after: None,
        locks: facts.locks.clone(),
        obsolete: vec![past.kept.clone()],
        warnings,
        force,
    };
    let saved = Saved {
        inspect_json: container.inspect_json.clone(),
        peers: decide::peers_saved(facts),
        new_inspect_json: is_ours.then(|| past.job.saved.inspect_json.clone()),
        files: files.into_iter().map(|(file, _)| file).collect(),
        values,
        labels: None,
    };
    Ok(Job { plan, saved })
}

type WayBack = (Way, Vec<(SavedFile, String)>, Option<Values>);

fn way_back(facts: &Facts, past: &Past) -> Result<WayBack, PlanError> {
    let Some(project) = &facts.project else { return Ok((Way::Replace, Vec::new(), None)) };
    let service = project.service.clone();
    let image = &past.job.plan.image;
    // Where the files said the version already when the container went there, they said it before, or another service that
    // takes its image from the same place was updated first. What the container had is what they have to say then.
    let was_said = past.job.saved.files.is_empty();
    let values = past.job.saved.values.as_ref().map(|values| Values {
        service: service.clone(),
        before: values.after.clone(),
        after: if was_said { image.old_reference.clone() } else { values.before.clone() },
    });
    let mut files = Vec::new();
    let former = past.job.plan.image.old_tag();
    if let Some(instead) = past.instead.as_ref().filter(|instead| instead.tag != former) {
        let refused = |source| PlanError::Edit { service: service.clone(), source };
        let edit = edit::edit_to(&project.files, &service, instead).map_err(refused)?;
        let files: Vec<_> = edit.into_iter().flat_map(|edit| edit.files).map(edit::saved).collect();
        let way = Way::Compose { project: project.project.clone(), service, recreate: files.is_empty() };
        return Ok((way, files, None));
    }
    for done in &past.job.saved.files {
        let Some(present) = project.files.text(&done.path).filter(|present| *present != done.before) else { continue };
        let change = format!("image of {service} in {}: {} → {}", done.path, image.new_reference, image.old_reference);
        let file = |after| SavedFile { path: done.path.clone(), before: present.to_owned(), after };
        if present == done.after {
            files.push((file(done.before.clone()), change));
        } else if let Some(values) = &values {
            // A person has changed the file since: only our own value goes back.
            let back = value_back(&project.files, values)
                .map_err(|source| PlanError::Edit { service: service.clone(), source })?;
            files.extend(back.into_iter().filter(|file| file.path == done.path).map(|file| (file, change.clone())));
        }
    }
    if was_said && let Some(values) = &values {
        let back = value_back(&project.files, values)
            .map_err(|source| PlanError::Edit { service: service.clone(), source })?;
        let change =
            |path: &str| format!("image of {service} in {path}: {} → {}", image.new_reference, image.old_reference);
        files.extend(back.into_iter().map(|file| (file.clone(), change(&file.path))));
    }
    let way = Way::Compose { project: project.project.clone(), service, recreate: files.is_empty() };
    Ok((way, files, values))
}

/// The tag that the image had. A reference with a digest needs none.
fn own_tag(reference: &str) -> Option<String> {
    (!reference.contains('@')).then(|| super::tag_of(reference).to_owned())
}

fn union<T: Clone + PartialEq>(a: &[T], b: &[T]) -> Vec<T> {
    let mut all = a.to_vec();
    all.extend(b.iter().filter(|item| !a.contains(item)).cloned());
    all
}
