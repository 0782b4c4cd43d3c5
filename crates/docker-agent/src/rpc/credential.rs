//! `CredentialService`.

use homeport_proto::docker::v1::{
    GetRegistryCredentialRequest, GetRegistryCredentialResponse, ListRegistriesRequest, ListRegistriesResponse,
    credential_service_server::CredentialService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer};
use crate::error::EngineError;

#[tonic::async_trait]
impl CredentialService for Rpc {
    async fn get_registry_credential(
        &self,
        request: Request<GetRegistryCredentialRequest>,
    ) -> Result<Response<GetRegistryCredentialResponse>, Status> {
        let registry = request.into_inner().registry;
        let missing = || EngineError::NotFound(format!("there is no credential for {registry}"));
        let found = self.0.credentials.of(&registry).await.and_then(|found| found.ok_or_else(missing));
        answer(found, |credential| GetRegistryCredentialResponse {
            username: credential.username,
            secret: credential.secret.expose().clone(),
        })
    }

    async fn list_registries(
        &self,
        _: Request<ListRegistriesRequest>,
    ) -> Result<Response<ListRegistriesResponse>, Status> {
        answer(self.0.credentials.registries(), |registries| ListRegistriesResponse { registries })
    }
}
