//! The decisions: who may sign in, and what a credential may do.

mod authorize;
mod login;
mod password;
mod tokens;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use homeport_service::{Secret, clock::Clock, telemetry::chain};
use homeport_store::Store;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

pub(crate) use authorize::{Authorized, Request};
pub(crate) use login::Login;
pub(crate) use tokens::NewToken;

use crate::{
    audit::{Audit, Kind},
    config::Config,
    credential::{basic_cache::BasicCache, password::Passwords, session::Signer},
    error::AuthError,
    lockout::{Limits, Lockout},
    scope::Scope,
    store::{self, User, UserId},
};

/// How often sessions that have expired are forgotten. They are refused from the second on that they expire.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// What [`Auth`] is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) signer: Signer,
    pub(crate) audit: Audit,
    pub(crate) clock: Arc<dyn Clock>,
    /// File of the first administrator's password.
    pub(crate) initial_password: PathBuf,
}

/// Who may do what.
pub(crate) struct Auth {
    parts: Parts,
    passwords: Passwords,
    lockout: Lockout,
    basic: BasicCache,
}

/// Who is calling.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    /// Empty: everything.
    pub(crate) scopes: Vec<Scope>,
}

impl Principal {
    fn user(id: &UserId, name: String) -> Self {
        Self { kind: Kind::User, id: id.to_string(), name, scopes: Vec::new() }
    }
}

impl Auth {
    pub(crate) async fn new(parts: Parts) -> Result<Self, AuthError> {
        let Config { password, lockout, .. } = &parts.config;
        Ok(Self {
            passwords: Passwords::new(password).await?,
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

    /// Adds a user. A password that we made is strong enough, and has to be changed.
    pub(crate) async fn add_user(
        &self,
        name: &str,
        password: &Secret<String>,
        must_change_password: bool,
    ) -> Result<(), AuthError> {
        self.passwords.check_strength(name, password)?;
        let user = User {
            id: UserId::random(),
            name: name.to_owned(),
            password_hash: Secret::new(self.passwords.hash(password).await?),
            must_change_password,
        };
        let mut transaction = self.store().begin().await?;
        store::user::insert(&mut transaction, &user, self.now()).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets expired sessions, every hour until the service drains.
    pub(crate) async fn prune_sessions(self: Arc<Self>, drain: CancellationToken) {
        let mut interval = tokio::time::interval(PRUNE_INTERVAL);
        while drain.run_until_cancelled(interval.tick()).await.is_some() {
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
        transaction.commit().await?;
        Ok(count)
    }

    /// The present time in whole seconds, as it is stored, so that what is answered first and read back later is equal.
    fn now(&self) -> Timestamp {
        let now = self.parts.clock.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }
}
