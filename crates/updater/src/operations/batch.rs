//! Asking for several updates at once: one operation for each stack.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use uuid::Uuid;

use super::{Inner, Operations, UpdateRequest, itself::own_part, plan::AT_ONCE, start::Candidate};
use crate::{
    engine::Container,
    error::UpdateError,
    plan::dependencies_first,
    sight::Sight,
    store::{Detail, Kind},
};

/// One container of a batch.
#[derive(Debug, Clone, Default)]
pub struct BatchItem {
    /// As for a single update.
    pub update: UpdateRequest,
    /// Kept as it is.
    pub change_type: i32,
    /// Kept as it is.
    pub old_resolved_version: String,
    /// Kept as it is.
    pub new_resolved_version: String,
    /// The caller's name for the group, echoed.
    pub stack: String,
}

/// What became of one group of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchAnswer {
    /// The caller's name for the group, else the stack's own.
    pub stack: String,
    /// The containers' names, in the order in which they are worked on.
    pub containers: Vec<String>,
    /// The operation. Empty: it could not start.
    pub operation: String,
    /// Why it could not.
    pub error: String,
}

struct Group {
    echo: String,
    candidates: Vec<Candidate>,
    batch: String,
}

impl Operations {
    /// Starts one operation for each real stack among the containers, and one for each container without a stack.
    /// A container that cannot be updated is answered by itself and holds up no other.
    pub async fn start_batch(
        &self,
        items: Vec<BatchItem>,
        requested_by: &str,
    ) -> Result<(String, Vec<BatchAnswer>), UpdateError> {
        if items.is_empty() {
            return Err(UpdateError::NoItems);
        }
        let group = Uuid::new_v4().to_string();
        let (mut groups, mut answers) = (BTreeMap::<String, Group>::new(), Vec::new());
        let mut own: Option<OwnGroup> = None;
        let sight = Sight::take(self.0.parts.engine.as_ref()).await?;
        let mut others = Vec::new();
        for item in items {
            match own_part(&sight, &item.update.container) {
                Some(container) => {
                    let first = || OwnGroup { item, container: container.clone(), names: Vec::new() };
                    own.get_or_insert_with(first).names.push(container.name.clone());
                }
                None => others.push(item),
            }
        }
        let look = async |item: BatchItem| (self.0.batch_candidate(&item, &sight).await, item);
        let mut looks = stream::iter(others).map(look).buffered(AT_ONCE);
        while let Some((candidate, item)) = looks.next().await {
            match candidate {
                Ok(candidate) => {
                    let key = super::lock_of(
                        Some(candidate.detail.stack.as_str()).filter(|stack| !stack.is_empty()),
                        &candidate.detail.container_name,
                    );
                    groups
                        .entry(key)
                        .or_insert_with(|| Group { echo: item.stack, candidates: Vec::new(), batch: group.clone() })
                        .candidates
                        .push(candidate);
                }
                Err(error) => answers.push(BatchAnswer {
                    stack: item.stack,
                    containers: vec![item.update.container],
                    error: homeport_service::telemetry::chain(&error),
                    ..BatchAnswer::default()
                }),
            }
        }
        for (_, group) in groups {
            answers.push(self.0.start_group(group, requested_by, &sight).await);
        }
        if let Some(own) = own {
            answers.push(self.start_own_group(own, requested_by, &group).await);
        }
        Ok((group, answers))
    }
}

/// Homeport's own containers among those of a batch. They are updated last, and all of them.
struct OwnGroup {
    item: BatchItem,
    container: Container,
    names: Vec<String>,
}

impl Operations {
    async fn start_own_group(&self, own: OwnGroup, requested_by: &str, group: &str) -> BatchAnswer {
        let OwnGroup { item, container, names } = own;
        let request = UpdateRequest { requested_by: requested_by.to_owned(), ..item.update };
        let (operation, error) = match self.start_own_update(container, request, group).await {
            Ok(started) => (started.operation, String::new()),
            Err(error) => (String::new(), homeport_service::telemetry::chain(&error)),
        };
        BatchAnswer { stack: item.stack, containers: names, operation, error }
    }
}

impl Inner {
    async fn batch_candidate(&self, item: &BatchItem, sight: &Sight) -> Result<Candidate, UpdateError> {
        let mut candidate = self.candidate(&item.update, sight).await?;
        if item.change_type != 0 {
            candidate.detail.change_type = item.change_type;
        }
        // What the caller says is kept as it is; they read it back.
        let given = [&item.old_resolved_version, &item.new_resolved_version];
        if given.iter().any(|version| !version.is_empty()) {
            let detail = &mut candidate.detail;
            (detail.old_resolved_version, detail.new_resolved_version) = (given[0].clone(), given[1].clone());
        }
        Ok(candidate)
    }

    async fn start_group(&self, group: Group, requested_by: &str, sight: &Sight) -> BatchAnswer {
        let only_id = match group.candidates.as_slice() {
            [only] => only.container_id.clone(),
            _ => String::new(),
        };
        let details = in_order(group.candidates);
        let containers: Vec<String> = details.iter().map(|detail| detail.container_name.clone()).collect();
        let stack = details.first().map(|detail| detail.stack.clone()).unwrap_or_default();
        let stack = if group.echo.is_empty() { stack } else { group.echo };
        let mut operation = self.new_operation(Kind::Batch, requested_by.to_owned(), details);
        operation.group = group.batch;
        operation.container_id = only_id;
        let forced = operation.details.iter().filter(|detail| detail.force);
        let forced: Vec<String> = forced.map(|detail| detail.container_name.clone()).collect();
        let enqueued = async {
            let (new, id) = (operation.id.clone(), self.enqueue_in(operation, sight).await?);
            // What was under way may wait for a lock of the application.
            for container in forced.iter().filter(|_| id != new) {
                self.force(&id, container).await?;
            }
            Ok::<_, UpdateError>(id)
        };
        match enqueued.await {
            Ok(id) => BatchAnswer { stack, containers, operation: id, error: String::new() },
            Err(error) => {
                let error = homeport_service::telemetry::chain(&error);
                BatchAnswer { stack, containers, operation: String::new(), error }
            }
        }
    }
}

/// The details so that what others depend on is updated first. A container that was named twice is updated once, and so is
/// a service of which several containers were named: they are updated together.
fn in_order(mut candidates: Vec<Candidate>) -> Vec<Detail> {
    let mut seen = BTreeSet::new();
    candidates.retain(|candidate| candidate.service.is_empty() || seen.insert(candidate.service.clone()));
    let services: BTreeMap<String, String> = candidates
        .iter()
        .map(|candidate| (candidate.service.clone(), candidate.detail.container_name.clone()))
        .collect();
    let items: Vec<(String, BTreeSet<String>)> = candidates
        .iter()
        .map(|candidate| {
            let needs = candidate.needs.iter().filter_map(|service| services.get(service).cloned()).collect();
            (candidate.detail.container_name.clone(), needs)
        })
        .collect();
    let mut details: BTreeMap<String, Detail> =
        candidates.into_iter().map(|candidate| (candidate.detail.container_name.clone(), candidate.detail)).collect();
    dependencies_first(&items).iter().filter_map(|name| details.remove(name)).collect()
}
