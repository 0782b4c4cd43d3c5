//! Where a registry is, and whether it needs TLS.

use std::net::IpAddr;

use homeport_image_ref::DOCKER_HUB;

use super::RegistryConfig;

/// The host of Docker Hub's registry.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// How a registry is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// With TLS only.
    Tls,
    /// Without.
    Plain,
    /// With TLS if that works. For registries on the loopback interface, where nobody can listen in.
    TlsThenPlain,
}

/// Where a registry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Its name, as in references.
    pub(super) registry: String,
    /// Host and port that are connected to.
    pub(super) authority: String,
    pub(super) transport: Transport,
}

impl Endpoint {
    /// Finds out where the registry of this name is.
    pub(super) fn of(registry: &str, config: &RegistryConfig) -> Self {
        let host = if registry == DOCKER_HUB { DOCKER_HUB_HOST } else { registry };
        let authority = rewritten(registry, config).or_else(|| rewritten(host, config)).unwrap_or(host);
        let is_plain = |name: &str| config.plain_http.iter().any(|plain| plain == name);
        let transport = if is_plain(registry) || is_plain(authority) {
            Transport::Plain
        } else if is_loopback(registry) || is_loopback(authority) {
            Transport::TlsThenPlain
        } else {
            Transport::Tls
        };
        Self { registry: registry.to_owned(), authority: authority.to_owned(), transport }
    }

    /// Whether the host of an answer's link is this registry.
    pub(super) fn is_at(&self, authority: &str) -> bool {
        authority == self.authority || authority == self.registry
    }
}

/// Where the settings say that a host is reached.
pub(super) fn rewritten<'c>(host: &str, config: &'c RegistryConfig) -> Option<&'c str> {
    config.rewrite.get(host).map(String::as_str)
}

/// Whether a host, with or without a port, is this machine.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s8_names_lead_to_hosts() {
        let config = RegistryConfig {
            plain_http: vec!["nas:5000".to_owned()],
            rewrite: [("127.0.0.1:5000".to_owned(), "host.docker.internal:5000".to_owned())].into(),
            ..RegistryConfig::default()
        };
        for (registry, authority, transport) in [
            ("docker.io", "registry-1.docker.io", Transport::Tls),
            ("ghcr.io", "ghcr.io", Transport::Tls),
            ("nas:5000", "nas:5000", Transport::Plain),
            ("nas", "nas", Transport::Tls),
            ("127.0.0.1:5000", "host.docker.internal:5000", Transport::TlsThenPlain),
            ("127.9.9.9:5000", "127.9.9.9:5000", Transport::TlsThenPlain),
            ("[::1]:5000", "[::1]:5000", Transport::TlsThenPlain),
            ("localhost", "localhost", Transport::TlsThenPlain),
            ("localhost.example", "localhost.example", Transport::Tls),
        ] {
            let expected = Endpoint { registry: registry.to_owned(), authority: authority.to_owned(), transport };
            assert_eq!(Endpoint::of(registry, &config), expected);
        }
    }
}
