//! Asking for other labels, and for the former ones.

use std::collections::BTreeMap;

use homeport_compose_file::LabelChanges;
use homeport_service::telemetry::chain;
use uuid::Uuid;

use super::{Inner, Operations};
use crate::{
    error::UpdateError,
    gather::gather,
    plan::{is_ours, labels_in_file, plan_labels},
    policy::UpdateLabels,
    store::{self, Detail, Filter, Kind, Operation, Status},
};

/// Operations of one group that are looked at; no batch has as many.
const MAX_GROUP: u32 = 500;

/// A request for other labels of a container.
#[derive(Debug, Clone, Default)]
pub struct LabelRequest {
    /// Name, or beginning of the id.
    pub container: String,
    /// What they shall be. None: gone.
    pub changes: LabelChanges,
    /// Only the file is changed.
    pub no_restart: bool,
    /// No script is asked.
    pub force: bool,
}

/// A change of labels that is under way or waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labelled {
    /// The operation.
    pub operation: String,
    /// The container's name.
    pub container: String,
    /// The file that is changed. Empty: it says so already.
    pub file: String,
}

/// Which changes of labels are taken back.
#[derive(Debug, Clone, Default)]
pub struct LabelRollback {
    /// A group, or an operation.
    pub group: String,
    /// Operations.
    pub operations: Vec<String>,
    /// Only those of these containers. Empty: of all.
    pub containers: Vec<String>,
    /// No script is asked.
    pub force: bool,
}

impl Operations {
    /// Starts a change of labels, or queues it.
    pub async fn change_labels(&self, request: &LabelRequest, requested_by: &str) -> Result<Labelled, UpdateError> {
        self.0.label(request, requested_by, "", "").await
    }

    /// Starts several. Each is answered by itself.
    pub async fn change_many_labels(
        &self,
        requests: &[LabelRequest],
        requested_by: &str,
    ) -> (String, Vec<Result<Labelled, UpdateError>>) {
        let group = Uuid::new_v4().to_string();
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.0.label(request, requested_by, &group, "").await);
        }
        (group, answers)
    }

    /// Takes changes of labels back: what they had changed is as it was before, whatever else was changed since.
    pub async fn roll_back_labels(
        &self,
        request: &LabelRollback,
        requested_by: &str,
    ) -> Result<(String, Vec<(String, Result<Labelled, UpdateError>)>), UpdateError> {
        let originals = self.0.label_operations(request).await?;
        if originals.is_empty() {
            return Err(UpdateError::NoLabelChanges);
        }
        let group = Uuid::new_v4().to_string();
        let mut answers = Vec::new();
        for original in originals {
            for detail in &original.details {
                let request = LabelRequest {
                    container: detail.container_name.clone(),
                    changes: way_back(&texts(&detail.old_version), &texts(&detail.new_version)),
                    no_restart: detail.no_restart,
                    force: request.force,
                };
                let answer = self.0.label(&request, requested_by, &group, &original.id).await;
                answers.push((detail.container_name.clone(), answer));
            }
        }
        Ok((group, answers))
    }
}

impl Inner {
    async fn label(
        &self,
        request: &LabelRequest,
        requested_by: &str,
        group: &str,
        rollback_of: &str,
    ) -> Result<Labelled, UpdateError> {
        check(&request.changes)?;
        let facts = gather(self.parts.engine.as_ref(), &request.container).await?;
        // What cannot be done is refused at once, as far as it can be known now.
        let job = plan_labels(&facts, &request.changes, !request.no_restart, &self.parts.health, request.force)?;
        let before = labels_in_file(&facts)?;
        let new: BTreeMap<&String, &str> =
            request.changes.iter().map(|(name, value)| (name, value.as_deref().unwrap_or_default())).collect();
        let detail = Detail {
            container_name: facts.container.name.clone(),
            stack: job.plan.container.stack.clone().unwrap_or_default(),
            force: request.force,
            old_version: json(&before),
            new_version: json(&new),
            no_restart: request.no_restart,
            ..Detail::default()
        };
        let mut operation = self.new_operation(Kind::LabelChange, requested_by.to_owned(), vec![detail]);
        operation.container_id.clone_from(&facts.container.id);
        group.clone_into(&mut operation.group);
        rollback_of.clone_into(&mut operation.rollback_of);
        operation.dependents = job.plan.followers.iter().map(|follower| follower.name.clone()).collect();
        self.enqueue(&operation).await?;
        let file = job.plan.edits.first().map(|edit| edit.path.clone()).unwrap_or_default();
        Ok(Labelled { operation: operation.id, container: facts.container.name, file })
    }

    /// The finished changes that are meant, newest first: of two of the same label the first is undone last.
    async fn label_operations(&self, request: &LabelRollback) -> Result<Vec<Operation>, UpdateError> {
        let store = &self.parts.store;
        let mut found = Vec::new();
        if !request.group.is_empty() {
            let filter = Filter { group: request.group.clone(), limit: MAX_GROUP, ..Filter::default() };
            found.extend(store::list(store, &filter).await?.operations);
        }
        // Clients give the id of a single change as that of a group.
        for id in request.operations.iter().chain([&request.group]).filter(|id| !id.is_empty()) {
            found.extend(store::get(store, id).await?);
        }
        let is_meant = |operation: &Operation| {
            request.containers.is_empty() || request.containers.contains(&operation.container_name)
        };
        found.retain(|operation| {
            operation.kind == Kind::LabelChange
                && operation.status == Status::Complete
                && !operation.rollback_occurred
                && is_meant(operation)
        });
        found.sort_by_key(|operation| std::cmp::Reverse(operation.row));
        found.dedup_by_key(|operation| operation.row);
        Ok(found)
    }
}

/// What the changes of a label operation are, out of what it stores.
pub(super) fn changes_of(detail: &Detail) -> LabelChanges {
    let value = |value: String| (!value.is_empty()).then_some(value);
    texts(&detail.new_version).into_iter().map(|(name, text)| (name, value(text))).collect()
}

/// A removed label is empty.
fn texts(json: &str) -> BTreeMap<String, String> {
    serde_json::from_str(json).unwrap_or_default()
}

fn json<K: serde::Serialize + Ord, V: serde::Serialize>(labels: &BTreeMap<K, V>) -> String {
    serde_json::to_string(labels).unwrap_or_default()
}

/// What was changed, as it was before.
fn way_back(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> LabelChanges {
    new.keys().map(|name| (name.clone(), old.get(name).cloned())).collect()
}

/// Refuses what no check could make sense of.
fn check(changes: &LabelChanges) -> Result<(), UpdateError> {
    if changes.is_empty() {
        return Err(UpdateError::NoLabels);
    }
    if let Some(stranger) = changes.keys().find(|name| !is_ours(name)) {
        return Err(UpdateError::ForeignLabel { label: stranger.clone() });
    }
    let set = changes.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
    match UpdateLabels::read(&set).policy {
        Ok(_) => Ok(()),
        Err(error) => Err(UpdateError::BadLabel { problem: chain(&error) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_5_the_way_back_restores_and_removes() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let back = way_back(
            &map(&[("docksmith.a", "1"), ("docksmith.c", "3")]),
            &map(&[("docksmith.a", ""), ("docksmith.b", "2")]),
        );
        let expected = [("docksmith.a".to_owned(), Some("1".to_owned())), ("docksmith.b".to_owned(), None)];
        assert_eq!(back, LabelChanges::from(expected));
    }

    #[test]
    fn s2_5_labels_that_make_no_sense_are_refused() {
        let one = |name: &str, value: &str| check(&LabelChanges::from([(name.to_owned(), Some(value.to_owned()))]));
        assert!(one("docksmith.tag-regex", "^v").is_ok() && one("homeport.snapshot", "off").is_ok());
        let long = "x".repeat(501);
        for (name, value, text) in [
            ("docksmith.tag-regex", "(", "invalid tag regex: invalid regex: "),
            ("docksmith.tag-regex", long.as_str(), "invalid tag regex: pattern too long (max 500 characters)"),
            ("traefik.enable", "true", "traefik.enable"),
            ("homeport.role", "gateway", "homeport.role"),
        ] {
            let error = one(name, value).unwrap_err().to_string();
            assert!(error.contains(text), "{name}={value}: {error}");
        }
        assert!(matches!(check(&LabelChanges::new()), Err(UpdateError::NoLabels)));
    }
}
