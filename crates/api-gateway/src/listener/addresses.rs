//! How many connections one client may hold, so that nobody takes the places of all others.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use homeport_service::address::household;

use super::origin::Proxies;
use crate::config::HttpConfig;

/// Connections by address.
#[derive(Debug)]
pub(super) struct Addresses {
    most: usize,
    proxies: Proxies,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that counts for its address until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    addresses: Arc<Addresses>,
    /// None: it counts for nobody.
    address: Option<IpAddr>,
}

impl Addresses {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let most = config.max_connections_per_address.unwrap_or(config.max_connections / 2).max(1);
        Self { most, proxies: Proxies::new(config), held: Mutex::default() }
    }

    /// A place for one more connection of an address. None: it has as many as it may.
    pub(super) fn seat(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = self.counted(address);
        if let Some(address) = address {
            let mut held = self.held();
            let count = held.entry(address).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Seat { addresses: Arc::clone(self), address })
    }

    /// For whom an address counts. Nobody: this machine, and proxies, behind whom there are many.
    fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        (!address.is_loopback() && !self.proxies.believes(address)).then(|| household(address))
    }

    /// No code that holds this lock can panic half way.
    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut count) = self.addresses.held().entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Network;

    fn addresses(most: Option<usize>) -> Arc<Addresses> {
        let trusted_proxies = vec![Network::try_from("10.0.0.0/8".to_owned()).unwrap()];
        let config = HttpConfig {
            max_connections: 4,
            max_connections_per_address: most,
            trusted_proxies,
            ..HttpConfig::default()
        };
        Arc::new(Addresses::new(&config))
    }

    /// How many of five connections find a place.
    fn check(address: &str, expected: usize) {
        let addresses = addresses(None);
        let seats: Vec<_> = (0..5).filter_map(|_| addresses.seat(address.parse().unwrap())).collect();
        assert_eq!(seats.len(), expected, "{address}");
    }

    #[test]
    fn a_client_gets_half_of_all_places() {
        check("192.0.2.1", 2);
        check("::ffff:192.0.2.1", 2);
        check("2001:db8::1", 2);
        for unlimited in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3"] {
            check(unlimited, 5);
        }
    }

    #[test]
    fn an_address_is_a_household_of_its_own() {
        let addresses = addresses(Some(1));
        let seat = |address: &str| addresses.seat(address.parse().unwrap());
        let _held = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"].map(|one| seat(one).unwrap());
        for taken in ["::ffff:192.0.2.1", "2001:db8::2", "2001:db8::ffff:ffff:ffff:ffff"] {
            assert!(seat(taken).is_none(), "{taken}");
        }
    }

    #[test]
    fn who_leaves_makes_room_and_is_forgotten() {
        let addresses = addresses(None);
        let seat = || addresses.seat([192, 0, 2, 1].into());
        let (one, other) = (seat().unwrap(), seat().unwrap());
        assert!(seat().is_none());
        drop(one);
        drop(seat().expect("a place is free again"));
        drop(other);
        assert!(addresses.held().is_empty());
    }
}
