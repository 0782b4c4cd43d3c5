//! How far an operation reaches: its own stack, and those of the containers that follow.

use std::collections::BTreeSet;

use homeport_service::telemetry::chain;
use homeport_store::StoreError;

use super::{Inner, lock_of};
use crate::{
    engine::Container,
    error::UpdateError,
    plan::followers,
    sight::Sight,
    store::{self, Kind, Operation, operation::set_also_locks},
};

/// Label with the stack of a container.
const STACK_LABEL: &str = "com.docker.compose.project";

impl Inner {
    /// The locks that an operation needs besides its own: those of the stacks, or containers without one, that follow. All
    /// of them are taken at once or none is, so that no two operations wait for each other.
    pub(super) async fn reach(&self, operation: &Operation) -> Result<Vec<String>, UpdateError> {
        if operation.is_of_itself() || operation.kind.is_by_hand() && operation.kind != Kind::Restart {
            return Ok(Vec::new());
        }
        Ok(reach_in(operation, &Sight::take(self.parts.engine.as_ref()).await?))
    }

    /// All locks of an operation whose turn comes now, as the containers are by now; where that cannot be seen, as they were
    /// when it was asked for.
    pub(super) async fn reach_now(&self, operation: &Operation) -> Result<Vec<String>, StoreError> {
        let Some(mut operation) = store::get(&self.parts.store, &operation.id).await? else { return Ok(Vec::new()) };
        match self.reach(&operation).await {
            Ok(also) if also != operation.also_locks => {
                let mut transaction = self.parts.store.begin().await?;
                set_also_locks(&mut transaction, &operation.id, &also).await?;
                transaction.commit().await?;
                operation.also_locks = also;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(operation.id = operation.id, error = chain(&error), "cannot see what follows");
            }
        }
        Ok(operation.locks())
    }
}

/// [`Inner::reach`] of an operation that changes containers, from what was seen already.
pub(super) fn reach_in(operation: &Operation, sight: &Sight) -> Vec<String> {
    let names = operation.details.iter().map(|detail| detail.container_name.as_str());
    let mut locks = locks(sight.all(), sight.own_container(), names);
    locks.remove(&operation.lock);
    locks.into_iter().collect()
}

fn locks<'a>(all: &[Container], own: Option<&str>, names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let lock = |container: &Container| lock_of(container.label(STACK_LABEL), &container.name);
    names
        .filter_map(|name| all.iter().find(|container| container.name == name))
        .flat_map(|container| followers(container, own, all).0)
        .map(|(_, follower)| lock(follower))
        .collect()
}
