//! Why the updater did not do what it was asked for, and what the caller should make of it.

use homeport_service::status::Coded;
use homeport_store::StoreError;
use tonic::Code;

use crate::{
    check::CheckError,
    engine::{EngineError, EngineErrorKind},
    plan::PlanError,
    registry::RegistryError,
    script::ScriptError,
};

/// Why an update, a rollback or a look at one did not start.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// There is no such container.
    #[error("container not found: {container}")]
    NoContainer {
        /// As it was asked for.
        container: String,
    },
    /// There is no such stack.
    #[error("no containers found in stack: {stack}")]
    NoStack {
        /// As it was asked for.
        stack: String,
    },
    /// The image of before is nowhere any more, nor anything like it.
    #[error(
        "no containers can be rolled back — all use identical tags with no saved digest (skipped: {container}); the image of \
         before is neither here nor in its registry"
    )]
    NothingBack {
        /// The container.
        container: String,
    },
    /// A request without labels.
    #[error("no labels specified")]
    NoLabels,
    /// Somebody else's label.
    #[error("{label} is no label that is set here; those begin with docksmith. or homeport.")]
    ForeignLabel {
        /// The label.
        label: String,
    },
    /// A label that no check could make sense of.
    #[error("{problem}")]
    BadLabel {
        /// Why.
        problem: String,
    },
    /// Nothing can be taken back.
    #[error("no rollbackable label operations found")]
    NoLabelChanges,
    /// Scripts of containers that would follow said no.
    #[error("pre-update check failed for dependent container(s): {names} (use force to skip)")]
    DependentsRefused {
        /// Theirs.
        names: String,
    },
    /// There is no such operation.
    #[error("operation not found")]
    NoOperation,
    /// It is not known what to update to.
    #[error("cannot update container {container}: no target version specified, and the last check found nothing newer")]
    NoTarget {
        /// Its name.
        container: String,
    },
    /// It could not be found out what to update to.
    #[error("cannot update container {container}: no target version specified, and its check failed: {message}")]
    CheckFailed {
        /// Its name.
        container: String,
        /// Why.
        message: String,
        /// It may go away by itself.
        is_temporary: bool,
    },
    /// A tag that is none.
    #[error("\"{tag}\" is no tag; one has at most 128 letters, digits and . _ -")]
    BadTag {
        /// As it was asked for.
        tag: String,
    },
    /// The image of the container has no repository.
    #[error("container {container} runs {image}, which no registry can know")]
    NoRepository {
        /// Its name.
        container: String,
        /// What it runs.
        image: String,
    },
    /// The registry has no such tag.
    #[error("image tag does not exist on the registry: {reference}")]
    NoImage {
        /// The reference.
        reference: String,
    },
    /// The registry did not say.
    #[error("cannot ask the registry for {reference}")]
    Registry {
        /// The reference.
        reference: String,
        /// Why.
        #[source]
        source: RegistryError,
    },
    /// The check for a target failed.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The labels name a compose file that is not there.
    #[error("the compose file of service {service} cannot be found: {path}; is its directory among the stacks?")]
    NoComposeFile {
        /// The service.
        service: String,
        /// The file.
        path: String,
    },
    /// A compose file is no text.
    #[error("{path} is not UTF-8 text and cannot be changed safely")]
    NotText {
        /// The file.
        path: String,
    },
    /// It cannot be done, or must not.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// docker-agent or the engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Only finished updates have a way back.
    #[error("operation {operation} {reason}, so there is nothing to roll back")]
    NoWayBack {
        /// Its id.
        operation: String,
        /// Why.
        reason: &'static str,
    },
    /// Others came after it.
    #[error(
        "container {container} was updated again after operation {operation} (use force to roll back all the same)"
    )]
    NotNewest {
        /// The container.
        container: String,
        /// The operation.
        operation: String,
    },
    /// A hash that is none.
    #[error("\"{hash}\" is no hash of a plan; give at least its first 12 digits, as `homeport plan` shows them")]
    BadPlanHash {
        /// As it was given.
        hash: String,
    },
    /// The update would be another one than the one that was agreed to.
    #[error("the update of {container} is not the plan {hash} any more: {differences}; look at a new plan")]
    PlanMoved {
        /// The container.
        container: String,
        /// The plan that was agreed to.
        hash: String,
        /// What is different.
        differences: String,
    },
    /// There is more to copy than may be.
    #[error(
        "the data of {container} has {mib} MiB, and at most {limit_mib} MiB are copied (keep.snapshot_max_mib); raise that, or \
         do without a copy by the label homeport.snapshot=off"
    )]
    TooMuchData {
        /// The container.
        container: String,
        /// How much there is.
        mib: u64,
        /// The limit.
        limit_mib: u64,
    },
    /// The disk would not hold the copy.
    #[error("copying the data of {container} needs {mib} MiB, and {free_mib} MiB are free; nothing was changed")]
    NoRoom {
        /// The container.
        container: String,
        /// How much is needed.
        mib: u64,
        /// What is free.
        free_mib: u64,
    },
    /// A script that is none.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// Nothing is assigned.
    #[error("no script is assigned to container {container}")]
    NoAssignment {
        /// The container.
        container: String,
    },
    /// Somebody else is at it.
    #[error("{what} or its stack is being worked on; try again when that operation has ended")]
    Busy {
        /// The container.
        what: String,
    },
    /// The application does not want to be interrupted.
    #[error("{reason}")]
    Locked {
        /// Who holds which lock.
        reason: String,
    },
    /// Swarm decides about the tasks of a service.
    #[error(
        "{service} is a Swarm service: its manager starts and stops its tasks; use `docker service scale` or `update`"
    )]
    SwarmService {
        /// Its name.
        service: String,
    },
    /// Something is under way.
    #[error("an operation is under way; prune when it has ended")]
    NotQuiet,
    /// A running container would have to be killed.
    #[error("container is running, use force=true to remove")]
    Running,
    /// This process ends.
    #[error("Homeport is being stopped; the operation goes on when it is back")]
    CutShort,
    /// There is no such setting.
    #[error("unknown setting key: {key}")]
    NoSetting {
        /// As it was asked for.
        key: String,
    },
    /// A value that the setting cannot have.
    #[error("{value:?} is no value for {key}; it takes a whole number of days, 0 for never")]
    BadSetting {
        /// The setting.
        key: String,
        /// The value.
        value: String,
    },
    /// A request without containers.
    #[error("containers array is required")]
    NoItems,
    /// A page that was never given out.
    #[error("the cursor is none that was given out")]
    BadCursor,
    /// A time that is none.
    #[error("{field} is no valid time")]
    BadTime {
        /// The field.
        field: &'static str,
    },
    /// Too much waits.
    #[error("{limit} operations wait already; try again when some of them have ended")]
    QueueFull {
        /// The bound.
        limit: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for UpdateError {
    fn code(&self) -> Code {
        match self {
            Self::NoContainer { .. }
            | Self::NoStack { .. }
            | Self::NoOperation
            | Self::NoAssignment { .. }
            | Self::NoSetting { .. } => Code::NotFound,
            Self::CheckFailed { is_temporary: true, .. } | Self::CutShort | Self::QueueFull { .. } => Code::Unavailable,
            Self::NoTarget { .. }
            | Self::CheckFailed { .. }
            | Self::NoRepository { .. }
            | Self::NoImage { .. }
            | Self::NoComposeFile { .. }
            | Self::NotText { .. }
            | Self::NoWayBack { .. }
            | Self::NotNewest { .. }
            | Self::DependentsRefused { .. }
            | Self::Locked { .. }
            | Self::SwarmService { .. }
            | Self::NothingBack { .. }
            | Self::Running => Code::FailedPrecondition,
            Self::PlanMoved { .. } | Self::Busy { .. } | Self::NotQuiet => Code::Aborted,
            Self::BadTag { .. }
            | Self::BadPlanHash { .. }
            | Self::BadSetting { .. }
            | Self::NoItems
            | Self::NoLabels
            | Self::ForeignLabel { .. }
            | Self::BadLabel { .. }
            | Self::NoLabelChanges
            | Self::BadCursor
            | Self::BadTime { .. } => Code::InvalidArgument,
            Self::TooMuchData { .. } | Self::NoRoom { .. } => Code::ResourceExhausted,
            Self::Registry { source, .. } => source.code(),
            Self::Script(source) => source.code(),
            Self::Check(source) => source.code(),
            Self::Plan(source) => source.code(),
            Self::Engine(source) => source.code(),
            Self::Store(_) => Code::Internal,
        }
    }
}

impl Coded for EngineError {
    fn code(&self) -> Code {
        match self.kind {
            EngineErrorKind::Away => Code::Unavailable,
            EngineErrorKind::NotFound => Code::NotFound,
            EngineErrorKind::Refused | EngineErrorKind::Changed | EngineErrorKind::Lost => Code::FailedPrecondition,
            EngineErrorKind::Full => Code::ResourceExhausted,
            EngineErrorKind::Other => Code::Internal,
        }
    }
}
