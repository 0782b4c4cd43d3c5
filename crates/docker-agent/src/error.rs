//! Why something could not be done, and which gRPC code says so.

use std::{io, path::PathBuf};

use bollard::errors::Error as BollardError;
use homeport_service::status::Coded;
use tonic::Code;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers on the engine's socket, or it hung up in the middle.
    #[error("the container engine at {socket} does not answer; is it running?")]
    Unreachable {
        /// The engine's socket.
        socket: PathBuf,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine, or a program, took too long.
    #[error("{doing} took longer than {seconds} s and was given up; look at the engine's log and try again")]
    TimedOut {
        /// What was being done.
        doing: String,
        /// The limit.
        seconds: u64,
    },
    /// The engine answered with an error.
    #[error("{doing} failed: {message}")]
    Refused {
        /// What was being done.
        doing: String,
        /// HTTP status.
        status: u16,
        /// In the engine's words.
        message: String,
    },
    /// The engine's answer is not what its documentation says.
    #[error("the engine's answer to {doing} could not be understood: {message}")]
    Garbled {
        /// What was being done.
        doing: String,
        /// What is wrong with it.
        message: String,
    },
    /// The request itself makes no sense.
    #[error("{0}")]
    Argument(String),
    /// The thing is not there.
    #[error("{0}")]
    NotFound(String),
    /// Its state forbids the action.
    #[error("{0}")]
    Precondition(String),
    /// The rules forbid it.
    #[error("{0}")]
    Forbidden(String),
    /// It is no longer what the caller took it for.
    #[error("{0}")]
    Changed(String),
    /// The disk is full.
    #[error("{0}")]
    NoSpace(String),
    /// Waiting helps.
    #[error("{0}")]
    Temporary(String),
    /// A program could not be started or a file not be used.
    #[error("{doing}")]
    Io {
        /// What was being done, with the file or program in question.
        doing: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl EngineError {
    /// An error of bollard, with what was being done.
    pub(crate) fn of_bollard(socket: &std::path::Path, doing: &str, error: BollardError) -> Self {
        let doing = doing.to_owned();
        match error {
            BollardError::DockerResponseServerError { status_code, message } => {
                Self::Refused { doing, status: status_code, message }
            }
            BollardError::DockerStreamError { error } => Self::Refused { doing, status: 500, message: error },
            BollardError::DockerContainerWaitError { error, .. } => {
                Self::Refused { doing, status: 500, message: error }
            }
            BollardError::JsonDataError { message, .. } => Self::Garbled { doing, message },
            BollardError::JsonSerdeError { err } => Self::Garbled { doing, message: err.to_string() },
            other => Self::Unreachable { socket: socket.to_owned(), source: other.into() },
        }
    }

    /// Whether nothing can be asked of the engine at this moment.
    pub(crate) fn is_away(&self) -> bool {
        self.code() == Code::Unavailable
    }

    /// Whether the engine says that the thing is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.code() == Code::NotFound
    }
}

impl Coded for EngineError {
    fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::Temporary(_) => Code::Unavailable,
            Self::Refused { status, message, .. } => code_of(*status, message),
            Self::Garbled { .. } => Code::Internal,
            Self::Argument(_) => Code::InvalidArgument,
            Self::NotFound(_) => Code::NotFound,
            Self::Precondition(_) => Code::FailedPrecondition,
            Self::Forbidden(_) => Code::PermissionDenied,
            Self::Changed(_) => Code::Aborted,
            Self::NoSpace(_) => Code::ResourceExhausted,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Code::NotFound,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::PermissionDenied,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::ResourceExhausted,
                _ => Code::FailedPrecondition,
            },
        }
    }
}

/// The engine uses 500 for most of what its state forbids (a port in use, a mount that fails), so its words decide.
fn code_of(status: u16, message: &str) -> Code {
    match status {
        _ if message.contains("no space left") || message.contains("disk quota exceeded") => Code::ResourceExhausted,
        // It died between the end of the container's process and noting it. What runs that process still knows its task, so
        // no other begins under that id.
        _ if message.starts_with("task ") && message.ends_with(": already exists") => Code::DataLoss,
        400 => Code::InvalidArgument,
        // Also the engine's answer where a network is in use, or its own: nobody's rights would help.
        403 if message.contains("active endpoints") || message.contains("pre-defined network") => {
            Code::FailedPrecondition
        }
        401 | 403 => Code::PermissionDenied,
        404 => Code::NotFound,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::FailedPrecondition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_the_engine_lost_track_of_is_told_from_others() {
        let lost = "task 97da8cdffe50b15f: already exists";
        assert_eq!(code_of(500, lost), Code::DataLoss);
        assert_eq!(code_of(409, "network front already exists"), Code::FailedPrecondition);
    }

    #[test]
    fn s2_7_what_the_state_of_a_network_forbids_is_no_lack_of_rights() {
        let in_use = "error while removing network: network front id afe0 has active endpoints";
        assert_eq!(code_of(403, in_use), Code::FailedPrecondition);
        assert_eq!(code_of(403, "bridge is a pre-defined network and cannot be removed"), Code::FailedPrecondition);
        assert_eq!(code_of(403, "authorization denied by plugin"), Code::PermissionDenied);
    }
}
