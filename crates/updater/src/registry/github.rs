//! A token of GitHub's as the credential for its registry.

use std::sync::Arc;

use async_trait::async_trait;
use homeport_service::Secret;

use super::{Credential, CredentialError, Credentials};

/// GitHub's registry.
const REGISTRY: &str = "ghcr.io";

/// The registry looks at the token alone, but wants a name.
const USERNAME: &str = "homeport";

/// Other credentials first, then a token for GitHub's registry.
pub struct WithGithub {
    others: Arc<dyn Credentials>,
    token: Option<Secret<String>>,
}

impl WithGithub {
    /// With the token of the variable `GITHUB_TOKEN`, if it is set.
    pub fn new(others: Arc<dyn Credentials>, token: Option<Secret<String>>) -> Self {
        Self { others, token }
    }
}

#[async_trait]
impl Credentials for WithGithub {
    async fn credential(&self, registry: &str) -> Result<Option<Credential>, CredentialError> {
        let known = self.others.credential(registry).await?;
        let token = self.token.as_ref().filter(|_| registry == REGISTRY && known.is_none());
        Ok(match token {
            Some(token) => Some(Credential { username: USERNAME.to_owned(), secret: token.clone() }),
            None => known,
        })
    }
}
