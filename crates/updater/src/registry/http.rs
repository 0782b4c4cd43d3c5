//! The HTTP client that all registries share.

use std::time::Duration;

use reqwest::{Certificate, Client, Identity, redirect};

use super::{RegistryConfig, SetupError};

/// Registries redirect once, to their storage; token services to their present address.
const MAX_REDIRECTS: usize = 5;

/// Longest time until a connection stands.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A client that trusts the public roots (bundled, so that it works where there is no file of them), the system's, and
/// those of the settings.
pub(super) fn client(config: &RegistryConfig) -> Result<Client, SetupError> {
    client_with(config, Vec::new(), None)
}

/// The same with further certificates to trust, and one to be known by.
pub(super) fn client_with(
    config: &RegistryConfig,
    trusted: Vec<Certificate>,
    identity: Option<Identity>,
) -> Result<Client, SetupError> {
    let mut certificates: Vec<_> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    certificates.extend(trusted);
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|source| SetupError::CaFile { path: path.clone(), source })?;
        let own = Certificate::from_pem_bundle(&pem)
            .map_err(|source| SetupError::Certificates { path: path.clone(), source })?;
        certificates.extend(own);
    }
    let builder = Client::builder();
    let builder = match identity {
        Some(identity) => builder.identity(identity),
        None => builder,
    };
    builder
        .tls_certs_merge(certificates)
        .user_agent(concat!("homeport/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_LIMIT)
        .timeout(config.timeout())
        .redirect(redirect::Policy::custom(follow))
        .build()
        .map_err(SetupError::Tls)
}

/// Follows some redirects, none of them from TLS to none. Credentials do not follow to another host.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let was_tls = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("too many redirects")
    } else if was_tls && attempt.url().scheme() != "https" {
        attempt.error("a redirect away from TLS")
    } else {
        attempt.follow()
    }
}
