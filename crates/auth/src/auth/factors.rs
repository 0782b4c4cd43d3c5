//! The second factor of a user: from its secret to the proof that it was shown.

use std::time::Duration;

use homeport_service::Secret;
use homeport_store::Transaction;
use jiff::{SignedDuration, Timestamp};

use super::Auth;
use crate::{
    changes::{self, Change},
    error::AuthError,
    events::{Kind, Who},
    factor::{qr, totp},
    lockout::{Limits, Lockout, Subject},
    revocation::Revoked,
    store::{self, User, UserId, factor::Factor},
};

/// How guesses at codes are slowed down, as existing clients know it: there are a million codes.
const LIMITS: Limits = Limits { window: Duration::from_secs(60), duration: Duration::from_secs(15 * 60) };
/// Wrong codes within the window.
const FAILURES_MAX: usize = 5;

/// What a user has of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FactorStatus {
    pub(crate) state: FactorState,
    pub(crate) always_on: bool,
    pub(crate) passkeys: usize,
}

/// How far a secret has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorState {
    Unregistered,
    /// Its first code has not been seen.
    Unconfirmed,
    Confirmed,
}

/// A secret for an application on a telephone.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) secret: Secret<String>,
    pub(crate) url: Secret<String>,
    pub(crate) qr_svg: Secret<String>,
}

/// A code that somebody shows.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) user: &'a UserId,
    /// Where a secret is made for somebody who has passkeys alone: the proof that one of them was shown.
    pub(crate) code: &'a Secret<String>,
    /// Empty: not known.
    pub(crate) address: &'a str,
}

/// Proof that the second factor was shown.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) token: Secret<String>,
    pub(crate) expires_at: Timestamp,
}

impl Auth {
    pub(crate) async fn factor(&self, user: &UserId) -> Result<FactorStatus, AuthError> {
        self.user(user).await?;
        let factor = store::factor::get(self.store(), user).await?;
        let passkeys = store::passkey::list(self.store(), user).await?.len();
        let state = match &factor {
            Some(Factor { secret: Some(_), .. }) => FactorState::Confirmed,
            Some(Factor { pending: Some(_), .. }) => FactorState::Unconfirmed,
            _ => FactorState::Unregistered,
        };
        let always_on = factor.is_some_and(|factor| factor.secret.is_some() && factor.always_on);
        Ok(FactorStatus { state, always_on, passkeys })
    }

    /// Makes a secret, which counts from its first right code on. Whoever has a second factor already shows it: a
    /// password or a session that somebody took must not be enough to add one.
    pub(crate) async fn register_factor(&self, shown: &Shown<'_>) -> Result<Registration, AuthError> {
        let user = self.user(shown.user).await?;
        let secret = totp::random();
        let url = totp::url(&secret, &user.name)?;
        // The passkeys are looked for in the transaction that keeps the secret: none can come in between.
        let mut transaction = self.begin_check(&user, shown.address).await?;
        let had_one = self.show_present(&mut transaction, &user, shown).await?;
        if !had_one && store::passkey::has_any(&mut transaction, &user.id).await? {
            self.proven(&user.id, shown.code, shown.address)?;
        }
        store::factor::put_pending(&mut transaction, &user.id, &secret, self.now()).await?;
        transaction.commit().await?;
        tracing::info!(user.name = user.name, replaces = had_one, "secret of a second factor made");
        let qr_svg = Secret::new(qr::svg(&url)?);
        Ok(Registration { secret: Secret::new(totp::base32(&secret)), url: Secret::new(url), qr_svg })
    }

    /// Takes the factor away.
    pub(crate) async fn delete_factor(&self, shown: &Shown<'_>) -> Result<(), AuthError> {
        let user = self.user(shown.user).await?;
        let mut transaction = self.begin_check(&user, shown.address).await?;
        self.show_present(&mut transaction, &user, shown).await?;
        if !store::factor::delete(&mut transaction, &user.id).await? {
            return Err(AuthError::NoFactor);
        }
        changes::factor(&mut transaction, Change::Delete, &user.name, shown.address).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::user(&user.id));
        tracing::info!(user.name = user.name, "second factor taken away");
        Ok(())
    }

    /// Takes everything away that could be a second factor, from somebody who lost it.
    pub(crate) async fn reset_factor(&self, user: &UserId) -> Result<(), AuthError> {
        let user = self.user(user).await?;
        let mut transaction = self.store().begin().await?;
        if store::factor::delete(&mut transaction, &user.id).await? {
            changes::factor(&mut transaction, Change::Delete, &user.name, "").await?;
        }
        for passkey in store::passkey::delete_all(&mut transaction, &user.id).await? {
            changes::passkey_deleted(&mut transaction, &user.name, &passkey, "").await?;
        }
        // What was lost may be signed in.
        self.end_logins(&mut transaction, &user.id, None, "").await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::user(&user.id));
        tracing::warn!(user.name = user.name, "second factors taken away by an administrator");
        Ok(())
    }

    /// Exchanges a code for a proof.
    pub(crate) async fn validate_factor(&self, shown: &Shown<'_>, always_on: Option<bool>) -> Result<Proof, AuthError> {
        let user = self.user(shown.user).await?;
        let mut transaction = self.begin_check(&user, shown.address).await?;
        let Some(factor) = store::factor::get_within(&mut transaction, &user.id).await? else {
            return Err(AuthError::NoFactor);
        };
        let Some((step, confirm)) = right_step(&factor, shown.code.expose(), self.now()) else {
            return Err(self.note_code_guess(&user, shown.address));
        };
        store::factor::used(&mut transaction, &user.id, step, confirm).await?;
        if let Some(on) = always_on {
            store::factor::set_always_on(&mut transaction, &user.id, on).await?;
        }
        if confirm {
            changes::factor(&mut transaction, Change::Create, &user.name, shown.address).await?;
        } else if always_on.is_some() {
            changes::factor(&mut transaction, Change::Update, &user.name, shown.address).await?;
        }
        transaction.commit().await?;
        if confirm || always_on.is_some() {
            // What could be done without it may need it from now on.
            self.revocations.tell(Revoked::user(&user.id));
        }
        self.forgive_code_guesser(&user);
        self.prove(&user)
    }

    /// Until when a token proves the second factor of a user.
    pub(crate) fn proven(&self, user: &UserId, token: &Secret<String>, address: &str) -> Result<Timestamp, AuthError> {
        if let Some(until) = self.proofs.expiry(token, user.as_str(), self.now()) {
            return Ok(until);
        }
        // None at all is no guess.
        if token.expose().is_empty() {
            return Err(AuthError::NoProof);
        }
        Err(self.guessed(Subject::Proofs, address, token.expose(), AuthError::NoProof))
    }

    /// A proof for somebody who has shown a second factor.
    pub(super) fn prove(&self, user: &User) -> Result<Proof, AuthError> {
        let lifetime = SignedDuration::from_secs(self.parts.config.factor.proof_lifetime_s.into());
        let expires_at = self.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let token = self.proofs.sign(user.id.as_str(), &user.name, expires_at)?;
        tracing::info!(user.name = user.name, "second factor shown");
        Ok(Proof { token, expires_at })
    }

    /// Begins what looks at a code. There is one writer, and a wrong code is counted before it is let go, so that of many
    /// guesses at once each is refused that comes after one too many.
    async fn begin_check(&self, user: &User, address: &str) -> Result<Transaction, AuthError> {
        // Whoever is locked out already does not queue for the writer.
        self.refuse_code_guessers(user, address)?;
        let transaction = self.store().begin().await?;
        self.refuse_code_guessers(user, address)?;
        Ok(transaction)
    }

    /// Where there is a secret that counts, its code has to be right. Tells whether there is one. The transaction is one of
    /// [`Self::begin_check`].
    async fn show_present(
        &self,
        transaction: &mut Transaction,
        user: &User,
        shown: &Shown<'_>,
    ) -> Result<bool, AuthError> {
        let factor = store::factor::get_within(transaction, &user.id).await?;
        let Some(factor) = factor.filter(|factor| factor.secret.is_some()) else { return Ok(false) };
        let present = Factor { pending: None, ..factor };
        let Some((step, _)) = right_step(&present, shown.code.expose(), self.now()) else {
            return Err(self.note_code_guess(user, shown.address));
        };
        store::factor::used(transaction, &user.id, step, false).await?;
        self.forgive_code_guesser(user);
        Ok(true)
    }

    fn refuse_code_guessers(&self, user: &User, address: &str) -> Result<(), AuthError> {
        let now = self.now();
        let locked = code_subjects(user, address).find_map(|subject| self.code_lockout.locked(&subject, now));
        if let Some(after) = locked {
            self.parts.events.failure(Who { kind: Kind::User, name: &user.name, address }, "locked out", now);
            return Err(AuthError::LockedOut { after });
        }
        Ok(())
    }

    /// Counts a wrong code. Call it while the transaction of [`Self::begin_check`] is open.
    fn note_code_guess(&self, user: &User, address: &str) -> AuthError {
        let now = self.now();
        for subject in code_subjects(user, address) {
            // Each failure counts: a code that was wrong may be right a minute later.
            self.code_lockout.failed(subject, rand::random::<u64>(), FAILURES_MAX, now);
        }
        self.parts.events.failure(Who { kind: Kind::User, name: &user.name, address }, "wrong code", now);
        AuthError::WrongCode
    }

    fn forgive_code_guesser(&self, user: &User) {
        self.code_lockout.forgive(&Subject::Name(user.id.to_string()));
    }
}

pub(super) fn lockout() -> Lockout {
    Lockout::new(LIMITS)
}

fn code_subjects(user: &User, address: &str) -> impl Iterator<Item = Subject> {
    let by_address = Subject::address(address).map(Subject::Address);
    std::iter::once(Subject::Name(user.id.to_string())).chain(by_address)
}

/// The step of a right code that was not used yet, and whether it is the first of a secret that waited for it.
fn right_step(factor: &Factor, code: &str, now: Timestamp) -> Option<(u64, bool)> {
    let of =
        |secret: &Option<Secret<Vec<u8>>>| secret.as_ref().and_then(|secret| totp::step(secret.expose(), code, now));
    // Both are looked at, always: the time says nothing about which of them there is.
    let (present, pending) = (of(&factor.secret), of(&factor.pending));
    let present = present.filter(|step| *step > factor.last_step);
    present.map(|step| (step, false)).or_else(|| pending.map(|step| (step, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(59, 0);

    fn secret(of: bool) -> Option<Secret<Vec<u8>>> {
        of.then(|| Secret::new(b"12345678901234567890".to_vec()))
    }

    fn check(present: bool, pending: bool, last_step: u64, code: &str, expected: Option<(u64, bool)>) {
        let factor = Factor { secret: secret(present), pending: secret(pending), always_on: false, last_step };
        assert_eq!(right_step(&factor, code, NOW), expected);
    }

    #[test]
    fn a_code_is_good_once() {
        check(true, false, 0, "287082", Some((1, false)));
        check(true, false, 1, "287082", None);
        check(true, false, 0, "287083", None);
    }

    #[test]
    fn the_first_code_of_a_new_secret_confirms_it() {
        check(false, true, 0, "287082", Some((1, true)));
        check(false, true, 9, "287082", Some((1, true)));
        check(false, false, 0, "287082", None);
    }
}
