//! What can go wrong, and the gRPC code of each.

use std::time::Duration;

use homeport_service::status::{self, Coded};
use homeport_store::StoreError;
use tonic::{Code, Status};

use crate::scope::ScopeError;

/// Trailer that says when to come back, in seconds.
const RETRY_AFTER: &str = "retry-after-seconds";

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// The same for a name that nobody has and for a wrong password.
    #[error("the user name or the password is wrong")]
    WrongPassword,
    #[error("no credentials; sign in, or send an API token as `Authorization: Bearer`")]
    NoCredential,
    #[error("the Authorization header is neither `Bearer <token>` nor `Basic <name and password>`")]
    MalformedCredential,
    #[error("this token is not known here; it may have been deleted")]
    UnknownToken,
    #[error("the API token {name} has expired; make a new one")]
    ExpiredToken { name: String },
    #[error("the session has ended; sign in again")]
    EndedSession,
    #[error("the scope of {name} does not cover {method} {path}")]
    OutOfScope { name: String, method: String, path: String },
    #[error("too many wrong guesses; try again in {} s", after.as_secs())]
    LockedOut { after: Duration },
    #[error("too many sign-ins at once; try again in a second")]
    Busy,
    #[error("this password is too weak: {reason}")]
    WeakPassword { reason: String },
    #[error("{} cannot be used", crate::first_admin::VARIABLE)]
    FirstPassword(#[source] Box<AuthError>),
    #[error("a token's name has 1 to 64 characters")]
    TokenName,
    #[error("there is a token {name} already; choose another name, or delete that one first")]
    TokenExists { name: String },
    #[error("there are {limit} tokens already; delete some first")]
    TooManyTokens { limit: u32 },
    #[error("the expiry of a token must lie in the future")]
    TokenExpiry,
    #[error("a token can have {limit} scopes at most")]
    TooManyScopes { limit: usize },
    #[error("the scope {scope:?} cannot be used")]
    Scope {
        scope: String,
        #[source]
        source: ScopeError,
    },
    #[error("no token has the id {id}")]
    NoSuchToken { id: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("hashing a password failed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error("the settings for hashing passwords cannot be used")]
    HashSettings(#[source] argon2::Error),
    #[error("signing a session token failed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    #[error("a task ended without a result")]
    Task(#[source] tokio::task::JoinError),
    #[error("cannot write {path}")]
    File {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl Coded for AuthError {
    fn code(&self) -> Code {
        match self {
            Self::WrongPassword
            | Self::NoCredential
            | Self::MalformedCredential
            | Self::UnknownToken
            | Self::ExpiredToken { .. }
            | Self::EndedSession => Code::Unauthenticated,
            Self::OutOfScope { .. } => Code::PermissionDenied,
            Self::LockedOut { .. } | Self::Busy => Code::ResourceExhausted,
            Self::WeakPassword { .. }
            | Self::TokenName
            | Self::TokenExpiry
            | Self::TooManyScopes { .. }
            | Self::Scope { .. } => Code::InvalidArgument,
            Self::TokenExists { .. } => Code::AlreadyExists,
            Self::TooManyTokens { .. } => Code::FailedPrecondition,
            Self::NoSuchToken { .. } => Code::NotFound,
            Self::Store(_)
            | Self::FirstPassword(_)
            | Self::Hash(_)
            | Self::HashSettings(_)
            | Self::Sign(_)
            | Self::Task(_)
            | Self::File { .. } => Code::Internal,
        }
    }
}

impl From<AuthError> for Status {
    fn from(error: AuthError) -> Self {
        let mut status = status::to_status(&error);
        let after = match error {
            AuthError::LockedOut { after } => after.as_secs().max(1),
            AuthError::Busy => 1,
            _ => return status,
        };
        status.metadata_mut().insert(RETRY_AFTER, after.into());
        status
    }
}

impl From<sqlx::Error> for AuthError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
