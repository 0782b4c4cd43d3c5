//! Changing a password.

use homeport_service::Secret;

use super::Auth;
use crate::{
    changes,
    error::AuthError,
    events::{Kind, Who},
    first_admin,
    revocation::Revoked,
    store::{self, User, UserId},
};

/// A user who wants another password.
#[derive(Debug)]
pub(crate) struct PasswordChange<'a> {
    pub(crate) name: &'a str,
    pub(crate) current: &'a Secret<String>,
    pub(crate) new: &'a Secret<String>,
    /// Token of the session, or of the sign-in by passkey, that goes on.
    pub(crate) kept: Option<&'a Secret<String>>,
    /// Empty: not known.
    pub(crate) address: &'a str,
}

impl Auth {
    /// Replaces a password and ends what the user is signed in with, except the session whose token is given. However one
    /// signed in: who changes a password may do so because somebody else is in.
    pub(crate) async fn change_password(&self, change: PasswordChange<'_>) -> Result<(), AuthError> {
        let PasswordChange { name, current, new, kept, address } = change;
        let user = self.check_password(name, current, address).await?;
        if new.expose() == current.expose() {
            return Err(AuthError::WeakPassword { reason: "it is the present one".to_owned() });
        }
        self.set_password(&user, new, false, kept, address).await?;
        tracing::info!(user.name = name, "password changed");
        first_admin::forget_password_of(self, name)
    }

    /// Gives a user another password, which only an administrator may, and ends what the user is signed in with.
    pub(crate) async fn reset_password(&self, id: &UserId, new: &Secret<String>) -> Result<(), AuthError> {
        let user = self.user(id).await?;
        self.set_password(&user, new, true, None, "").await?;
        tracing::info!(user.name = user.name, "password set by an administrator");
        first_admin::forget_password_of(self, &user.name)
    }

    async fn set_password(
        &self,
        user: &User,
        new: &Secret<String>,
        must_change: bool,
        kept: Option<&Secret<String>>,
        address: &str,
    ) -> Result<(), AuthError> {
        let User { id, name, .. } = user;
        self.passwords.check_strength(name, new)?;
        let hash = self.passwords.hash(new).await?;
        let now = self.now();
        let session = kept.and_then(|token| self.parts.signer.open(token, now).ok()).map(|claims| claims.session());
        let mut transaction = self.store().begin().await?;
        store::user::set_password(&mut transaction, id, &hash, must_change, now).await?;
        let ended = store::session::delete_others(&mut transaction, id, session.as_ref()).await?;
        let logins = self.end_logins(&mut transaction, id, kept, address).await?;
        changes::password(&mut transaction, user).await?;
        changes::logout(&mut transaction, Who { kind: Kind::User, name, address }, ended.len()).await?;
        transaction.commit().await?;
        // The password itself may have been sent with every request.
        let credentials = Revoked::sessions(&ended).and_tokens(&logins).credentials;
        self.revocations.tell(Revoked { credentials, ..Revoked::user(id) });
        Ok(())
    }
}
