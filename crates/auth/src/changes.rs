//! What changed, told to the bus exactly when the change was kept: in its transaction, through the outbox.
//!
//! `auth:logout` is one of them; its payload is that of the others about callers, in [`events`](crate::events).

use homeport_store::{StoreError, Transaction, outbox};
use serde::Serialize;

use crate::{
    events::{AuthEvent, Who},
    store::{Token, User},
};

/// What became of something. The last segment of the topic.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Create,
    Update,
    Delete,
}

impl Change {
    const fn segment(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Payload of `auth:user:create`, `auth:user:update`, `auth:user:delete` and `auth:user:password`, the last one when the
/// password is another.
#[derive(Debug, Serialize)]
struct UserChanged<'a> {
    id: &'a str,
    username: &'a str,
    /// `admin`, `operator` or `viewer`.
    role: &'static str,
    /// The user can do nothing.
    disabled: bool,
}

/// Payload of `auth:token:create`, `auth:token:update` (other scopes, or another secret) and `auth:token:delete`, of all
/// tokens but those of plugins' pages. The tokens of a user who is deleted end with the user.
#[derive(Debug, Serialize)]
struct TokenChanged<'a> {
    id: &'a str,
    /// `api`, `key`, `plugin`, `device`, `supervisor` or `project`.
    r#type: &'static str,
    name: &'a str,
    /// Plugin or project that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
}

/// Payload of `auth:webauthn:register` and `auth:webauthn:delete`.
#[derive(Debug, Serialize)]
struct PasskeyChanged<'a> {
    username: &'a str,
    /// Id of the credential, base64url.
    credential: &'a str,
    /// Address of who did it. Empty: not known.
    ip: &'a str,
}

/// Payload of `auth:otp:register`, `auth:otp:update` and `auth:otp:delete`.
#[derive(Debug, Serialize)]
struct FactorChanged<'a> {
    username: &'a str,
    /// Address of who did it. Empty: not known.
    ip: &'a str,
}

/// This many sessions or sign-ins of somebody's end.
pub(crate) async fn logout(transaction: &mut Transaction, who: Who<'_>, count: usize) -> Result<(), StoreError> {
    for _ in 0..count {
        outbox::append(transaction, "auth:logout", &AuthEvent::new(who, String::new())).await?;
    }
    Ok(())
}

/// A user is made, changed or deleted.
pub(crate) async fn user(transaction: &mut Transaction, change: Change, user: &User) -> Result<(), StoreError> {
    outbox::append(transaction, &format!("auth:user:{}", change.segment()), &UserChanged::from(user)).await
}

/// A user's password is another.
pub(crate) async fn password(transaction: &mut Transaction, user: &User) -> Result<(), StoreError> {
    outbox::append(transaction, "auth:user:password", &UserChanged::from(user)).await
}

/// A token is made, changed or deleted.
pub(crate) async fn token(transaction: &mut Transaction, change: Change, token: &Token) -> Result<(), StoreError> {
    let changed = TokenChanged {
        id: token.id.as_str(),
        r#type: token.kind.as_str(),
        name: &token.name,
        subject: token.subject.as_deref(),
    };
    outbox::append(transaction, &format!("auth:token:{}", change.segment()), &changed).await
}

/// A passkey is made.
pub(crate) async fn passkey_made(
    transaction: &mut Transaction,
    username: &str,
    credential: &str,
    ip: &str,
) -> Result<(), StoreError> {
    outbox::append(transaction, "auth:webauthn:register", &PasskeyChanged { username, credential, ip }).await
}

/// A passkey is deleted.
pub(crate) async fn passkey_deleted(
    transaction: &mut Transaction,
    username: &str,
    credential: &str,
    ip: &str,
) -> Result<(), StoreError> {
    outbox::append(transaction, "auth:webauthn:delete", &PasskeyChanged { username, credential, ip }).await
}

/// The first code of a second factor was right, it is needed otherwise than before, or it is taken away.
pub(crate) async fn factor(
    transaction: &mut Transaction,
    change: Change,
    username: &str,
    ip: &str,
) -> Result<(), StoreError> {
    let topic = match change {
        Change::Create => "auth:otp:register",
        Change::Update => "auth:otp:update",
        Change::Delete => "auth:otp:delete",
    };
    outbox::append(transaction, topic, &FactorChanged { username, ip }).await
}

impl<'a> From<&'a User> for UserChanged<'a> {
    fn from(user: &'a User) -> Self {
        Self { id: user.id.as_str(), username: &user.name, role: user.role.as_str(), disabled: user.disabled }
    }
}
