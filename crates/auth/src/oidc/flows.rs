//! Sign-ins that wait for the browser to come back. In memory only: whoever waited while the service restarted begins anew.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use homeport_service::Secret;
use jiff::{SignedDuration, Timestamp};
use openidconnect::{Nonce, PkceCodeVerifier};
use subtle::ConstantTimeEq as _;

/// How long signing in elsewhere may take.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Sign-ins that can be under way. Anybody can begin one, and each takes about 500 bytes.
const FLOWS_MAX: usize = 1000;
/// Of those, one address's: more than a household begins in ten minutes, and it takes 32 addresses to fill all.
const PER_ADDRESS_MAX: usize = 32;

/// What the answer has to fit.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

#[derive(Debug)]
struct Waiting {
    flow: Flow,
    /// What only the browser has that began: a link that somebody sent signs nobody in.
    binding: Secret<String>,
    /// Who began it. None: not known; all of those count as one.
    address: Option<IpAddr>,
    ends_at: Timestamp,
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Flows(Mutex<HashMap<String, Waiting>>);

impl Flows {
    /// Remembers a sign-in under its state. An address that has too many loses its oldest. None: too many wait in all.
    pub(super) fn insert(
        &self,
        state: String,
        flow: Flow,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<(Secret<String>, Timestamp)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| waiting.ends_at > now);
        make_room(&mut all, address);
        if all.len() >= FLOWS_MAX {
            return None;
        }
        let binding = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let ends_at = now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        all.insert(state, Waiting { flow, binding: binding.clone(), address, ends_at });
        Some((binding, ends_at))
    }

    /// Takes a sign-in out. It can come back once.
    pub(super) fn take(&self, state: &str, binding: &Secret<String>, now: Timestamp) -> Option<Flow> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(state)?;
        let is_bound: bool = waiting.binding.expose().as_bytes().ct_eq(binding.expose().as_bytes()).into();
        (is_bound && waiting.ends_at > now).then_some(waiting.flow)
    }
}

/// Makes room for one more of an address. The oldest goes: whoever begins again has given it up, and a refusal would keep
/// out for ten minutes all who share the address with an attacker.
fn make_room(all: &mut HashMap<String, Waiting>, address: Option<IpAddr>) {
    let mine = || all.iter().filter(|(_, waiting)| waiting.address == address);
    if mine().count() < PER_ADDRESS_MAX {
        return;
    }
    let oldest = mine().min_by_key(|(_, waiting)| waiting.ends_at).map(|(state, _)| state.clone());
    if let Some(state) = oldest {
        all.remove(&state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn address(number: usize) -> IpAddr {
        IpAddr::V4(u32::try_from(number).unwrap().into())
    }

    fn flow() -> Flow {
        Flow { nonce: Nonce::new("n".to_owned()), verifier: PkceCodeVerifier::new("v".repeat(43)) }
    }

    #[test]
    fn one_comes_back_once_in_time_and_in_its_browser() {
        let flows = Flows::default();
        let begin = |state: &str| flows.insert(state.to_owned(), flow(), None, NOW).unwrap().0;
        let binding = begin("a");
        assert!(flows.take("b", &binding, NOW).is_none());
        assert!(flows.take("a", &binding, NOW).is_some());
        assert!(flows.take("a", &binding, NOW).is_none());
        begin("a");
        assert!(flows.take("a", &binding, NOW).is_none(), "another browser's");
        let binding = begin("a");
        assert!(flows.take("a", &binding, NOW + LIFETIME).is_none());
    }

    #[test]
    fn there_are_only_so_many() {
        let flows = Flows::default();
        for number in 0..FLOWS_MAX {
            let owner = Some(address(number / PER_ADDRESS_MAX));
            assert!(flows.insert(number.to_string(), flow(), owner, NOW).is_some());
        }
        assert!(flows.insert("more".to_owned(), flow(), None, NOW).is_none());
        assert!(flows.insert("more".to_owned(), flow(), None, NOW + LIFETIME).is_some());
    }

    #[test]
    fn one_address_takes_its_own_room_alone() {
        let flows = Flows::default();
        let (other, _) = flows.insert("other".to_owned(), flow(), Some(address(1)), NOW).unwrap();
        let begin = |number: usize| {
            let now = NOW + SignedDuration::from_millis(number.try_into().unwrap());
            flows.insert(number.to_string(), flow(), Some(address(2)), now).unwrap().0
        };
        let bindings: Vec<_> = (0..2 * FLOWS_MAX).map(begin).collect();
        assert_eq!(flows.0.lock().unwrap().len(), PER_ADDRESS_MAX + 1);
        assert!(flows.take("other", &other, NOW).is_some());
        let newest = bindings.len() - 1;
        assert!(flows.take(&newest.to_string(), &bindings[newest], NOW).is_some());
        let gone = newest - PER_ADDRESS_MAX;
        assert!(flows.take(&gone.to_string(), &bindings[gone], NOW).is_none());
    }
}
