//! `homeport.auth.v1.OidcService`

use homeport_proto::auth::v1::{
    BeginOidcLoginRequest, BeginOidcLoginResponse, FinishOidcLoginRequest, FinishOidcLoginResponse,
    GetOidcStatusRequest, GetOidcStatusResponse, oidc_service_server::OidcService,
};
use homeport_service::Secret;
use tonic::{Request, Response, Status, async_trait};

use super::convert::timestamp;
use crate::auth::{Auth, OidcReturn};

#[async_trait]
impl OidcService for Auth {
    async fn begin_oidc_login(
        &self,
        request: Request<BeginOidcLoginRequest>,
    ) -> Result<Response<BeginOidcLoginResponse>, Status> {
        let begun = self.begin_oidc(&request.into_inner().client_address).await?;
        Ok(Response::new(BeginOidcLoginResponse {
            url: begun.url,
            binding: begun.binding.expose().clone(),
            expires_at: Some(timestamp(begun.expires_at)),
        }))
    }

    async fn finish_oidc_login(
        &self,
        request: Request<FinishOidcLoginRequest>,
    ) -> Result<Response<FinishOidcLoginResponse>, Status> {
        let FinishOidcLoginRequest { state, code, binding, client_address, user_agent } = request.into_inner();
        let login = self
            .finish_oidc(&OidcReturn {
                state: &state,
                code: &Secret::new(code),
                binding: &Secret::new(binding),
                address: &client_address,
                user_agent: &user_agent,
            })
            .await?;
        Ok(Response::new(FinishOidcLoginResponse { login: Some(login.into()) }))
    }

    async fn get_oidc_status(
        &self,
        _request: Request<GetOidcStatusRequest>,
    ) -> Result<Response<GetOidcStatusResponse>, Status> {
        let status = self.oidc_status().await;
        Ok(Response::new(GetOidcStatusResponse {
            configured: status.configured,
            issuer: status.issuer,
            redirect_url: status.redirect_url,
            problem: status.problem,
        }))
    }
}
