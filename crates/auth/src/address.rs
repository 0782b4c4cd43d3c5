//! Addresses of clients, as the gateway tells them: with a port where it knows one.

use std::net::SocketAddr;

/// The address without its port, which is another one with every connection.
pub(crate) fn host(address: &str) -> &str {
    if address.parse::<SocketAddr>().is_err() {
        return address;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_taken_off_and_nothing_else() {
        for (address, expected) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("", ""),
            ("a:1", "a:1"),
        ] {
            assert_eq!(host(address), expected);
        }
    }
}
