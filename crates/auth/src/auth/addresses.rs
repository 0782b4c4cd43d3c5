//! Where people sign in from: there, a name that strangers have locked is still let in.
//!
//! Whoever guesses at a name from enough addresses locks it, and must not keep its owner out with that. What tells the two
//! apart is where they are. It must not tell a guesser anything: while a name is locked, everybody at an address is answered
//! the same for every name, be it somebody's or nobody's, and as slowly.

use std::time::Duration;

use homeport_service::telemetry::chain;
use jiff::SignedDuration;

use super::Auth;
use crate::{
    error::AuthError,
    lockout::{Subject, is_loopback},
    store::{self, User, sign_in_address::Known},
};

/// How often it is written that somebody still signs in from an address.
const NOTED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// The lock of a name, as somebody at an address meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameLock {
    left: Option<Duration>,
    place: Place,
}

/// What kind of address it is, as far as a locked name is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The machine itself.
    Here,
    /// The owner of the name has signed in from there.
    Owners,
    /// Somebody else has: to be answered as the owner is.
    Others,
    Strange,
}

impl NameLock {
    /// Whether the name is locked, wherever one is.
    pub(super) const fn is_set(self) -> bool {
        self.left.is_some()
    }

    /// Whether the right password is let in.
    pub(super) const fn is_open(self) -> bool {
        self.left.is_none() || matches!(self.place, Place::Here | Place::Owners)
    }

    /// How long one has to wait before a password is even looked at.
    pub(super) fn at_once(self) -> Option<Duration> {
        self.left.filter(|_| self.place == Place::Strange)
    }

    /// How long one has to wait, as somebody is told whose password was not good.
    pub(super) fn afterwards(self) -> Option<Duration> {
        self.left.filter(|_| self.place != Place::Here)
    }
}

impl Auth {
    /// The lock of a name, for somebody at an address.
    pub(super) async fn name_lock(&self, subject: &Subject, name: &str, address: &str) -> Result<NameLock, AuthError> {
        let left = self.lockout.locked(subject, self.now());
        let known = match Subject::address(address).filter(|_| left.is_some()) {
            Some(ip) => store::sign_in_address::get(self.store(), ip, name, self.now()).await?,
            None => Known::default(),
        };
        let place = match known {
            _ if is_loopback(address) => Place::Here,
            Known { by_user: Some(_), .. } => Place::Owners,
            Known { by_anybody: true, .. } => Place::Others,
            Known { by_anybody: false, .. } => Place::Strange,
        };
        Ok(NameLock { left, place })
    }

    /// Remembers where somebody who has proved who it is came from. Signing in does not fail over it.
    pub(super) async fn remember_address(&self, user: &User, address: &str) {
        if let Err(error) = self.try_remember(user, address).await {
            tracing::warn!(error = chain(&error), user.name = user.name, "cannot note where somebody signed in from");
        }
    }

    async fn try_remember(&self, user: &User, address: &str) -> Result<(), AuthError> {
        let Some(ip) = Subject::address(address).filter(|_| !is_loopback(address)) else { return Ok(()) };
        let now = self.now();
        let known = store::sign_in_address::get(self.store(), ip, &user.name, now).await?;
        if known.by_user.is_some_and(|at| at.duration_until(now) < NOTED_EVERY) {
            return Ok(());
        }
        let mut transaction = self.store().begin().await?;
        store::sign_in_address::note(&mut transaction, &user.id, ip, now).await?;
        Ok(transaction.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(left: Option<u64>, place: Place, expected: (bool, Option<u64>, Option<u64>)) {
        let left = left.map(Duration::from_secs);
        let lock = NameLock { left, place };
        let seconds = |after: Option<Duration>| after.map(|after| after.as_secs());
        assert_eq!((lock.is_open(), seconds(lock.at_once()), seconds(lock.afterwards())), expected, "{lock:?}");
    }

    #[test]
    fn a_locked_name_is_open_where_its_owner_is() {
        check(Some(9), Place::Here, (true, None, None));
        check(Some(9), Place::Owners, (true, None, Some(9)));
        check(Some(9), Place::Others, (false, None, Some(9)));
        check(Some(9), Place::Strange, (false, Some(9), Some(9)));
        for place in [Place::Here, Place::Owners, Place::Others, Place::Strange] {
            check(None, place, (true, None, None));
        }
    }
}
