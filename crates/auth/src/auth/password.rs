//! Changing a password.

use homeport_service::Secret;

use super::Auth;
use crate::{error::AuthError, first_admin, store};

impl Auth {
    /// Replaces a password and ends the user's sessions, except the one whose token is given.
    pub(crate) async fn change_password(
        &self,
        name: &str,
        current: &Secret<String>,
        new: &Secret<String>,
        kept: Option<&Secret<String>>,
    ) -> Result<(), AuthError> {
        let user = self.check_password(name, current, "").await?;
        if new.expose() == current.expose() {
            return Err(AuthError::WeakPassword { reason: "it is the present one".to_owned() });
        }
        self.passwords.check_strength(name, new)?;
        let hash = self.passwords.hash(new).await?;
        let now = self.now();
        let kept = kept.and_then(|token| self.parts.signer.open(token, now).ok()).map(|claims| claims.session());
        let mut transaction = self.store().begin().await?;
        store::user::set_password(&mut transaction, &user.id, &hash, now).await?;
        store::session::delete_others(&mut transaction, &user.id, kept.as_ref()).await?;
        transaction.commit().await?;
        tracing::info!(user.name = name, "password changed");
        first_admin::forget_password(self).await
    }
}
