//! The decisions: who may sign in, and what a credential may do.

mod addresses;
mod authorize;
mod devices;
mod factors;
mod import;
mod login;
mod oidc;
mod passkey_logins;
mod passkeys;
mod password;
mod sessions;
mod tokens;
mod users;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use homeport_service::{Secret, clock::Clock, telemetry::chain};
use homeport_store::Store;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

pub(crate) use authorize::{Authorized, Entrance, FactorNeed, Request};
pub(crate) use devices::NewDevice;
pub(crate) use factors::{FactorState, FactorStatus, Proof, Shown};
pub(crate) use import::{Import, ImportedToken, ImportedUser};
pub(crate) use login::{Attempt, Login};
pub(crate) use oidc::OidcReturn;
pub(crate) use passkey_logins::PasskeyLogin;
pub(crate) use passkeys::{Question, Reply};
pub(crate) use password::PasswordChange;
pub(crate) use tokens::{NewToken, TokenName};
pub(crate) use users::{NewUser, UserChange};

use crate::{
    audit::Audit,
    ceremonies::Ceremonies,
    changes::{self, Change},
    config::Config,
    credential::{basic_cache::BasicCache, password::Passwords, session::Signer},
    error::AuthError,
    events::{Events, Kind},
    factor::proof::Proofs,
    file_tokens::FileTokens,
    grant::Grant,
    lockout::{Limits, Lockout},
    oidc::Oidc,
    revocation::Revocations,
    role::Role,
    store::{self, SessionId, User, UserId},
    ui_tokens::UiTokens,
    uses::{self, Uses},
};

/// How often sessions that have expired are forgotten. They are refused from the second on that they expire.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// What [`Auth`] is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) signer: Signer,
    pub(crate) events: Events,
    pub(crate) file_tokens: FileTokens,
    pub(crate) clock: Arc<dyn Clock>,
    /// Cancelled when the service stops; streams end then.
    pub(crate) drain: CancellationToken,
    /// File of the first administrator's password.
    pub(crate) initial_password: PathBuf,
}

/// Who may do what.
pub(crate) struct Auth {
    parts: Parts,
    passwords: Passwords,
    lockout: Lockout,
    basic: BasicCache,
    uses: Uses,
    ui_tokens: UiTokens,
    revocations: Revocations,
    audit: Audit,
    proofs: Proofs,
    code_lockout: Lockout,
    ceremonies: Ceremonies,
    passkey_lockout: Lockout,
    word_lockout: Lockout,
    oidc: Oidc,
}

/// Who is calling.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) grant: Grant,
    /// Account that the credential acts for, and ends with.
    pub(crate) user: Option<UserId>,
    /// Session or token that was shown.
    pub(crate) credential: Option<String>,
}

impl Principal {
    fn user(id: &UserId, name: String, role: Role, session: Option<&SessionId>) -> Self {
        Self {
            kind: Kind::User,
            id: id.to_string(),
            name,
            grant: Grant::of(role),
            user: Some(id.clone()),
            credential: session.map(SessionId::to_string),
        }
    }
}

impl Auth {
    pub(crate) async fn new(parts: Parts) -> Result<Self, AuthError> {
        let Config { password, lockout, audit, oidc, .. } = &parts.config;
        let passwords = Passwords::new(password).await?;
        passwords.expect(store::user::schemes(&parts.store).await?).await?;
        Ok(Self {
            passwords,
            uses: Uses::default(),
            ui_tokens: UiTokens::default(),
            revocations: Revocations::new(),
            proofs: Proofs::new(),
            code_lockout: factors::lockout(),
            ceremonies: Ceremonies::default(),
            passkey_lockout: passkeys::lockout(),
            word_lockout: devices::lockout(),
            oidc: Oidc::new(oidc.clone())?,
            audit: Audit::new(parts.store.clone(), audit.rows_max),
            lockout: Lockout::new(Limits { window: lockout.window(), duration: lockout.duration() }),
            basic: BasicCache::new(SignedDuration::from_secs(password.basic_cache_s.into())),
            parts,
        })
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn initial_password(&self) -> &Path {
        &self.parts.initial_password
    }

    pub(crate) const fn drain(&self) -> &CancellationToken {
        &self.parts.drain
    }

    pub(crate) const fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(crate) const fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Makes the first administrator, whose id existing clients know. A password that we made has to be changed.
    pub(crate) async fn add_first(&self, name: &str, password: &Secret<String>, ours: bool) -> Result<(), AuthError> {
        self.passwords.check_first(name, password)?;
        let user = User {
            id: UserId::from(name.to_owned()),
            name: name.to_owned(),
            email: String::new(),
            role: Role::Admin,
            disabled: false,
            password_hash: Secret::new(self.passwords.hash(password).await?),
            must_change_password: ours,
            created_at: self.now(),
            updated_at: None,
            last_login_at: None,
        };
        let mut transaction = self.store().begin().await?;
        store::user::insert(&mut transaction, &user).await?;
        changes::user(&mut transaction, Change::Create, &user).await?;
        Ok(transaction.commit().await?)
    }

    /// Writes when credentials were used, every few seconds until the service drains.
    pub(crate) async fn write_uses(self: Arc<Self>, drain: CancellationToken) {
        let mut interval = tokio::time::interval(uses::INTERVAL);
        while drain.run_until_cancelled(interval.tick()).await.is_some() {
            self.write_uses_now().await;
        }
    }

    /// Writes what waits of it.
    pub(crate) async fn write_uses_now(&self) {
        if let Err(error) = self.uses.write(self.store()).await {
            tracing::error!(error = chain(&error), "cannot note when credentials were used");
        }
    }

    /// Follows the tokens that stand in a file until the service drains.
    pub(crate) async fn follow_files(self: Arc<Self>, drain: CancellationToken) {
        self.parts.file_tokens.follow(&self.revocations, drain).await;
    }

    /// Forgets expired sessions, every hour until the service drains.
    pub(crate) async fn prune_sessions(self: Arc<Self>, drain: CancellationToken) {
        let mut interval = tokio::time::interval(PRUNE_INTERVAL);
        while drain.run_until_cancelled(interval.tick()).await.is_some() {
            self.ui_tokens.prune(self.now());
            match self.prune().await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "forgot expired sessions"),
                Err(error) => tracing::error!(error = chain(&error), "cannot forget expired sessions"),
            }
        }
    }

    async fn prune(&self) -> Result<u64, AuthError> {
        let mut transaction = self.store().begin().await?;
        let count = store::session::prune(&mut transaction, self.now()).await?;
        store::sign_in_address::prune(&mut transaction, self.now()).await?;
        transaction.commit().await?;
        Ok(count)
    }

    /// The present time in whole seconds, as it is stored, so that what is answered first and read back later is equal.
    fn now(&self) -> Timestamp {
        let now = self.parts.clock.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}
