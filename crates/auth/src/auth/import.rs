//! Taking over the users and tokens of another installation.

use homeport_service::Secret;
use jiff::Timestamp;

use super::{Auth, tokens::parse_scopes, users::check_name};
use crate::{
    changes,
    credential::{
        foreign,
        token::{SecretHash, prefix, suffix},
    },
    error::AuthError,
    events::{Kind, Who},
    first_admin,
    grant::Grant,
    revocation::Revoked,
    role::Role,
    store::{self, Token, TokenId, User, UserId},
    token_kind::TokenKind,
};

/// Users, and tokens, that are taken at once.
const IMPORT_MAX: usize = 10_000;

/// What is to be taken over.
#[derive(Debug, Default)]
pub(crate) struct Import {
    pub(crate) users: Vec<ImportedUser>,
    pub(crate) tokens: Vec<ImportedToken>,
    /// Who is here already gets the password that is taken over.
    pub(crate) replace: bool,
}

/// A user of another installation.
#[derive(Debug)]
pub(crate) struct ImportedUser {
    /// Id there.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    /// Empty: the password is in clear.
    pub(crate) hash: Secret<String>,
    pub(crate) password: Secret<String>,
}

/// A token of another installation.
#[derive(Debug)]
pub(crate) struct ImportedToken {
    pub(crate) kind: TokenKind,
    pub(crate) name: String,
    pub(crate) secret: Secret<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<Timestamp>,
    /// Id there of whom it acts for. Empty: nobody.
    pub(crate) user: String,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) users: u32,
    pub(crate) tokens: u32,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

impl Auth {
    /// Takes over what is not here yet.
    pub(crate) async fn import(&self, import: Import) -> Result<Imported, AuthError> {
        if import.users.len() > IMPORT_MAX || import.tokens.len() > IMPORT_MAX {
            return Err(AuthError::TooManyEntries { limit: IMPORT_MAX });
        }
        let mut done = Imported::default();
        let mut ids = std::collections::HashMap::new();
        for user in import.users {
            let (there, name) = (user.id.clone(), user.name.clone());
            match self.import_user(user, import.replace).await {
                Ok(id) => {
                    ids.insert(there, id);
                    done.users += 1;
                }
                Err(error @ AuthError::Store(_)) => return Err(error),
                Err(error) => {
                    // Tokens of a user who is here already are still that user's.
                    if let Some(known) = store::user::by_name(self.store(), &name).await? {
                        ids.insert(there, known.id);
                    }
                    done.skipped.push(format!("user {name}: {}", homeport_service::telemetry::chain(&error)));
                }
            }
        }
        self.passwords.expect(store::user::schemes(self.store()).await?).await?;
        for token in import.tokens {
            let name = token.name.clone();
            match self.import_token(token, &ids).await {
                Ok(()) => done.tokens += 1,
                Err(error @ AuthError::Store(_)) => return Err(error),
                Err(error) => {
                    done.skipped.push(format!("token {name}: {}", homeport_service::telemetry::chain(&error)));
                }
            }
        }
        tracing::info!(
            users = done.users,
            tokens = done.tokens,
            skipped = done.skipped.len(),
            "users and tokens of another installation taken over"
        );
        Ok(done)
    }

    async fn import_user(&self, wanted: ImportedUser, replace: bool) -> Result<UserId, AuthError> {
        check_name(&wanted.name)?;
        let hash = if wanted.hash.expose().is_empty() {
            if wanted.password.expose().is_empty() {
                return Err(AuthError::WeakPassword { reason: "it is empty".to_owned() });
            }
            Secret::new(self.passwords.hash(&wanted.password).await?)
        } else if foreign::is_hash(wanted.hash.expose()) {
            wanted.hash
        } else {
            return Err(AuthError::HashForm);
        };
        let mut user = User {
            id: if wanted.id.is_empty() { UserId::random() } else { UserId::from(wanted.id) },
            name: wanted.name,
            email: wanted.email,
            role: wanted.role,
            disabled: false,
            password_hash: hash,
            must_change_password: false,
            created_at: self.now(),
            updated_at: None,
            last_login_at: None,
        };
        if let Some(known) = store::user::by_name(self.store(), &user.name).await? {
            return if replace {
                self.replace_hash(known, &user).await
            } else {
                Err(AuthError::UserExists { name: user.name })
            };
        }
        if store::user::by_id(self.store(), &user.id).await?.is_some() {
            user.id = UserId::random();
        }
        self.keep_user(&user).await?;
        Ok(user.id)
    }

    async fn replace_hash(&self, known: User, there: &User) -> Result<UserId, AuthError> {
        let mut transaction = self.store().begin().await?;
        let hash = there.password_hash.expose();
        store::user::set_password(&mut transaction, &known.id, hash, false, self.now()).await?;
        let ended = store::session::delete_others(&mut transaction, &known.id, None).await?;
        self.end_logins(&mut transaction, &known.id, None, "").await?;
        changes::password(&mut transaction, &known).await?;
        let who = Who { kind: Kind::User, name: &known.name, address: "" };
        changes::logout(&mut transaction, who, ended.len()).await?;
        transaction.commit().await?;
        self.revocations.tell(Revoked::user(&known.id));
        first_admin::forget_password_of(self, &known.name)?;
        Ok(known.id)
    }

    async fn import_token(
        &self,
        wanted: ImportedToken,
        users: &std::collections::HashMap<String, UserId>,
    ) -> Result<(), AuthError> {
        SecretHash::from_caller(&wanted.secret).ok_or(AuthError::TokenForm)?;
        // Of nobody's, it would be an administrator's.
        if wanted.kind == TokenKind::Key && wanted.user.is_empty() {
            return Err(AuthError::KeyOfNobody);
        }
        if wanted.expires_at.is_some_and(|at| at <= self.now()) {
            return Err(AuthError::TokenExpiry);
        }
        let user = match (wanted.user.is_empty(), users.get(&wanted.user)) {
            (true, _) => None,
            (false, Some(id)) => Some(id.clone()),
            (false, None) => return Err(AuthError::NoSuchUser { name: wanted.user }),
        };
        let token = Token {
            id: TokenId::random(),
            kind: wanted.kind,
            subject: None,
            user,
            name: wanted.name,
            prefix: prefix(&wanted.secret),
            suffix: suffix(&wanted.secret),
            grant: Grant { role: Role::Admin, scopes: parse_scopes(wanted.kind, wanted.scopes, false)? },
            created_at: self.now(),
            expires_at: wanted.expires_at,
            last_used_at: None,
            in_file: false,
        };
        self.keep_token(&token, &wanted.secret).await
    }
}
