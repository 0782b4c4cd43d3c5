//! Which proxies are believed, and what they say it in.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// An address, or all addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is one of it. An IPv4 address is also known by its IPv6 form.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| format!("{text:?} is neither an address nor a network; write it as 10.0.0.0/8"))
    }
}

/// The header in which a reverse proxy names its client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` for the scheme.
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, address: &str, expected: Option<bool>) {
        let network = Network::try_from(network.to_owned()).ok();
        assert_eq!(
            network.map(|network| network.contains(address.parse().unwrap())),
            expected,
            "{network:?} {address}"
        );
    }

    #[test]
    fn networks_hold_addresses() {
        check("10.0.0.2", "10.0.0.2", Some(true));
        check("10.0.0.2", "10.0.0.3", Some(false));
        check("10.0.0.0/8", "::ffff:10.1.2.3", Some(true));
        check("fd00::/8", "fd12::1", Some(true));
        check("fd00::/8", "10.0.0.1", Some(false));
        check("0.0.0.0/0", "1.2.3.4", Some(true));
        check("10.0.0.0/33", "10.0.0.1", None);
        check("proxy.lan", "10.0.0.1", None);
    }
}
