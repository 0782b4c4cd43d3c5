//! Sessions of those who signed in elsewhere.

use homeport_service::{Secret, telemetry::chain};

use super::{Attempt, Auth, Login};
use crate::{
    auth::users::{NewUser, UserChange},
    error::AuthError,
    events::{Kind, Who},
    lockout::Subject,
    oidc::{Begun, Known, OidcError, Returned},
    store::{self, User},
};

/// Somebody who comes back from the provider.
#[derive(Debug)]
pub(crate) struct OidcReturn<'a> {
    pub(crate) state: &'a str,
    pub(crate) code: &'a Secret<String>,
    pub(crate) binding: &'a Secret<String>,
    /// Empty: not known.
    pub(crate) address: &'a str,
    pub(crate) user_agent: &'a str,
}

/// What is known of the provider.
#[derive(Debug)]
pub(crate) struct OidcStatus {
    pub(crate) configured: bool,
    pub(crate) issuer: String,
    pub(crate) redirect_url: String,
    /// Empty: it answers.
    pub(crate) problem: String,
}

impl Auth {
    /// Whether the provider answers.
    pub(crate) async fn oidc_status(&self) -> OidcStatus {
        let config = self.oidc.config();
        let problem = self.oidc.check().await.err().map(|error| chain(&error)).unwrap_or_default();
        OidcStatus {
            configured: !config.issuer.is_empty(),
            issuer: config.issuer.clone(),
            redirect_url: config.redirect_url.clone(),
            problem,
        }
    }

    /// Sends a browser at an address to the provider. Empty: not known.
    pub(crate) async fn begin_oidc(&self, address: &str) -> Result<Begun, AuthError> {
        Ok(self.oidc.begin(Subject::address(address), self.now()).await?)
    }

    /// Begins a session of whoever the provider says it is.
    pub(crate) async fn finish_oidc(&self, back: &OidcReturn<'_>) -> Result<Login, AuthError> {
        let returned = Returned { state: back.state, code: back.code, binding: back.binding };
        let found = async {
            let known = self.oidc.finish(returned, self.now()).await?;
            self.user_of(known).await
        };
        let user = match found.await {
            Ok(user) if user.disabled => Err(AuthError::Disabled { name: user.name }),
            other => other,
        };
        let user = user.map_err(|error| {
            let who = Who { kind: Kind::User, name: "", address: back.address };
            self.parts.events.failure(who, "not signed in by the provider", self.now());
            match error {
                AuthError::Oidc(OidcError::UnknownFlow) => {
                    self.guessed(Subject::Returns, back.address, (back.state, back.binding.expose()), error)
                }
                error => error,
            }
        })?;
        self.remember_address(&user, back.address).await;
        let (name, password) = (user.name.clone(), Secret::new(String::new()));
        let attempt = Attempt { name: &name, password: &password, address: back.address, user_agent: back.user_agent };
        self.begin_session(user, attempt).await
    }

    /// The account of somebody whom the provider knows, made if there is none, with the role that the provider gives now.
    async fn user_of(&self, known: Known) -> Result<User, AuthError> {
        let user = match store::oidc::user(self.store(), &known.issuer, &known.subject).await? {
            Some(id) => self.user(&id).await?,
            None => self.first_time(&known).await?,
        };
        if user.role == known.role {
            return Ok(user);
        }
        let change = UserChange { role: Some(known.role), ..UserChange::default() };
        match self.update_user(&user.id, change).await {
            // Whoever is the last who may administer stays so until there is another.
            Err(AuthError::LastAdministrator) => Ok(user),
            changed => changed,
        }
    }

    async fn first_time(&self, known: &Known) -> Result<User, AuthError> {
        let same_name = store::user::by_name(self.store(), &known.name).await?;
        let user = match same_name {
            Some(user) if self.oidc.config().link_by_name => user,
            Some(user) => return Err(OidcError::NameTaken { name: user.name }.into()),
            None => {
                // Nobody knows this password; an administrator can set another.
                let password = Secret::new(hex::encode(rand::random::<[u8; 32]>()));
                let email = if known.email.contains('@') { known.email.clone() } else { String::new() };
                self.create_user(NewUser { name: known.name.clone(), password, email, role: known.role }).await?
            }
        };
        let mut transaction = self.store().begin().await?;
        store::oidc::link(&mut transaction, &known.issuer, &known.subject, &user.id, self.now()).await?;
        transaction.commit().await?;
        tracing::info!(user.name = user.name, oidc.issuer = known.issuer, "account linked with the provider's");
        Ok(user)
    }
}
