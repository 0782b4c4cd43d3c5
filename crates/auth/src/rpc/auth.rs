//! `homeport.auth.v1.AuthService`

use homeport_proto::auth::v1::{
    AuthorizeRequest, AuthorizeResponse, ChangePasswordRequest, ChangePasswordResponse, LoginRequest, LoginResponse,
    LogoutRequest, LogoutResponse, auth_service_server::AuthService,
};
use homeport_service::Secret;
use tonic::{Request, Response, Status, async_trait};

use crate::auth::{self, Auth};

#[async_trait]
impl AuthService for Auth {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let LoginRequest { username, password, client_address } = request.into_inner();
        let login = self.login(&username, &Secret::new(password), &client_address).await?;
        Ok(Response::new(login.into()))
    }

    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Result<Response<AuthorizeResponse>, Status> {
        let AuthorizeRequest { authorization, method, path, client_address } = request.into_inner();
        let request = auth::Request {
            authorization: &Secret::new(authorization),
            method: &method,
            path: &path,
            address: &client_address,
        };
        Ok(Response::new(self.authorize(&request).await?.into()))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        self.logout(&Secret::new(request.into_inner().token)).await?;
        Ok(Response::new(LogoutResponse {}))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let ChangePasswordRequest { username, current_password, new_password, session_token } = request.into_inner();
        let kept = Some(session_token).filter(|token| !token.is_empty()).map(Secret::new);
        self.change_password(&username, &Secret::new(current_password), &Secret::new(new_password), kept.as_ref())
            .await?;
        Ok(Response::new(ChangePasswordResponse {}))
    }
}
