//! A change of labels: written into the compose file, and into the container by making it again.

use std::collections::BTreeMap;

use homeport_compose_file::{LabelChanges, Sources, label_edit, service_labels};

use super::{
    Facts, Job, Kind, LabelValues, PLAN_FORM, Plan, PlanError, Saved, SavedFile, Way, decide, edit, proof,
    restart::same_image, service,
};
use crate::{config::HealthConfig, policy};

/// Decides how a container gets other labels. Without a restart only the file changes, and the container has them from
/// its next recreation on.
pub fn plan_labels(
    facts: &Facts,
    changes: &LabelChanges,
    restart: bool,
    health: &HealthConfig,
    force: bool,
) -> Result<Job, PlanError> {
    let container = &facts.container;
    service::refuse(facts)?;
    let warnings = if restart { decide::permit(facts)? } else { decide::refuse_own(facts).map(|()| Vec::new())? };
    let project = facts.project.as_ref().ok_or_else(|| PlanError::NotCompose { container: container.name.clone() })?;
    let service = &project.service;
    let refused = |source: homeport_compose_file::EditError| PlanError::Labels { service: service.clone(), source };
    let edits = label_edit(&project.files, service, changes).map_err(refused)?;
    let said = service_labels(&project.files, service).map_err(refused)?;
    let values = LabelValues {
        project: project.project.clone(),
        service: service.clone(),
        before: changes.keys().map(|name| (name.clone(), said.get(name).cloned())).collect(),
        after: changes.clone(),
    };
    let files: Vec<_> = edits.into_iter().map(edit::saved).collect();
    // What the file said before already, and the container may not have got yet.
    let is_stale = changes.iter().any(|(name, value)| container.labels.get(name) != value.as_ref());
    let way = if restart && (is_stale || !files.is_empty()) {
        Way::Compose { project: project.project.clone(), service: service.clone(), recreate: true }
    } else {
        Way::Stay
    };
    let stays = way == Way::Stay;
    let mut expected = pending(facts);
    expected.extend(changes.keys().map(|name| format!("Config.Labels.{name}")));
    expected.sort();
    expected.dedup();
    let plan = Plan {
        form: PLAN_FORM,
        kind: Kind::Labels,
        container: decide::subject(facts),
        peers: if stays { Vec::new() } else { decide::peers(facts) },
        way,
        image: same_image(container),
        edits: files.iter().map(decide::edit_of).collect(),
        expected,
        data: Vec::new(),
        restore: None,
        proof: proof::proof(facts, health)?,
        followers: if stays { Vec::new() } else { facts.followers.clone() },
        script: None,
        rehearse: false,
        after: None,
        locks: if stays { Vec::new() } else { facts.locks.clone() },
        obsolete: Vec::new(),
        warnings,
        force,
    };
    let saved = Saved {
        peers: if stays { Vec::new() } else { decide::peers_saved(facts) },
        files: files.into_iter().map(|(file, _)| file).collect(),
        labels: Some(values),
        ..Saved::of(container)
    };
    Ok(Job { plan, saved })
}

/// The edits that take a change of labels back in files that someone has changed since: what is no longer as it was
/// changed to is theirs and stays.
pub fn labels_back(files: &Sources, values: &LabelValues) -> Result<Vec<SavedFile>, homeport_compose_file::EditError> {
    let present = service_labels(files, &values.service)?;
    let is_ours = |name: &String| values.after.get(name).is_some_and(|after| present.get(name) == after.as_ref());
    let back: LabelChanges =
        values.before.iter().filter(|(name, _)| is_ours(name)).map(|(name, was)| (name.clone(), was.clone())).collect();
    Ok(label_edit(files, &values.service, &back)?.into_iter().map(|file| edit::saved(file).0).collect())
}

/// The labels of the compose file that are ours to change.
pub fn labels_in_file(facts: &Facts) -> Result<BTreeMap<String, String>, PlanError> {
    let container = &facts.container;
    let project = facts.project.as_ref().ok_or_else(|| PlanError::NotCompose { container: container.name.clone() })?;
    let service = &project.service;
    let mut labels = service_labels(&project.files, service)
        .map_err(|source| PlanError::Labels { service: service.clone(), source })?;
    labels.retain(|name, _| is_ours(name));
    Ok(labels)
}

/// Fields of labels that the file says otherwise already, because they were changed there without a restart: the next
/// container gets them, whatever it is made for.
pub(super) fn pending(facts: &Facts) -> Vec<String> {
    let Ok(said) = labels_in_file(facts) else { return Vec::new() };
    let has = &facts.container.labels;
    let names = said.keys().chain(has.keys().filter(|name| is_ours(name) && !said.contains_key(*name)));
    names.filter(|name| said.get(*name) != has.get(*name)).map(|name| format!("Config.Labels.{name}")).collect()
}

/// Whether a label is one that Homeport reads, so that it may be set through its API.
pub fn is_ours(name: &str) -> bool {
    policy::is_of_people(name) && !name.ends_with('.') && !name.chars().any(char::is_whitespace)
}
