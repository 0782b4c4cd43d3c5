//! Signing in at another place that knows the people here (OpenID Connect): authorization code with PKCE, state and nonce.
//!
//! The provider says who somebody is ([`provider`]); which role that gives is in [`roles`]; what was begun and waits for the
//! browser to come back, in [`flows`].

pub(crate) mod config;
mod flows;
mod http;
mod provider;
mod roles;

use std::net::IpAddr;

use homeport_service::Secret;
use jiff::Timestamp;
use tonic::Code;

pub(crate) use config::OidcConfig;
pub(crate) use provider::ProviderError;

use crate::role::Role;
use flows::Flows;
use http::Http;
use provider::{Answer, Provider};

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("no provider is set; write [oidc] into auth.toml")]
    Off,
    #[error("the setting oidc.{what} cannot be used: {reason}")]
    Setting { what: &'static str, reason: String },
    #[error("too many sign-ins are under way; try again in a minute")]
    TooMany,
    #[error("this sign-in is not known; it took too long, or began in another browser. Begin again")]
    UnknownFlow,
    #[error("none of your groups may come in here; an administrator can change oidc.roles")]
    NoRole,
    #[error(
        "the provider calls you {name}, and another account here has that name; an administrator can rename it, or set oidc.link_by_name"
    )]
    NameTaken { name: String },
    #[error("the provider gave no name that can be used here")]
    NoName,
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl OidcError {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Off => Code::FailedPrecondition,
            Self::Setting { .. } => Code::Internal,
            Self::UnknownFlow
            | Self::Provider(
                ProviderError::NoIdentity | ProviderError::Identity { .. } | ProviderError::Exchange { .. },
            ) => Code::Unauthenticated,
            Self::NoRole | Self::NameTaken { .. } | Self::NoName => Code::PermissionDenied,
            Self::TooMany | Self::Provider(ProviderError::Discovery { .. } | ProviderError::UserInfo { .. }) => {
                Code::Unavailable
            }
        }
    }
}

/// Where the browser has to go, and what it has to bring back.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) binding: Secret<String>,
    pub(crate) expires_at: Timestamp,
}

/// What the browser brought back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Returned<'a> {
    pub(crate) state: &'a str,
    pub(crate) code: &'a Secret<String>,
    pub(crate) binding: &'a Secret<String>,
}

/// Who somebody is elsewhere, and what that makes them here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) name: String,
    /// Empty: not known.
    pub(crate) email: String,
    pub(crate) role: Role,
}

/// The provider of the settings, if there is one.
#[derive(Debug)]
pub(crate) struct Oidc {
    config: OidcConfig,
    provider: Option<Provider>,
    flows: Flows,
}

impl Oidc {
    pub(crate) fn new(config: OidcConfig) -> Result<Self, OidcError> {
        let provider = if config.issuer.is_empty() {
            None
        } else {
            config.check()?;
            Some(Provider::new(config.clone(), Http::new(config.root.as_deref())?))
        };
        Ok(Self { config, provider, flows: Flows::default() })
    }

    pub(crate) const fn config(&self) -> &OidcConfig {
        &self.config
    }

    fn provider(&self) -> Result<&Provider, OidcError> {
        self.provider.as_ref().ok_or(OidcError::Off)
    }

    /// Asks the provider for its document.
    pub(crate) async fn check(&self) -> Result<(), OidcError> {
        self.provider()?.discover().await?;
        Ok(())
    }

    /// Begins a sign-in for an address, reduced to whom it belongs to. None: not known.
    pub(crate) async fn begin(&self, address: Option<IpAddr>, now: Timestamp) -> Result<Begun, OidcError> {
        let provider = self.provider()?;
        let (url, state, flow) = provider.begin().await?;
        let (binding, expires_at) = self.flows.insert(state, flow, address, now).ok_or(OidcError::TooMany)?;
        Ok(Begun { url, binding, expires_at })
    }

    pub(crate) async fn finish(&self, returned: Returned<'_>, now: Timestamp) -> Result<Known, OidcError> {
        let provider = self.provider()?;
        let flow = self.flows.take(returned.state, returned.binding, now).ok_or(OidcError::UnknownFlow)?;
        let answer = provider.finish(returned.code, flow).await?;
        let groups = answer.groups(&self.config.groups_claim);
        let role = roles::role(&self.config, &groups).ok_or(OidcError::NoRole)?;
        let Answer { subject, .. } = &answer;
        Ok(Known {
            issuer: self.config.issuer.clone(),
            subject: subject.clone(),
            name: answer.name(&self.config.name_claim).ok_or(OidcError::NoName)?,
            email: answer.text("email").unwrap_or_default(),
            role,
        })
    }
}
