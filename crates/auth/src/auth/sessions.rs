//! Where a user is signed in.

use super::Auth;
use crate::{
    changes,
    error::AuthError,
    events::{Kind, Who},
    revocation::Revoked,
    store::{self, SessionId, UserId, session::Listed},
};

impl Auth {
    /// A user's sessions, newest first.
    pub(crate) async fn sessions(&self, user: &UserId) -> Result<Vec<Listed>, AuthError> {
        Ok(store::session::list(self.store(), user, self.now()).await?)
    }

    /// Ends one of a user's sessions.
    pub(crate) async fn end_session(&self, user: &UserId, id: &SessionId, address: &str) -> Result<(), AuthError> {
        let name = self.user(user).await?.name;
        let mut transaction = self.store().begin().await?;
        if !store::session::delete(&mut transaction, id, Some(user)).await? {
            return Err(AuthError::NoSuchSession { id: id.to_string() });
        }
        changes::logout(&mut transaction, Who { kind: Kind::User, name: &name, address }, 1).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::sessions(std::slice::from_ref(id)));
        tracing::info!(session.id = %id, "session ended");
        Ok(())
    }
}
