//! People who can sign in.

use homeport_service::Secret;

use super::Auth;
use crate::{
    changes::{self, Change},
    error::AuthError,
    events::{Kind, Who},
    revocation::Revoked,
    role::Role,
    store::{self, User, UserId},
};

/// Longest name of a user.
const NAME_MAX: usize = 64;
/// Longest e-mail address that there can be.
const EMAIL_MAX: usize = 254;
/// Users that can exist.
const USERS_MAX: u32 = 10_000;
/// Applications that a user can mark.
const STARS_MAX: u32 = 1000;
/// Longest id of an application.
const STAR_LENGTH_MAX: usize = 128;

/// A user that is wanted.
#[derive(Debug)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) password: Secret<String>,
    pub(crate) email: String,
    pub(crate) role: Role,
}

/// What changes about a user.
#[derive(Debug, Default)]
pub(crate) struct UserChange {
    pub(crate) email: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) disabled: Option<bool>,
}

impl Auth {
    /// All users, by name.
    pub(crate) async fn users(&self) -> Result<Vec<User>, AuthError> {
        Ok(store::user::list(self.store()).await?)
    }

    /// The user of an id.
    pub(crate) async fn user(&self, id: &UserId) -> Result<User, AuthError> {
        store::user::by_id(self.store(), id).await?.ok_or_else(|| AuthError::NoSuchUser { name: id.to_string() })
    }

    /// The user of a name.
    pub(crate) async fn user_named(&self, name: &str) -> Result<User, AuthError> {
        let found = store::user::by_name(self.store(), name).await?;
        found.ok_or_else(|| AuthError::NoSuchUser { name: name.to_owned() })
    }

    /// Makes a user.
    pub(crate) async fn create_user(&self, wanted: NewUser) -> Result<User, AuthError> {
        check_name(&wanted.name)?;
        check_email(&wanted.email)?;
        self.passwords.check_strength(&wanted.name, &wanted.password)?;
        let user = User {
            id: UserId::random(),
            name: wanted.name,
            email: wanted.email,
            role: wanted.role,
            disabled: false,
            password_hash: Secret::new(self.passwords.hash(&wanted.password).await?),
            must_change_password: false,
            created_at: self.now(),
            updated_at: None,
            last_login_at: None,
        };
        self.keep_user(&user).await?;
        tracing::info!(user.name = user.name, user.role = user.role.as_str(), "user made");
        Ok(user)
    }

    /// Keeps a user who is new, as long as there is room.
    pub(super) async fn keep_user(&self, user: &User) -> Result<(), AuthError> {
        let mut transaction = self.store().begin().await?;
        if store::user::count(&mut transaction).await? >= USERS_MAX {
            return Err(AuthError::TooManyUsers { limit: USERS_MAX });
        }
        if !store::user::insert(&mut transaction, user).await? {
            return Err(AuthError::UserExists { name: user.name.clone() });
        }
        changes::user(&mut transaction, Change::Create, user).await?;
        Ok(transaction.commit().await?)
    }

    /// Changes a user. What the user may do changes at once; who is disabled can do nothing.
    pub(crate) async fn update_user(&self, id: &UserId, change: UserChange) -> Result<User, AuthError> {
        if let Some(email) = &change.email {
            check_email(email)?;
        }
        let mut transaction = self.store().begin().await?;
        // Read where nobody else writes: all is written back, and must not undo what somebody has just changed.
        let found = store::user::by_id_within(&mut transaction, id).await?;
        let mut user = found.ok_or_else(|| AuthError::NoSuchUser { name: id.to_string() })?;
        user.email = change.email.unwrap_or(user.email);
        user.role = change.role.unwrap_or(user.role);
        user.disabled = change.disabled.unwrap_or(user.disabled);
        store::user::update(&mut transaction, &user, self.now()).await?;
        if store::user::administrators(&mut transaction).await? == 0 {
            return Err(AuthError::LastAdministrator);
        }
        changes::user(&mut transaction, Change::Update, &user).await?;
        if user.disabled {
            let ended = store::session::delete_others(&mut transaction, id, None).await?;
            let who = Who { kind: Kind::User, name: &user.name, address: "" };
            changes::logout(&mut transaction, who, ended.len()).await?;
            // They must not come back when the account does.
            self.end_logins(&mut transaction, id, None, "").await?;
        }
        transaction.commit().await?;
        self.revocations.tell(Revoked::user(id));
        tracing::info!(
            user.name = user.name,
            user.role = user.role.as_str(),
            user.disabled = user.disabled,
            "user changed"
        );
        self.user(id).await
    }

    /// Deletes a user, with sessions and tokens.
    pub(crate) async fn delete_user(&self, id: &UserId) -> Result<User, AuthError> {
        let user = self.user(id).await?;
        let mut transaction = self.store().begin().await?;
        store::user::delete(&mut transaction, id).await?;
        if store::user::administrators(&mut transaction).await? == 0 {
            return Err(AuthError::LastAdministrator);
        }
        changes::user(&mut transaction, Change::Delete, &user).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::user(id));
        tracing::info!(user.name = user.name, "user deleted");
        Ok(user)
    }

    /// The applications that a user has marked.
    pub(crate) async fn stars(&self, user: &UserId) -> Result<Vec<String>, AuthError> {
        Ok(store::star::list(self.store(), user).await?)
    }

    /// Marks or unmarks one, and returns all.
    pub(crate) async fn set_star(&self, user: &UserId, name: &str, starred: bool) -> Result<Vec<String>, AuthError> {
        if !(1..=STAR_LENGTH_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(AuthError::StarName);
        }
        self.user(user).await?;
        let mut transaction = self.store().begin().await?;
        if !starred {
            store::star::delete(&mut transaction, user, name).await?;
        } else if store::star::count(&mut transaction, user).await? >= STARS_MAX {
            return Err(AuthError::TooManyStars { limit: STARS_MAX });
        } else {
            store::star::insert(&mut transaction, user, name).await?;
        }
        transaction.commit().await?;
        self.stars(user).await
    }
}

/// Refuses a name that could be taken for something else: a colon ends it in `Basic` credentials.
pub(super) fn check_name(name: &str) -> Result<(), AuthError> {
    let fits = (1..=NAME_MAX).contains(&name.chars().count())
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || c == ':');
    if fits { Ok(()) } else { Err(AuthError::UserName) }
}

fn check_email(email: &str) -> Result<(), AuthError> {
    let fits = email.len() <= EMAIL_MAX && !email.chars().any(|c| c.is_control() || c.is_whitespace());
    let is_one = email.is_empty() || email.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
    if fits && is_one { Ok(()) } else { Err(AuthError::Email) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for name in ["ada", "Ada Lovelace", "a.b@c", "ü"] {
            check_name(name).unwrap();
        }
        for name in ["", " ada", "a:b", "a\nb", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        check_email("").unwrap();
        check_email("ada@example.org").unwrap();
        for email in ["ada", "@x", "a@", "a b@c", &format!("a@{}", "b".repeat(300))] {
            assert!(check_email(email).is_err(), "{email}");
        }
    }
}
