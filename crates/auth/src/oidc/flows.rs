//! Sign-ins that wait for the browser to come back. In memory only: whoever waited while the service restarted begins anew.

use std::{
    collections::HashMap,
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
    ends_at: Timestamp,
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Flows(Mutex<HashMap<String, Waiting>>);

impl Flows {
    /// Remembers a sign-in under its state. None: too many wait.
    pub(super) fn insert(&self, state: String, flow: Flow, now: Timestamp) -> Option<(Secret<String>, Timestamp)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, waiting| waiting.ends_at > now);
        if all.len() >= FLOWS_MAX {
            return None;
        }
        let binding = Secret::new(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let ends_at = now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        all.insert(state, Waiting { flow, binding: binding.clone(), ends_at });
        Some((binding, ends_at))
    }

    /// Takes a sign-in out. It can come back once.
    pub(super) fn take(&self, state: &str, binding: &Secret<String>, now: Timestamp) -> Option<Flow> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(state)?;
        let is_bound: bool = waiting.binding.expose().as_bytes().ct_eq(binding.expose().as_bytes()).into();
        (is_bound && waiting.ends_at > now).then_some(waiting.flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn flow() -> Flow {
        Flow { nonce: Nonce::new("n".to_owned()), verifier: PkceCodeVerifier::new("v".repeat(43)) }
    }

    #[test]
    fn one_comes_back_once_in_time_and_in_its_browser() {
        let flows = Flows::default();
        let begin = |state: &str| flows.insert(state.to_owned(), flow(), NOW).unwrap().0;
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
            assert!(flows.insert(number.to_string(), flow(), NOW).is_some());
        }
        assert!(flows.insert("more".to_owned(), flow(), NOW).is_none());
        assert!(flows.insert("more".to_owned(), flow(), NOW + LIFETIME).is_some());
    }
}
