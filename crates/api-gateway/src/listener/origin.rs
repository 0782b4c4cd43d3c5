//! Who really asks, and whether the way here was encrypted: told by the connection, or by a proxy that is believed.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

use crate::config::{HttpConfig, Network, ProxyHeader};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Proxies on the way that are looked at; who sends more lies.
const HOPS_MAX: usize = 32;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client. Its port is 0 when only a proxy knows it.
    pub(crate) address: SocketAddr,
    /// Whether the client used HTTPS.
    pub(crate) https: bool,
}

/// Which proxies are believed.
#[derive(Debug, Clone)]
pub(crate) struct Proxies {
    trusted: Vec<Network>,
    header: ProxyHeader,
}

/// One hop, as the proxy behind it saw it.
#[derive(Debug, Default)]
struct Hop {
    /// None: hidden or unreadable.
    address: Option<SocketAddr>,
    https: Option<bool>,
}

impl Proxies {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self { trusted: config.trusted_proxies.clone(), header: config.proxy_header }
    }

    /// Whether none is.
    pub(crate) const fn is_empty(&self) -> bool {
        self.trusted.is_empty()
    }

    /// Walks from the connection towards the client, as far as each step is told by a proxy that is believed.
    pub(crate) fn origin(&self, peer: SocketAddr, https: bool, headers: &HeaderMap) -> Origin {
        let mut origin = Origin { address: peer, https };
        if self.trusted.is_empty() || !self.believes(peer.ip()) {
            return origin;
        }
        let hops = match self.header {
            ProxyHeader::XForwardedFor => forwarded_for(headers),
            ProxyHeader::Forwarded => forwarded(headers),
        };
        for hop in hops.into_iter().rev().take(HOPS_MAX) {
            // What is beyond somebody who does not say who he is cannot be known.
            let Some(address) = hop.address else { break };
            origin = Origin { address: plain(address), https: hop.https.unwrap_or(origin.https) };
            if !self.believes(address.ip()) {
                break;
            }
        }
        origin
    }

    /// Whether an address is that of one.
    pub(super) fn believes(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

/// An IPv4 client of a socket that speaks both is an IPv4 client.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The scheme has a list of its own. Most proxies replace it, some add to it as they do to the addresses; either way its
/// last word is from the proxy at this end.
fn forwarded_for(headers: &HeaderMap) -> Vec<Hop> {
    let mut hops: Vec<Hop> =
        words(headers, &FORWARDED_FOR).map(|word| Hop { address: node(word), https: None }).collect();
    let scheme = words(headers, &FORWARDED_PROTO).last().map(|scheme| scheme.eq_ignore_ascii_case("https"));
    if let Some(last) = hops.last_mut() {
        last.https = scheme;
    }
    hops
}

/// `for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"`.
fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    words(headers, &header::FORWARDED)
        .map(|element| {
            let mut hop = Hop::default();
            for (name, value) in element.split(';').filter_map(|pair| pair.trim().split_once('=')) {
                let value = value.trim_matches('"');
                match name.to_ascii_lowercase().as_str() {
                    "for" => hop.address = node(value),
                    "proto" => hop.https = Some(value.eq_ignore_ascii_case("https")),
                    _ => {}
                }
            }
            hop
        })
        .collect()
}

/// Several lines of one header are one list.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim)
}

/// An address with or without a port, as proxies write them.
fn node(text: &str) -> Option<SocketAddr> {
    let address = text.parse().or_else(|_| {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0))
    });
    address.ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(header: ProxyHeader, peer: &str, lines: &[(&'static str, &'static str)], expected: &str) {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| Network::try_from(network.to_owned()).unwrap());
        let proxies = Proxies { trusted: trusted.to_vec(), header };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let origin = proxies.origin(peer.parse().unwrap(), false, &headers);
        let scheme = if origin.https { "https" } else { "http" };
        assert_eq!(format!("{scheme} {}", origin.address), expected, "{peer} {lines:?}");
    }

    fn check_for(peer: &str, value: &'static str, expected: &str) {
        check(ProxyHeader::XForwardedFor, peer, &[("x-forwarded-for", value)], expected);
    }

    fn check_rfc(value: &'static str, expected: &str) {
        check(ProxyHeader::Forwarded, "10.0.0.1:5", &[("forwarded", value)], expected);
    }

    #[test]
    fn strangers_are_not_believed() {
        check_for("192.0.2.1:5", "198.51.100.7", "http 192.0.2.1:5");
        check(ProxyHeader::Forwarded, "192.0.2.1:5", &[("forwarded", "for=198.51.100.7")], "http 192.0.2.1:5");
        check(ProxyHeader::Forwarded, "10.0.0.1:5", &[("x-forwarded-for", "198.51.100.7")], "http 10.0.0.1:5");
        check(ProxyHeader::XForwardedFor, "10.0.0.1:5", &[("forwarded", "for=198.51.100.7")], "http 10.0.0.1:5");
    }

    #[test]
    fn the_last_untrusted_address_is_the_client() {
        check_for("10.0.0.1:5", "198.51.100.7", "http 198.51.100.7:0");
        check_for("10.0.0.1:5", "1.2.3.4, 198.51.100.7", "http 198.51.100.7:0");
        check_for("10.0.0.1:5", "1.2.3.4, 198.51.100.7, 10.0.0.9", "http 198.51.100.7:0");
        check_for("10.0.0.1:5", "10.0.0.9", "http 10.0.0.9:0");
        check_for("10.0.0.1:5", "1.2.3.4, nonsense", "http 10.0.0.1:5");
        check_for("10.0.0.1:5", "[2001:db8::1]:7", "http [2001:db8::1]:7");
        check_for("[::ffff:10.0.0.1]:5", "::ffff:198.51.100.7", "http 198.51.100.7:0");
        let lines = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "198.51.100.7")];
        check(ProxyHeader::XForwardedFor, "10.0.0.1:5", &lines, "http 198.51.100.7:0");
    }

    #[test]
    fn the_scheme_is_the_near_proxys_word() {
        let lines = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https")];
        check(ProxyHeader::XForwardedFor, "10.0.0.1:5", &lines, "https 198.51.100.7:0");
        check(ProxyHeader::XForwardedFor, "192.0.2.1:5", &lines, "http 192.0.2.1:5");
        let added = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https, http")];
        check(ProxyHeader::XForwardedFor, "10.0.0.1:5", &added, "http 198.51.100.7:0");
    }

    #[test]
    fn the_standard_header_is_read_too() {
        check_rfc("for=198.51.100.7;proto=https", "https 198.51.100.7:0");
        check_rfc("For=\"[2001:db8:cafe::17]:4711\"", "http [2001:db8:cafe::17]:4711");
        check_rfc("for=198.51.100.7;proto=https, for=10.0.0.9;proto=http", "https 198.51.100.7:0");
        check_rfc("for=unknown", "http 10.0.0.1:5");
        check_rfc("for=1.2.3.4, for=_hidden", "http 10.0.0.1:5");
    }
}
