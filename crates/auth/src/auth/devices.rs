//! Letting in another device of the same person: with words that are typed there within minutes, or with those from the
//! drawer.

use std::time::Duration;

use homeport_service::Secret;
use jiff::{SignedDuration, Timestamp};

use super::Auth;
use crate::{
    changes::{self, Change},
    credential::{
        token::{SecretHash, prefix, suffix},
        words::{self, WordsHash},
    },
    error::AuthError,
    events::{Kind, Way, Who},
    grant::Grant,
    lockout::{Limits, Lockout, Subject},
    role::Role,
    store::{
        self, Token, TokenId, UserId,
        word_key::{WordKey, WordKind},
    },
    token_kind::TokenKind,
};

/// How long the words for another device are good.
const DEVICE_KEY_LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Longest name of a device.
const NAME_MAX: usize = 60;
/// What a device is called that does not say.
const UNNAMED: &str = "Unknown device";
/// Digits that are appended to a name while it is taken.
const DIGITS_MAX: usize = 4;

/// How guesses at words are slowed down. There are 2^128 phrases, so this is about noise and load more than about luck.
pub(super) const LIMITS: Limits = Limits { window: Duration::from_secs(60), duration: Duration::from_secs(60) };
/// Failures of one address within the window.
const FAILURES_PER_ADDRESS: usize = 5;
/// Failures from everywhere within the window, from which on nobody may fail a second time. An address that has not failed
/// is let in all the same: strangers must not keep the owner out by failing.
const FAILURES_TOTAL: usize = 100;

/// A device that wants to be let in.
#[derive(Debug)]
pub(crate) struct NewDevice<'a> {
    pub(crate) words: &'a Secret<String>,
    /// What it calls itself.
    pub(crate) name: &'a str,
    /// Empty: not known.
    pub(crate) address: &'a str,
}

impl Auth {
    /// Words for one device, in place of those before.
    pub(crate) async fn issue_device_key(
        &self,
        user: Option<UserId>,
    ) -> Result<(Secret<String>, Timestamp), AuthError> {
        let now = self.now();
        let expires_at = now.saturating_add(DEVICE_KEY_LIFETIME).unwrap_or(Timestamp::MAX);
        let (words, hash) = words::random::<16>().ok_or(AuthError::Words)?;
        self.keep_key(WordKind::Device, user, &hash, Some(expires_at), Some(1)).await?;
        tracing::info!("words for another device issued");
        Ok((words, expires_at))
    }

    /// Forgets the words for another device.
    pub(crate) async fn cancel_device_key(&self) -> Result<(), AuthError> {
        let mut transaction = self.store().begin().await?;
        store::word_key::delete(&mut transaction, WordKind::Device).await?;
        Ok(transaction.commit().await?)
    }

    /// The words from the drawer, as far as they are known: what became of them.
    pub(crate) async fn recovery_key(&self) -> Result<Option<(WordKey, bool)>, AuthError> {
        let mut transaction = self.store().begin().await?;
        let key = store::word_key::get(&mut transaction, WordKind::Recovery).await?;
        let now = self.now();
        Ok(key.map(|key| {
            let valid = key.is_valid(now);
            (key, valid)
        }))
    }

    /// Words for the drawer, in place of those before.
    pub(crate) async fn issue_recovery_key(
        &self,
        user: Option<UserId>,
        expires_at: Option<Timestamp>,
        uses: Option<u32>,
    ) -> Result<Secret<String>, AuthError> {
        if expires_at.is_some_and(|at| at <= self.now()) {
            return Err(AuthError::KeyExpiry);
        }
        if uses == Some(0) {
            return Err(AuthError::KeyUses);
        }
        let (words, hash) = words::random::<24>().ok_or(AuthError::Words)?;
        self.keep_key(WordKind::Recovery, user, &hash, expires_at, uses).await?;
        tracing::info!("recovery words issued");
        Ok(words)
    }

    async fn keep_key(
        &self,
        kind: WordKind,
        user: Option<UserId>,
        hash: &WordsHash,
        expires_at: Option<Timestamp>,
        uses_left: Option<u32>,
    ) -> Result<(), AuthError> {
        if let Some(user) = &user {
            self.user(user).await?;
        }
        let key = WordKey { user, hash: Vec::new(), created_at: self.now(), expires_at, uses_left };
        let mut transaction = self.store().begin().await?;
        store::word_key::put(&mut transaction, kind, &key, hash).await?;
        Ok(transaction.commit().await?)
    }

    /// Exchanges words for a device's token. The words for another device are gone with it, those from the drawer have one
    /// use less; both in the transaction that makes the token, so that words are worth one token however a crash falls.
    pub(crate) async fn let_in(
        &self,
        kind: WordKind,
        device: &NewDevice<'_>,
    ) -> Result<(Token, Secret<String>), AuthError> {
        let (now, who) = (self.now(), Who { kind: Kind::Device, name: device.name, address: device.address });
        self.refuse_guessers(who, now)?;
        let typed = WordsHash::of_text(device.words, kind.words()).unwrap_or_else(WordsHash::none);
        // Guesses do not queue for the writer: from enough addresses they could hold up everybody else.
        let known = store::word_key::get(&mut *self.store().reader().acquire().await?, kind).await?;
        if opens(known, &typed, now).is_none() {
            return Err(self.note_guess(who, device.words, now));
        }
        let mut transaction = self.store().begin().await?;
        let known = store::word_key::get(&mut transaction, kind).await?;
        let Some(key) = opens(known, &typed, now) else {
            drop(transaction);
            return Err(self.note_guess(who, device.words, now));
        };
        match kind {
            WordKind::Device => drop(store::word_key::delete(&mut transaction, kind).await?),
            WordKind::Recovery => store::word_key::used(&mut transaction, kind).await?,
        }
        let secret = TokenKind::Device.random();
        let mut token = device_token(key.user, device_name(device.name), &secret, now);
        while !store::token::insert(&mut transaction, &token, &SecretHash::of(&secret)).await? {
            token.name = longer(&token.name).ok_or(AuthError::TokenExists { name: token.name })?;
        }
        changes::token(&mut transaction, Change::Create, &token).await?;
        transaction.commit().await?;
        self.parts.events.success(Who { name: &token.name, ..who }, Way::Login, now);
        tracing::info!(token.name = token.name, token.id = %token.id, client.address = device.address, "a device was let in");
        Ok((token, secret))
    }

    fn refuse_guessers(&self, who: Who<'_>, now: Timestamp) -> Result<(), AuthError> {
        let caller = caller(who.address);
        let of_all =
            || self.word_lockout.locked(&everybody(), now).filter(|_| self.word_lockout.has_failed(&caller, now));
        if let Some(after) = self.word_lockout.locked(&caller, now).or_else(of_all) {
            self.parts.events.failure(who, "locked out", now);
            return Err(AuthError::LockedOut { after });
        }
        Ok(())
    }

    fn note_guess(&self, who: Who<'_>, words: &Secret<String>, now: Timestamp) -> AuthError {
        for (subject, limit) in [(caller(who.address), FAILURES_PER_ADDRESS), (everybody(), FAILURES_TOTAL)] {
            // Each failure counts, also the same words again.
            self.word_lockout.failed(subject, (words.expose(), rand::random::<u64>()), limit, now);
        }
        self.parts.events.failure(who, "wrong words", now);
        AuthError::NoSuchWords
    }
}

pub(super) fn lockout() -> Lockout {
    Lockout::new(LIMITS)
}

/// Whose failures are counted. All calls of which nobody knows where they come from are one caller's.
fn caller(address: &str) -> Subject {
    Subject::address(address).map_or_else(|| Subject::Name("unknown".to_owned()), Subject::Address)
}

fn everybody() -> Subject {
    Subject::Name(String::new())
}

/// The key, if it is good and these are its words. Takes as long where there is none.
fn opens(key: Option<WordKey>, typed: &WordsHash, now: Timestamp) -> Option<WordKey> {
    let stored = key.as_ref().map_or(&[0; 32][..], |key| &key.hash);
    let is_right = typed.equals(stored);
    key.filter(|key| is_right && key.is_valid(now))
}

fn device_token(user: Option<UserId>, name: String, secret: &Secret<String>, now: Timestamp) -> Token {
    Token {
        id: TokenId::random(),
        kind: TokenKind::Device,
        subject: None,
        user,
        name,
        prefix: prefix(secret),
        suffix: suffix(secret),
        grant: Grant::of(Role::Admin),
        created_at: now,
        expires_at: None,
        last_used_at: None,
        in_file: false,
    }
}

/// Letters and digits stay, everything else becomes `_`, one for one.
fn device_name(text: &str) -> String {
    if text.is_empty() {
        return UNNAMED.to_owned();
    }
    text.chars().take(NAME_MAX).map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect()
}

/// The name with one more digit, as long as it does not become too long for a name.
fn longer(name: &str) -> Option<String> {
    (name.chars().count() < NAME_MAX + DIGITS_MAX).then(|| format!("{name}{}", rand::random_range(0..10)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        for (text, expected) in
            [("", "Unknown device"), ("Pixel 6a", "Pixel_6a"), ("été!", "_t__"), ("a/b\nc", "a_b_c")]
        {
            assert_eq!(device_name(text), expected);
        }
        assert_eq!(device_name(&"x".repeat(500)).len(), NAME_MAX);
    }

    #[test]
    fn a_taken_name_grows_by_a_digit_until_it_is_too_long() {
        let name = longer("phone").unwrap();
        assert!(name.starts_with("phone") && name.len() == 6 && name.ends_with(|c: char| c.is_ascii_digit()));
        assert!(longer(&"x".repeat(NAME_MAX + DIGITS_MAX)).is_none());
    }
}
