//! Whether old versions come back by themselves, of what that is said.

use std::collections::BTreeMap;

use super::Operations;
use crate::{error::UpdateError, plan::said_to_come_back};

/// Whether the old version of a container comes back by itself when the new one does not prove itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// Where nothing else is said.
    pub automatic: bool,
    /// For containers of these stacks.
    pub stacks: BTreeMap<String, bool>,
    /// For these containers, by their labels.
    pub containers: BTreeMap<String, bool>,
}

impl Operations {
    /// What is said about it.
    pub async fn policies(&self) -> Result<Policies, UpdateError> {
        let parts = &self.0.parts;
        let all = parts.engine.containers(&[]).await?;
        let said = all.into_iter().filter_map(|container| Some((said_to_come_back(&container)?, container.name)));
        Ok(Policies {
            automatic: parts.rollback.automatic,
            stacks: parts.rollback.stacks.clone(),
            containers: said.map(|(says, name)| (name, says)).collect(),
        })
    }
}
