//! Addresses of clients.

use std::net::{IpAddr, Ipv6Addr};

/// An address as far as it identifies somebody. One of IPv4 that is written as one of IPv6 is itself, and of the others the
/// first 64 bits count: a household may change all that follow as it likes.
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_is_one() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8::1:2:3:4", "2001:db8::"),
            ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ] {
            assert_eq!(household(address.parse().unwrap()).to_string(), expected);
        }
    }
}
