//! Ceremonies of passkeys that have begun: what was asked, until it is answered. In memory only: whoever waited while the
//! service restarted begins anew.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyAuthentication, PasskeyRegistration};

use crate::{address::host, store::UserId};

/// How long a browser may take.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_mins(3);
/// Ceremonies of one address at the same time.
const PER_ADDRESS_MAX: usize = 4;
/// Ceremonies at the same time.
const TOTAL_MAX: usize = 32;

/// What was asked.
#[derive(Debug)]
pub(crate) enum Asked {
    Registration { user: UserId, handle: Uuid, state: PasskeyRegistration },
    Validation { user: UserId, state: PasskeyAuthentication },
    Login { state: DiscoverableAuthentication },
}

/// A ceremony that has begun.
#[derive(Debug)]
pub(crate) struct Ceremony {
    pub(crate) asked: Asked,
    /// Of the page that asked.
    pub(crate) origin: Url,
    address: String,
    ends_at: Timestamp,
}

/// All that have begun.
#[derive(Debug, Default)]
pub(crate) struct Ceremonies(Mutex<HashMap<String, Ceremony>>);

impl Ceremonies {
    /// Remembers what was asked, and returns its name. Err: there are too many, until so long from now.
    pub(crate) fn begin(&self, asked: Asked, origin: Url, address: &str, now: Timestamp) -> Result<String, Duration> {
        let mut all = self.lock();
        all.retain(|_, ceremony| ceremony.ends_at > now);
        let mine = || all.values().filter(|ceremony| ceremony.address == host(address));
        let full = if mine().count() >= PER_ADDRESS_MAX {
            mine().map(|ceremony| ceremony.ends_at).min()
        } else if all.len() >= TOTAL_MAX {
            all.values().map(|ceremony| ceremony.ends_at).min()
        } else {
            None
        };
        if let Some(until) = full {
            return Err(Duration::try_from(now.duration_until(until)).unwrap_or_default());
        }
        let name = Uuid::new_v4().to_string();
        let ends_at = now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        all.insert(name.clone(), Ceremony { asked, origin, address: host(address).to_owned(), ends_at });
        Ok(name)
    }

    /// Takes a ceremony out. It can be answered once, rightly or wrongly, and from where it was begun.
    pub(crate) fn take(&self, name: &str, address: &str, now: Timestamp) -> Option<Ceremony> {
        let ceremony = self.lock().remove(name)?;
        (ceremony.ends_at > now && ceremony.address == host(address)).then_some(ceremony)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Ceremony>> {
        // A panic elsewhere cannot leave the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use webauthn_rs::WebauthnBuilder;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn begin(ceremonies: &Ceremonies, address: &str, now: Timestamp) -> Result<String, Duration> {
        let origin = Url::parse("https://nas.example").unwrap();
        let site = WebauthnBuilder::new("nas.example", &origin).unwrap().build().unwrap();
        let (_, state) = site.start_discoverable_authentication().unwrap();
        ceremonies.begin(Asked::Login { state }, origin, address, now)
    }

    fn after(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn one_can_be_answered_once_from_the_same_place() {
        let ceremonies = Ceremonies::default();
        let name = begin(&ceremonies, "a", NOW).unwrap();
        assert!(ceremonies.take(&name, "a", after(179)).is_some());
        assert!(ceremonies.take(&name, "a", after(179)).is_none());
        let name = begin(&ceremonies, "a", NOW).unwrap();
        assert!(ceremonies.take(&name, "b", NOW).is_none());
        let name = begin(&ceremonies, "a", NOW).unwrap();
        assert!(ceremonies.take(&name, "a", after(180)).is_none());
    }

    #[test]
    fn there_are_only_so_many() {
        let ceremonies = Ceremonies::default();
        for second in 0..4 {
            begin(&ceremonies, "a", after(second)).unwrap();
        }
        assert_eq!(begin(&ceremonies, "a", after(10)), Err(Duration::from_secs(170)));
        for number in 0..28 {
            begin(&ceremonies, &format!("b{}", number / 4), NOW).unwrap();
        }
        assert!(begin(&ceremonies, "c", NOW).is_err());
        assert!(begin(&ceremonies, "a", after(180)).is_ok(), "those that ended make room");
    }
}
