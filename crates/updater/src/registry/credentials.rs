//! Who to be at a registry.

use async_trait::async_trait;
use homeport_proto::docker::v1::{GetRegistryCredentialRequest, credential_service_client::CredentialServiceClient};
use homeport_service::{Secret, rpc};

/// A user's name and password; with an empty name, an identity token.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Empty: the secret is an identity token.
    pub username: String,
    /// Password or token.
    pub secret: Secret<String>,
}

/// Why it is not known who to be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the credentials for {registry} could not be read: {message}")]
pub struct CredentialError {
    /// The registry.
    pub registry: String,
    /// Why, in words fit for a person.
    pub message: String,
}

/// Where credentials come from.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// The credential for a registry, named as in a reference. None: go anonymously.
    async fn credential(&self, registry: &str) -> Result<Option<Credential>, CredentialError>;
}

/// No credentials at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

#[async_trait]
impl Credentials for Anonymous {
    async fn credential(&self, _registry: &str) -> Result<Option<Credential>, CredentialError> {
        Ok(None)
    }
}

/// Docker's own credentials, as docker-agent reads them.
#[derive(Debug, Clone)]
pub struct AgentCredentials {
    client: CredentialServiceClient<rpc::Client>,
}

impl AgentCredentials {
    /// Asks the docker-agent at the other end of a connection.
    pub fn new(agent: rpc::Client) -> Self {
        Self { client: CredentialServiceClient::new(agent) }
    }
}

#[async_trait]
impl Credentials for AgentCredentials {
    async fn credential(&self, registry: &str) -> Result<Option<Credential>, CredentialError> {
        let request = GetRegistryCredentialRequest { registry: registry.to_owned() };
        match self.client.clone().get_registry_credential(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok(Some(Credential { username: answer.username, secret: Secret::new(answer.secret) }))
            }
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(CredentialError { registry: registry.to_owned(), message: status.message().to_owned() }),
        }
    }
}
