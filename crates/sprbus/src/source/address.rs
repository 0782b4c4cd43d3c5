//! `host[:port]`.

use std::fmt;

const DEFAULT_PORT: u16 = 80;

/// Where an API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Name or IP address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `nas`, `nas:8080`, `192.0.2.7`, `[2001:db8::7]:8080`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(good) {
            return None;
        }
        let port = port.map_or(Some(DEFAULT_PORT), |port| port.parse().ok().filter(|port| *port > 0))?;
        Some(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            (host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn the_port_can_be_left_out() {
        let cases = [
            ("nas", Some("nas:80")),
            ("nas:8080", Some("nas:8080")),
            ("192.0.2.7:1", Some("192.0.2.7:1")),
            ("[::1]:8080", Some("[::1]:8080")),
            ("::1", Some("[::1]:80")),
            ("", None),
            (":80", None),
            ("nas:x", None),
            ("nas:0", None),
            ("nas:70000", None),
            ("http://nas", None),
            ("nas/x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Address::parse(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
