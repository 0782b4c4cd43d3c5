//! What will be done, with every choice made. Pure: from [`Facts`] to a [`Plan`], without a clock or a client.
//!
//! The executor makes no choices; what is not in the plan does not happen.

mod after;
mod compare;
mod data;
mod decide;
mod edit;
mod facts;
mod followers;
mod labels;
mod mismatch;
mod names;
mod order;
mod outlook;
mod print;
mod proof;
mod rehearsal;
mod restart;
mod rollback;
mod service;

use homeport_compose_file::LabelChanges;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::engine::{Port, Project, Source};

pub(crate) use after::permit_after;
pub use after::{After, script_of};
pub use compare::differences;
pub use decide::{PlanError, plan_update, same_reference};
pub(crate) use decide::{has_digest, retagged};
pub(crate) use edit::edit_to;
pub use edit::{EditError, value_back};
pub use facts::{Facts, ProjectFacts, Shared, Target};
pub use followers::{Follower, Need, depends, followers};
pub use labels::{is_ours, labels_back, labels_in_file, plan_labels};
pub use mismatch::{Specified, plan_mismatch, specified};
pub use names::{Names, repository_of};
pub use order::dependencies_first;
pub use outlook::{
    Basis, Dependent, DependentReason, Downtime, FileDiff, Outlook, OutlookFacts, RegistryCost, SpecChange, dependents,
    outlook,
};
pub(crate) use outlook::{diff, mebibytes};
pub use proof::LabelError;
pub(crate) use proof::{comes_back, run as run_of, said_to_come_back};
pub use rehearsal::rehearsal_document;
pub use restart::plan_restart;
pub use rollback::{Past, plan_rollback};

/// Version of the plan's form, for plans that a newer program finds in its journal.
pub const PLAN_FORM: u32 = 1;

/// What will be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORM`] of the program that made it.
    pub form: u32,
    /// An update, or the way back from one.
    pub kind: Kind,
    /// The container as it is now.
    pub container: Subject,
    /// The other containers of its service, which compose recreates with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Subject>,
    /// How the new container is made.
    pub way: Way,
    /// From which image to which.
    pub image: ImageChange,
    /// Changes of files, in order.
    pub edits: Vec<Edit>,
    /// Fields of the container's inspect document that change with the files, since they say the version too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
    /// Data that is copied while nothing writes to it. Empty: the container is not stopped before it is recreated.
    pub data: Vec<Source>,
    /// The snapshot whose data is brought back before the new container starts.
    pub restore: Option<String>,
    /// What the new container has to prove.
    pub proof: Proof,
    /// Other containers that follow, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<Follower>,
    /// The script that has to agree first.
    #[serde(default)]
    pub script: Option<String>,
    /// The new version is tried on a copy of the data first.
    #[serde(default)]
    pub rehearse: bool,
    /// One action after success.
    #[serde(default)]
    pub after: Option<After>,
    /// Where the application keeps the locks by which it says that it must not be interrupted.
    #[serde(default)]
    pub locks: Vec<LockPlace>,
    /// What is taken away after success: kept images and data of operations before.
    pub obsolete: Vec<Kept>,
    /// What a person should know. Those that would stop the plan are only here when it was forced.
    pub warnings: Vec<String>,
    /// Unexplained differences of the new container are only warned of.
    pub force: bool,
}

/// The sort of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To a newer version.
    Update,
    /// To what was before an update.
    Rollback,
    /// The same once more.
    Restart,
    /// The same with other labels.
    Labels,
    /// To what the compose file says, or the file to what runs.
    Mismatch,
}

/// The container as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Full id.
    pub id: String,
    /// Its name, which the new one gets.
    pub name: String,
    /// Its compose project.
    pub stack: Option<String>,
    /// Whether it is to run.
    #[serde(default)]
    pub run: Run,
}

/// Whether a container is to run, which the new version does as the old one did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// It runs and is to stay up.
    #[default]
    Always,
    /// It does its work and ends with 0.
    Job,
    /// It is stopped and stays so.
    Never,
}

/// How the new container is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Way {
    /// `docker compose up` of one service.
    Compose {
        /// The project.
        project: Project,
        /// The service.
        service: String,
        /// Recreate it even if compose sees no reason to.
        recreate: bool,
    },
    /// A container like the old one, made beside it and swapped with it.
    Replace,
    /// The engine restarts it.
    Restart,
    /// Nothing is done to the container, only to its files.
    Stay,
    /// The manager of the Swarm replaces the tasks of a service.
    Service {
        /// Its image as it is specified now.
        before: String,
        /// Its image afterwards, with its digest.
        after: String,
    },
}

/// From which image to which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChange {
    /// What the old container was made from, as it was written.
    pub old_reference: String,
    /// `sha256:…` of the old image.
    pub old_id: String,
    /// Where the old image could be fetched again, each `repository@sha256:…`.
    pub old_digests: Vec<String>,
    /// What the new container is made from, as it is written.
    pub new_reference: String,
    /// Repository of the new image, with its registry.
    pub repository: String,
    /// Tag that the new image gets. None: it is named by its digest alone.
    pub tag: Option<String>,
    /// Where the new image comes from.
    pub source: ImageSource,
}

impl ImageChange {
    /// Tag of the old image, as far as its reference tells.
    pub fn old_tag(&self) -> &str {
        tag_of(&self.old_reference)
    }

    /// Tag of the new image.
    pub fn new_tag(&self) -> &str {
        self.tag.as_deref().unwrap_or_else(|| tag_of(&self.new_reference))
    }
}

/// Where the new image comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum ImageSource {
    /// The registry.
    Registry {
        /// Digest of the manifest or index.
        digest: String,
    },
    /// It was kept here; or, if it is gone, the registry.
    Kept {
        /// `sha256:…` of the image.
        image_id: String,
        /// Where it could be fetched again, each `repository@sha256:…`.
        digests: Vec<String>,
    },
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Path on the host.
    pub path: String,
    /// What it does, in words.
    pub change: String,
    /// SHA-256 of the file before, hexadecimal.
    pub before_sha256: String,
    /// SHA-256 of the file afterwards, hexadecimal.
    pub after_sha256: String,
}

/// What the new container has to prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Without a health check of its own: how long it must stay up, milliseconds.
    pub stable_ms: u64,
    /// Without a health check of its own: how long its ports may take to answer as before, milliseconds.
    pub port_timeout_ms: u64,
    /// With a health check of its own: what it may take beyond its own periods, milliseconds.
    pub margin_ms: u64,
    /// What its ports answered before.
    pub ports: Vec<Port>,
    /// A page that has to be answered well.
    #[serde(default)]
    pub http: Option<HttpProbe>,
    /// What the old container did, which the new one may do too.
    #[serde(default)]
    pub before: Before,
    /// One that does not prove itself stays all the same, since a person wants to decide about the way back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stays: bool,
}

/// A page that has to be answered with a status from 200 to 399.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProbe {
    /// In the container.
    pub port: u16,
    /// With the query, from its slash.
    pub path: String,
}

/// What the old container did, which the new one may do too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its check failed.
    pub was_unhealthy: bool,
    /// It ended and was started again all the time.
    pub restarts: bool,
}

/// A directory of update locks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockPlace {
    /// A container that has it mounted.
    pub container: String,
    /// The directory.
    pub directory: Source,
}

/// What an operation before kept for a way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Reference of the old image.
    pub image: String,
    /// Id of the snapshot.
    pub snapshot: String,
}

/// What the way back needs and nobody else should see: configuration and files may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Inspect document of the old container.
    pub inspect_json: String,
    /// Inspect documents of the plan's peers, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
    /// Inspect document that the new container is made from. None: the old one's.
    pub new_inspect_json: Option<String>,
    /// The files of the plan's edits, in the same order.
    pub files: Vec<SavedFile>,
    /// Text of the image setting before, as it stands in the files, and afterwards.
    pub values: Option<Values>,
    /// Labels before and afterwards, of a change of labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelValues>,
}

/// A file before and after its edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    /// Path on the host.
    pub path: String,
    /// Its content before.
    pub before: String,
    /// Its content afterwards.
    pub after: String,
}

/// What the edits change, for files that a person changes in the meantime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    /// The service.
    pub service: String,
    /// Reference before.
    pub before: String,
    /// Reference afterwards.
    pub after: String,
}

/// What a change of labels changes, for files that a person changes in the meantime. None: it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelValues {
    /// The project.
    pub project: Project,
    /// The service.
    pub service: String,
    /// The labels that were changed, as they were.
    pub before: LabelChanges,
    /// The same labels afterwards.
    pub after: LabelChanges,
}

/// A plan with what its way back needs: what the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What will be done.
    pub plan: Plan,
    /// What its way back needs.
    pub saved: Saved,
}

impl Plan {
    /// SHA-256 over everything that was decided, hexadecimal. Equal plans have equal hashes. What the ports answered is
    /// left out: that is seen, and a server that is slow at the moment makes no other plan.
    pub fn hash(&self) -> String {
        let decided = Self { proof: Proof { ports: Vec::new(), ..self.proof.clone() }, ..self.clone() };
        sha256(decided.to_json().as_bytes())
    }

    /// The plan as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Whether data is copied, so that the container is stopped first.
    pub const fn has_data(&self) -> bool {
        !self.data.is_empty()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The tag of a reference, or `latest`; a digest's reference has the digest.
pub fn tag_of(reference: &str) -> &str {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    match name.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag,
        _ => digest.unwrap_or("latest"),
    }
}
