//! Passkeys: made by somebody who is signed in, then good for signing in, and as a second factor.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use url::Url;
use uuid::Uuid;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{AuthenticationResult, CreationChallengeResponse, RequestChallengeResponse, WebauthnError},
};

use super::{Auth, PasskeyLogin, factors::Proof};
use crate::{
    ceremonies::{Asked, Ceremony},
    changes,
    error::AuthError,
    events::{Kind, Who},
    lockout::{Limits, Lockout, Subject},
    revocation::Revoked,
    store::{self, Passkey, User, UserId},
};

/// How failures to sign in are slowed down, as existing clients know it.
const LIMITS: Limits = Limits { window: Duration::from_secs(60), duration: Duration::from_secs(15 * 60) };
/// Failures of one address within the window.
const FAILURES_MAX: usize = 5;

/// Passkeys of one user.
const PASSKEYS_MAX: usize = 32;
/// Longest name of a passkey.
const NAME_MAX: usize = 64;
/// Longest answer of a browser that is looked at.
const ANSWER_MAX: usize = 64 << 10;

/// A ceremony's first half, for the browser.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) session: String,
    /// JSON.
    pub(crate) options: String,
}

/// A ceremony's second half, from the browser.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply<'a> {
    pub(crate) session: &'a str,
    /// JSON.
    pub(crate) credential: &'a str,
    /// Empty: not known.
    pub(crate) address: &'a str,
}

impl Auth {
    /// A user's passkeys, oldest first.
    pub(crate) async fn passkeys(&self, user: &UserId) -> Result<Vec<Passkey>, AuthError> {
        Ok(store::passkey::list(self.store(), user).await?)
    }

    pub(crate) async fn begin_registration(
        &self,
        user: &UserId,
        origin: &str,
        address: &str,
    ) -> Result<Question, AuthError> {
        let user = self.user(user).await?;
        let (origin, site) = self.site(origin)?;
        let known = store::passkey::list(self.store(), &user.id).await?;
        if known.len() >= PASSKEYS_MAX {
            return Err(AuthError::TooManyPasskeys { limit: PASSKEYS_MAX });
        }
        let handle = known.first().map_or_else(Uuid::new_v4, |passkey| passkey.handle);
        let exclude = known.iter().map(|passkey| passkey.credential.cred_id().clone()).collect();
        let started = site.start_passkey_registration(handle, &user.name, &user.name, Some(exclude));
        let (mut options, state) = started.map_err(AuthError::Passkey)?;
        discoverable(&mut options);
        let asked = Asked::Registration { user: user.id, handle, state };
        self.ask(asked, origin, address, serde_json::to_string(&options))
    }

    pub(crate) async fn finish_registration(
        &self,
        user: &UserId,
        reply: Reply<'_>,
        name: &str,
    ) -> Result<Passkey, AuthError> {
        let user = self.user(user).await?;
        let ceremony = self.ceremonies.take(reply.session, reply.address, self.now()).ok_or(AuthError::NoCeremony)?;
        let (_, site) = self.site(ceremony.origin.as_str())?;
        let Asked::Registration { user: asked, handle, state } = ceremony.asked else {
            return Err(AuthError::NoCeremony);
        };
        if asked != user.id {
            return Err(AuthError::NoCeremony);
        }
        let answer = parse(reply.credential)?;
        let credential = site.finish_passkey_registration(&answer, &state).map_err(AuthError::PasskeyRefused)?;
        let passkey = Passkey {
            id: BASE64_URL_SAFE_NO_PAD.encode(credential.cred_id()),
            user: user.id,
            handle,
            name: passkey_name(name),
            site: ceremony.origin.domain().unwrap_or_default().to_owned(),
            credential,
            created_at: self.now(),
            last_used_at: None,
        };
        let mut transaction = self.store().begin().await?;
        if !store::passkey::insert(&mut transaction, &passkey).await? {
            return Err(AuthError::PasskeyExists);
        }
        // Somebody may have made that who could not show this passkey.
        store::factor::delete_unconfirmed(&mut transaction, &passkey.user).await?;
        changes::passkey_made(&mut transaction, &user.name, &passkey.id, reply.address).await?;
        transaction.commit().await?;
        // What could be done without a second factor may need one from now on.
        self.revocations.tell(Revoked::user(&passkey.user));
        tracing::info!(user.name = user.name, passkey.name = passkey.name, passkey.site = passkey.site, "passkey made");
        Ok(passkey)
    }

    pub(crate) async fn begin_validation(
        &self,
        user: &UserId,
        origin: &str,
        address: &str,
    ) -> Result<Question, AuthError> {
        let user = self.user(user).await?;
        self.refuse_passkey_guessers(&user.name, address)?;
        let (origin, site) = self.site(origin)?;
        let mut known = store::passkey::list(self.store(), &user.id).await?;
        known.retain(|passkey| origin.domain() == Some(&passkey.site));
        if known.is_empty() {
            return Err(AuthError::NoPasskey);
        }
        let credentials: Vec<_> = known.into_iter().map(|passkey| passkey.credential).collect();
        let (options, state) = site.start_passkey_authentication(&credentials).map_err(AuthError::Passkey)?;
        self.ask(Asked::Validation { user: user.id, state }, origin, address, serde_json::to_string(&options))
    }

    pub(crate) async fn finish_validation(&self, user: &UserId, reply: Reply<'_>) -> Result<Proof, AuthError> {
        let user = self.user(user).await?;
        self.refuse_passkey_guessers(&user.name, reply.address)?;
        let ceremony = self.ceremonies.take(reply.session, reply.address, self.now());
        match self.check_validation(&user, ceremony, reply.credential).await {
            Ok(()) => self.prove(&user),
            Err(error) => Err(self.note_passkey_failure(error, &user.name, reply.address)),
        }
    }

    async fn check_validation(
        &self,
        user: &User,
        ceremony: Option<Ceremony>,
        credential: &str,
    ) -> Result<(), AuthError> {
        let Some(Ceremony { asked: Asked::Validation { user: asked, state }, origin, .. }) = ceremony else {
            return Err(AuthError::NoCeremony);
        };
        let (_, site) = self.site(origin.as_str())?;
        let answer = parse(credential)?;
        let result = site.finish_passkey_authentication(&answer, &state).map_err(AuthError::PasskeyRefused)?;
        let passkey = self.passkey_of(&result).await?;
        if asked != user.id || passkey.user != user.id {
            return Err(AuthError::NoCeremony);
        }
        self.note_passkey_use(passkey, &result).await
    }

    pub(crate) fn begin_passkey_login(&self, origin: &str, address: &str) -> Result<Question, AuthError> {
        self.refuse_passkey_guessers("", address)?;
        let (origin, site) = self.site(origin)?;
        let (mut options, state) = site.start_discoverable_authentication().map_err(AuthError::Passkey)?;
        // The library means it for forms that fill themselves in; behind a button the browser asks at once.
        options.mediation = None;
        self.ask(Asked::Login { state }, origin, address, serde_json::to_string::<RequestChallengeResponse>(&options))
    }

    pub(crate) async fn finish_passkey_login(&self, reply: Reply<'_>) -> Result<PasskeyLogin, AuthError> {
        self.refuse_passkey_guessers("", reply.address)?;
        let ceremony = self.ceremonies.take(reply.session, reply.address, self.now());
        match self.check_login(ceremony, reply.credential).await {
            Ok(user) => {
                self.remember_address(&user, reply.address).await;
                self.begin_login(user, reply.address).await
            }
            Err(error) => Err(self.note_passkey_failure(error, "", reply.address)),
        }
    }

    async fn check_login(&self, ceremony: Option<Ceremony>, credential: &str) -> Result<User, AuthError> {
        let Some(Ceremony { asked: Asked::Login { state }, origin, .. }) = ceremony else {
            return Err(AuthError::NoCeremony);
        };
        let (_, site) = self.site(origin.as_str())?;
        let answer = parse(credential)?;
        let (handle, id) = site.identify_discoverable_authentication(&answer).map_err(AuthError::PasskeyRefused)?;
        let known = store::passkey::by_id(self.store(), &BASE64_URL_SAFE_NO_PAD.encode(id)).await?;
        let known = known.filter(|passkey| passkey.handle == handle && origin.domain() == Some(&passkey.site));
        let passkey = known.ok_or(AuthError::PasskeyRefused(WebauthnError::CredentialNotFound))?;
        let result = site
            .finish_discoverable_authentication_v2(&answer, state, &passkey.credential)
            .map_err(AuthError::PasskeyRefused)?;
        let user = self.user(&passkey.user).await?;
        if user.disabled {
            return Err(AuthError::Disabled { name: user.name });
        }
        self.note_passkey_use(passkey, &result).await?;
        Ok(user)
    }

    pub(crate) async fn delete_passkey(&self, user: &UserId, id: &str, address: &str) -> Result<(), AuthError> {
        let name = self.user(user).await?.name;
        let mut transaction = self.store().begin().await?;
        if !store::passkey::delete(&mut transaction, user, id).await? {
            return Err(AuthError::NoSuchPasskey);
        }
        changes::passkey_deleted(&mut transaction, &name, id, address).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::user(user));
        tracing::info!(user.id = %user, "passkey deleted");
        Ok(())
    }

    /// The site that a page belongs to, if passkeys are for it.
    fn site(&self, origin: &str) -> Result<(Url, Webauthn), AuthError> {
        let url = Url::parse(origin).map_err(|_| AuthError::Origin)?;
        let listed = &self.parts.config.passkey.origins;
        let same = |text: &String| Url::parse(text).is_ok_and(|known| known.origin() == url.origin());
        if !listed.is_empty() && !listed.iter().any(same) {
            return Err(AuthError::OtherOrigin);
        }
        let name = url.domain().ok_or(AuthError::Origin)?.to_owned();
        let builder = WebauthnBuilder::new(&name, &url).map_err(AuthError::Passkey)?.rp_name("Homeport");
        let site = builder.build().map_err(AuthError::Passkey)?;
        Ok((url, site))
    }

    fn ask(
        &self,
        asked: Asked,
        origin: Url,
        address: &str,
        options: Result<String, serde_json::Error>,
    ) -> Result<Question, AuthError> {
        let options = options.map_err(AuthError::PasskeyJson)?;
        let session = self.ceremonies.begin(asked, origin, address, self.now());
        let session = session.map_err(|after| AuthError::TooManyCeremonies { after })?;
        Ok(Question { session, options })
    }

    async fn passkey_of(&self, result: &AuthenticationResult) -> Result<Passkey, AuthError> {
        let id = BASE64_URL_SAFE_NO_PAD.encode(result.cred_id());
        store::passkey::by_id(self.store(), &id).await?.ok_or(AuthError::NoSuchPasskey)
    }

    async fn note_passkey_use(&self, mut passkey: Passkey, result: &AuthenticationResult) -> Result<(), AuthError> {
        passkey.credential.update_credential(result);
        let mut transaction = self.store().begin().await?;
        store::passkey::used(&mut transaction, &passkey.id, &passkey.credential, self.now()).await?;
        Ok(transaction.commit().await?)
    }

    fn refuse_passkey_guessers(&self, name: &str, address: &str) -> Result<(), AuthError> {
        let now = self.now();
        let subject = Subject::address(address).map(Subject::Address);
        if let Some(after) = subject.and_then(|subject| self.passkey_lockout.locked(&subject, now)) {
            self.parts.events.failure(Who { kind: Kind::User, name, address }, "locked out", now);
            return Err(AuthError::LockedOut { after });
        }
        Ok(())
    }

    /// Counts a failure, unless it is ours.
    fn note_passkey_failure(&self, error: AuthError, name: &str, address: &str) -> AuthError {
        if matches!(error, AuthError::Store(_)) {
            return error;
        }
        let now = self.now();
        if let Some(ip) = Subject::address(address) {
            self.passkey_lockout.failed(Subject::Address(ip), rand::random::<u64>(), FAILURES_MAX, now);
        }
        self.parts.events.failure(Who { kind: Kind::User, name, address }, "wrong passkey", now);
        error
    }
}

pub(super) fn lockout() -> Lockout {
    Lockout::new(LIMITS)
}

/// Asks for a passkey that knows whose it is, so that signing in needs no name.
fn discoverable(options: &mut CreationChallengeResponse) {
    if let Some(selection) = &mut options.public_key.authenticator_selection {
        selection.require_resident_key = true;
        selection.resident_key = Some(webauthn_rs_proto::ResidentKeyRequirement::Required);
    }
}

fn parse<T: serde::de::DeserializeOwned>(credential: &str) -> Result<T, AuthError> {
    if credential.len() > ANSWER_MAX {
        return Err(AuthError::PasskeyAnswer);
    }
    serde_json::from_str(credential).map_err(|_| AuthError::PasskeyAnswer)
}

fn passkey_name(text: &str) -> String {
    let name: String = text.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect();
    if name.trim().is_empty() { "passkey".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        assert_eq!(passkey_name(" My\nphone "), "Myphone");
        assert_eq!(passkey_name("\n"), "passkey");
        assert_eq!(passkey_name(&"x".repeat(500)).len(), NAME_MAX);
    }
}
