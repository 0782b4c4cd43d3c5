//! The settings of signing in elsewhere.

use std::{collections::BTreeMap, path::PathBuf};

use homeport_service::Secret;
use serde::Deserialize;
use url::{Host, Url};

use super::OidcError;
use crate::role::Role;

/// The `[oidc]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// Address of the provider, as its own document names it. Default: none, nobody signs in elsewhere.
    pub issuer: String,
    /// What the provider calls Homeport.
    pub client_id: String,
    /// What Homeport proves it with. Default: none, for a public client; PKCE is used either way.
    pub client_secret: Option<Secret<String>>,
    /// Where the browser comes back: `https://<this machine>/auth/oidc/callback`, as the provider has it listed.
    pub redirect_url: String,
    /// Scopes beside `openid`. Default `["profile", "email", "groups"]`.
    pub scopes: Vec<String>,
    /// Claim with the name that an account gets here. Default `preferred_username`.
    pub name_claim: String,
    /// Claim with the groups. Default `groups`.
    pub groups_claim: String,
    /// Groups that give a role: `admin`, `operator` or `viewer`; the highest counts. `*` is everybody. Default: none, so
    /// nobody comes in.
    pub roles: BTreeMap<String, Vec<String>>,
    /// Whether an account that is here already belongs to whoever has its name there. Only where the provider lets nobody
    /// choose a name. Default false.
    pub link_by_name: bool,
    /// PEM file of the certificate that vouches for the provider's, where that is none of the public ones. Default: none.
    pub root: Option<PathBuf>,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            redirect_url: String::new(),
            scopes: ["profile", "email", "groups"].map(str::to_owned).to_vec(),
            name_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            roles: BTreeMap::new(),
            link_by_name: false,
            root: None,
        }
    }
}

impl OidcConfig {
    /// Refuses settings with which nobody could sign in, or not safely.
    pub(super) fn check(&self) -> Result<(), OidcError> {
        let wrong = |what, reason: &str| Err(OidcError::Setting { what, reason: reason.to_owned() });
        if !is_safe(&self.issuer) {
            return wrong("issuer", "it takes https, except on the machine itself");
        }
        if !is_safe(&self.redirect_url) {
            return wrong("redirect_url", "it takes https, except on the machine itself");
        }
        if self.client_id.is_empty() {
            return wrong("client_id", "it is empty");
        }
        match self.roles.keys().find(|name| name.parse::<Role>().is_err()) {
            Some(name) => wrong("roles", &format!("{name} is no role; there are admin, operator and viewer")),
            None => Ok(()),
        }
    }
}

/// Whether nobody on the way can read along.
fn is_safe(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut OidcConfig), expected: Option<&str>) {
        let mut config = OidcConfig {
            issuer: "https://id.example".to_owned(),
            client_id: "homeport".to_owned(),
            redirect_url: "http://127.0.0.1:8080/auth/oidc/callback".to_owned(),
            ..OidcConfig::default()
        };
        change(&mut config);
        let found = config.check().err().map(|error| error.to_string());
        assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
        assert!(found.unwrap_or_default().contains(expected.unwrap_or_default()));
    }

    #[test]
    fn settings_are_checked() {
        check(|_| {}, None);
        check(|config| config.issuer = "http://id.example".to_owned(), Some("oidc.issuer"));
        check(|config| config.redirect_url = String::new(), Some("oidc.redirect_url"));
        check(|config| config.client_id = String::new(), Some("oidc.client_id"));
        check(|config| drop(config.roles.insert("root".to_owned(), Vec::new())), Some("root is no role"));
    }
}
