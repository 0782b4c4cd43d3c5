//! What can go wrong, and the gRPC code of each.

use std::time::Duration;

use homeport_proto::auth::v1 as proto;
use homeport_service::status::{self, Coded};
use homeport_store::StoreError;
use prost::Message as _;
use tonic::{Code, Status, metadata::MetadataValue};
use webauthn_rs::prelude::WebauthnError;

use crate::{auth::Principal, oidc::OidcError, role::Verb, scope::ScopeError};

/// Trailer that says when to come back, in seconds.
const RETRY_AFTER: &str = "retry-after-seconds";
/// Trailer that says that the second factor is missing.
const SECOND_FACTOR: &str = "second-factor";
/// Trailer that says that the credential is for something else.
const OUT_OF_SCOPE: &str = "out-of-scope";
/// Trailer that says who was refused.
const PRINCIPAL: &str = "principal-bin";

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
    #[error("the scope of {} does not cover {method} {path}", principal.name)]
    OutOfScope { principal: Box<Principal>, method: String, path: String },
    #[error("{} may not do this: it takes somebody who may {}", principal.name, verb.as_str())]
    NotAllowed { principal: Box<Principal>, verb: Verb },
    #[error("the account {name} is disabled; an administrator can enable it")]
    Disabled { name: String },
    #[error("everybody knows this password, so it is good on the machine itself alone; change it there")]
    KnownPassword,
    #[error("too many wrong guesses; try again in {} s", after.as_secs())]
    LockedOut { after: Duration },
    #[error("too many sign-ins at once; try again in a second")]
    Busy,
    #[error("this password is too weak: {reason}")]
    WeakPassword { reason: String },
    #[error("{variable} cannot be used")]
    FirstPassword {
        variable: &'static str,
        #[source]
        source: Box<AuthError>,
    },
    #[error("a token's name has 1 to 78 characters")]
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
    #[error("there is no token {id}")]
    NoSuchToken { id: String },
    #[error("a token of this kind needs to say whose it is: the URI of the plugin, or the name of the project")]
    TokenSubject,
    #[error("a plugin's token without scopes may do everything; give it scopes, or confirm that it may")]
    Unscoped,
    #[error("a token's secret has 24 to 128 letters, digits, `-` and `_`")]
    TokenForm,
    #[error("a key acts for a user, and this one says for none")]
    KeyOfNobody,
    #[error("the token {name} stands in auth_tokens.json; remove it there")]
    InFile { name: String },
    #[error("there is no user {name}")]
    NoSuchUser { name: String },
    #[error("there is a user {name} already")]
    UserExists { name: String },
    #[error("there are {limit} users already; delete some first")]
    TooManyUsers { limit: u32 },
    #[error("a user's name has 1 to 64 characters, without colons and without spaces around it")]
    UserName,
    #[error("this is no e-mail address")]
    Email,
    #[error("nobody would be left who may administer; make another administrator first")]
    LastAdministrator,
    #[error("there is no session {id}")]
    NoSuchSession { id: String },
    #[error("an application's id has 1 to 128 characters")]
    StarName,
    #[error("{limit} applications are marked already; unmark some first")]
    TooManyStars { limit: u32 },
    #[error("at most {limit} entries are taken at once")]
    TooManyEntries { limit: usize },
    #[error("the hash of a row is 64 hexadecimal digits")]
    AuditHead,
    #[error("row {number} is kept no longer, so nothing can be told by it; the oldest is {oldest}")]
    AuditPruned { number: i64, oldest: i64 },
    #[error("the password's hash is of no kind that is known here")]
    HashForm,
    #[error("the code is wrong, or was used already; wait for the next one")]
    WrongCode,
    #[error("there is no second factor yet; register one first")]
    NoFactor,
    #[error("the secret of a second factor cannot be used")]
    Factor,
    #[error("this proves no second factor, or no longer; show a code or a passkey again")]
    NoProof,
    #[error("this takes the second factor: show a code or a passkey, and send what you get for it as `X-JWT-OTP`")]
    FactorMissing { principal: Box<Principal> },
    #[error("a second factor is in use here, so this takes a person: name, password and second factor")]
    NoPerson,
    #[error("passkeys need a page with a name; open it by one that is no address")]
    Origin,
    #[error("passkeys are not for this page; passkey.origins lists those that they are for")]
    OtherOrigin,
    #[error("you have {limit} passkeys already; delete one first")]
    TooManyPasskeys { limit: usize },
    #[error("too many passkeys are being asked for; try again in {} s", after.as_secs())]
    TooManyCeremonies { after: Duration },
    #[error("this ceremony is not known; it took longer than three minutes, or was answered already. Begin again")]
    NoCeremony,
    #[error("you have no passkey for this page")]
    NoPasskey,
    #[error("there is no such passkey")]
    NoSuchPasskey,
    #[error("this passkey is known already")]
    PasskeyExists,
    #[error("the passkey's answer cannot be read")]
    PasskeyAnswer,
    #[error("the passkey's answer proves nothing")]
    PasskeyRefused(#[source] WebauthnError),
    #[error("a passkey cannot be asked for")]
    Passkey(#[source] WebauthnError),
    #[error("a passkey cannot be asked for")]
    PasskeyJson(#[source] serde_json::Error),
    #[error("these words are not known; they may be mistyped, expired or used up")]
    NoSuchWords,
    #[error("words could not be made")]
    Words,
    #[error("Expiration date cannot be in the past")]
    KeyExpiry,
    #[error("Uses must be greater than 0")]
    KeyUses,
    #[error(transparent)]
    Oidc(#[from] OidcError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("hashing a password failed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error("a password's hash of bcrypt cannot be read")]
    Bcrypt(#[source] bcrypt::BcryptError),
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
            | Self::Disabled { .. }
            | Self::NoProof
            | Self::FactorMissing { .. }
            | Self::NoPerson
            | Self::EndedSession => Code::Unauthenticated,
            Self::OutOfScope { .. }
            | Self::NotAllowed { .. }
            | Self::KnownPassword
            | Self::WrongCode
            | Self::NoCeremony
            | Self::PasskeyRefused(_) => Code::PermissionDenied,
            Self::LockedOut { .. } | Self::Busy | Self::TooManyCeremonies { .. } => Code::ResourceExhausted,
            Self::Oidc(error) => error.code(),
            Self::WeakPassword { .. }
            | Self::TokenName
            | Self::TokenExpiry
            | Self::TokenSubject
            | Self::TokenForm
            | Self::KeyOfNobody
            | Self::Unscoped
            | Self::UserName
            | Self::Email
            | Self::StarName
            | Self::TooManyEntries { .. }
            | Self::AuditHead
            | Self::Origin
            | Self::OtherOrigin
            | Self::PasskeyAnswer
            | Self::KeyExpiry
            | Self::KeyUses
            | Self::TooManyScopes { .. }
            | Self::Scope { .. } => Code::InvalidArgument,
            Self::TokenExists { .. } | Self::UserExists { .. } | Self::PasskeyExists => Code::AlreadyExists,
            Self::TooManyTokens { .. }
            | Self::TooManyUsers { .. }
            | Self::TooManyStars { .. }
            | Self::LastAdministrator
            | Self::NoFactor
            | Self::NoPasskey
            | Self::TooManyPasskeys { .. }
            | Self::AuditPruned { .. }
            | Self::InFile { .. } => Code::FailedPrecondition,
            Self::NoSuchToken { .. }
            | Self::NoSuchUser { .. }
            | Self::NoSuchSession { .. }
            | Self::NoSuchWords
            | Self::NoSuchPasskey => Code::NotFound,
            Self::Store(_)
            | Self::Factor
            | Self::Words
            | Self::Passkey(_)
            | Self::PasskeyJson(_)
            | Self::HashForm
            | Self::Bcrypt(_)
            | Self::FirstPassword { .. }
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
            AuthError::LockedOut { after } | AuthError::TooManyCeremonies { after } => after.as_secs().max(1),
            AuthError::Busy => 1,
            AuthError::OutOfScope { ref principal, .. } | AuthError::NotAllowed { ref principal, .. } => {
                if matches!(error, AuthError::OutOfScope { .. }) {
                    status.metadata_mut().insert(OUT_OF_SCOPE, MetadataValue::from_static("true"));
                }
                let principal = proto::Principal::from((**principal).clone()).encode_to_vec();
                status.metadata_mut().insert_bin(PRINCIPAL, MetadataValue::from_bytes(&principal));
                return status;
            }
            AuthError::FactorMissing { principal } => {
                let principal = proto::Principal::from(*principal).encode_to_vec();
                status.metadata_mut().insert_bin(PRINCIPAL, MetadataValue::from_bytes(&principal));
                status.metadata_mut().insert(SECOND_FACTOR, MetadataValue::from_static("missing"));
                return status;
            }
            AuthError::NoProof => {
                status.metadata_mut().insert(SECOND_FACTOR, MetadataValue::from_static("missing"));
                return status;
            }
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
