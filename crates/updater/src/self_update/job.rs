//! What is said to the container that does the swap, and what it answers. An older version reads what a newer one wrote
//! and the other way round, so fields are only ever added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    engine::Source,
    plan::{Proof, SavedFile, Subject},
};

/// Everything that the swap needs to know; nothing is decided after it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfJob {
    /// Id of the operation.
    pub id: String,
    /// The containers, in the order in which they start.
    pub parts: Vec<Part>,
    /// Files that say the version.
    pub files: Vec<SavedFile>,
    /// What the parts remember: copied once they have stopped, brought back with the old version.
    pub data: Vec<Source>,
    /// Name of docker-agent's container.
    pub agent: String,
    /// References of images that the update before had kept.
    #[serde(default)]
    pub obsolete: Vec<String>,
    /// Unexplained differences of new containers are let pass.
    #[serde(default)]
    pub force: bool,
}

/// One of Homeport's containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The container as it is now.
    pub container: Subject,
    /// What it was made from, as it is written.
    pub old_reference: String,
    /// `sha256:…` of its image.
    pub old_id: String,
    /// What the new one is made from, as it is written.
    pub new_reference: String,
    /// Repository of the new image, with its registry.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// Digest that the registry gave for it. Empty: it was kept here.
    pub digest: String,
    /// `sha256:…` of the new image, once it was fetched.
    #[serde(default)]
    pub new_id: String,
    /// Inspect document of the old container.
    pub inspect_json: String,
    /// What the new one has to prove.
    pub proof: Proof,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfResult {
    /// Id of the operation.
    pub id: String,
    /// How it ended.
    pub outcome: SelfOutcome,
    /// Ids of the containers that stand now, by their names.
    #[serde(default)]
    pub containers: BTreeMap<String, String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ended")]
pub enum SelfOutcome {
    /// The new version runs.
    Done {
        /// What could not be tidied up.
        warnings: Vec<String>,
    },
    /// The old version runs, as it was.
    Undone {
        /// Why.
        error: String,
    },
    /// A person has to look.
    Broken {
        /// Why it was undone.
        error: String,
        /// What could not be.
        left: Vec<String>,
    },
}
