//! What can go wrong at a registry, told apart by what helps.

use std::{path::PathBuf, sync::Arc, time::Duration};

use homeport_service::status::Coded;
use tonic::Code;

use super::CredentialError;

/// Why a client for registries could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of further certificates cannot be read.
    #[error("cannot read the certificates in {path}; see the settings registry.ca_file and registry.certs_dir")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It holds no certificates.
    #[error("{path} holds no PEM certificates; see the settings registry.ca_file and registry.certs_dir")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// TLS could not be set up.
    #[error("cannot set up TLS for registries")]
    Tls(#[source] reqwest::Error),
}

/// Why a registry did not tell. `what` is the repository or reference that was asked about.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// No connection, or none that held.
    #[error("{registry} cannot be reached")]
    Unreachable {
        /// The registry.
        registry: String,
        /// Why.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// It wants another user than the one that it was told of, or any at all.
    #[error("{registry} refuses {what} to {}; it may be private or not exist, see `docker login {registry}`", who(*.anonymous))]
    Unauthorized {
        /// The registry.
        registry: String,
        /// What was asked about.
        what: String,
        /// No credentials were sent.
        anonymous: bool,
    },
    /// It knows the user and refuses.
    #[error("{registry} forbids {what} to {}", who(*.anonymous))]
    Forbidden {
        /// The registry.
        registry: String,
        /// What was asked about.
        what: String,
        /// No credentials were sent.
        anonymous: bool,
    },
    /// There is no such repository, tag or manifest.
    #[error("{what} not found in {registry}")]
    NotFound {
        /// The registry.
        registry: String,
        /// What was asked about.
        what: String,
    },
    /// It has answered too often already.
    #[error("{registry} limits how often it is asked{}", after(*.retry_after))]
    RateLimited {
        /// The registry.
        registry: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// It has failed several times in a row and is left alone.
    #[error("{registry} has failed several times in a row{}", after(Some(*.retry_after)))]
    Resting {
        /// The registry.
        registry: String,
        /// For how long.
        retry_after: Duration,
    },
    /// The certificates for it cannot be used.
    #[error("the certificates for {registry} cannot be used")]
    Certificates {
        /// The registry.
        registry: String,
        /// Why.
        #[source]
        source: Arc<SetupError>,
    },
    /// It has a fault of its own.
    #[error("{registry} failed with status {status}")]
    Failed {
        /// The registry.
        registry: String,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that no registry should give.
    #[error("{registry} gave an answer for {what} that makes no sense: {problem}")]
    Malformed {
        /// The registry.
        registry: String,
        /// What was asked about.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Nobody could say who to be there.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
}

impl RegistryError {
    /// Whether the same question may well be answered later.
    pub const fn is_temporary(&self) -> bool {
        self.is_overload() || matches!(self, Self::Credentials(_) | Self::Resting { .. })
    }

    /// Whether it says that the registry does not work, or not for so many requests.
    pub(super) const fn is_overload(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::RateLimited { .. } | Self::Failed { .. })
    }

    /// Whether the registry works and simply has nothing to say about the image.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

impl Coded for RegistryError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::NotFound,
            Self::Unauthorized { .. } | Self::Forbidden { .. } => Code::FailedPrecondition,
            Self::Unreachable { .. }
            | Self::RateLimited { .. }
            | Self::Resting { .. }
            | Self::Certificates { .. }
            | Self::Failed { .. }
            | Self::Malformed { .. }
            | Self::Credentials(_) => Code::Unavailable,
        }
    }
}

const fn who(anonymous: bool) -> &'static str {
    if anonymous { "anonymous users" } else { "the user of Docker's config.json" }
}

fn after(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |after| format!("; try again in {} s", after.as_secs().max(1)))
}
