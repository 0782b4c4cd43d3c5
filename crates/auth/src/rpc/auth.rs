//! `homeport.auth.v1.AuthService`

use std::pin::Pin;

use homeport_proto::auth::v1::{
    AuthorizeRequest, AuthorizeResponse, ChangePasswordRequest, ChangePasswordResponse, LoginRequest, LoginResponse,
    LogoutRequest, LogoutResponse, WatchRevocationsRequest, WatchRevocationsResponse, auth_service_server::AuthService,
};
use homeport_service::Secret;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, async_trait};

use super::{
    convert::{entrance, factor_need, verb},
    watch,
};
use crate::auth::{self, Attempt, Auth, PasswordChange};

#[async_trait]
impl AuthService for Auth {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let LoginRequest { username, password, client_address, user_agent } = request.into_inner();
        let attempt = Attempt {
            name: &username,
            password: &Secret::new(password),
            address: &client_address,
            user_agent: &user_agent,
        };
        Ok(Response::new(self.login(attempt).await?.into()))
    }

    async fn authorize(&self, request: Request<AuthorizeRequest>) -> Result<Response<AuthorizeResponse>, Status> {
        let request = request.into_inner();
        let verb = verb(request.verb(), &request.method);
        let need = factor_need(request.factor_need());
        let entrance = entrance(request.way());
        let AuthorizeRequest { authorization, method, path, client_address, second_factor, .. } = request;
        let request = auth::Request {
            authorization: &Secret::new(authorization),
            method: &method,
            path: &path,
            address: &client_address,
            verb,
            second_factor: &Secret::new(second_factor),
            need,
            entrance,
        };
        Ok(Response::new(self.authorize(&request).await?.into()))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        let LogoutRequest { token, client_address } = request.into_inner();
        self.logout(&Secret::new(token), &client_address).await?;
        Ok(Response::new(LogoutResponse {}))
    }

    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        let ChangePasswordRequest { username, current_password, new_password, session_token, client_address } =
            request.into_inner();
        let kept = Some(session_token).filter(|token| !token.is_empty()).map(Secret::new);
        self.change_password(PasswordChange {
            name: &username,
            current: &Secret::new(current_password),
            new: &Secret::new(new_password),
            kept: kept.as_ref(),
            address: &client_address,
        })
        .await?;
        Ok(Response::new(ChangePasswordResponse {}))
    }

    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

    async fn watch_revocations(
        &self,
        _: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Ok(Response::new(Box::pin(watch::stream(self.revocations().follow(), self.drain().clone()))))
    }
}
