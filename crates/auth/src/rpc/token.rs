//! `homeport.auth.v1.TokenService`

use homeport_proto::auth::v1::{
    self as proto, CreateTokenRequest, CreateTokenResponse, DeleteTokenRequest, DeleteTokenResponse, ListTokensRequest,
    ListTokensResponse, RefreshTokenRequest, RefreshTokenResponse, RescopeTokenRequest, RescopeTokenResponse,
    token_service_server::TokenService,
};
use tonic::{Request, Response, Status, async_trait};

use super::convert::{named, token_kind, user_id};
use crate::auth::{Auth, NewToken};

#[async_trait]
impl TokenService for Auth {
    async fn create_token(
        &self,
        request: Request<CreateTokenRequest>,
    ) -> Result<Response<CreateTokenResponse>, Status> {
        let wanted = NewToken::try_from(request.into_inner())?;
        let (token, secret) = self.create_token(wanted).await?;
        Ok(Response::new(CreateTokenResponse { token: Some(token.into()), secret: secret.expose().clone() }))
    }

    async fn list_tokens(&self, request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        let request = request.into_inner();
        let user = user_id(&request.user_id);
        let tokens = self.tokens(token_kind(request.kind()), user.as_ref()).await?;
        Ok(Response::new(ListTokensResponse { tokens: tokens.into_iter().map(proto::Token::from).collect() }))
    }

    async fn rescope_token(
        &self,
        request: Request<RescopeTokenRequest>,
    ) -> Result<Response<RescopeTokenResponse>, Status> {
        let RescopeTokenRequest { token, scopes, unscoped } = request.into_inner();
        let (name, user) = named(token);
        let token = self.rescope_token(&name, user.as_ref(), scopes, unscoped).await?;
        Ok(Response::new(RescopeTokenResponse { token: Some(token.into()) }))
    }

    async fn refresh_token(
        &self,
        request: Request<RefreshTokenRequest>,
    ) -> Result<Response<RefreshTokenResponse>, Status> {
        let (name, user) = named(request.into_inner().token);
        let (token, secret) = self.refresh_token(&name, user.as_ref()).await?;
        Ok(Response::new(RefreshTokenResponse { token: Some(token.into()), secret: secret.expose().clone() }))
    }

    async fn delete_token(
        &self,
        request: Request<DeleteTokenRequest>,
    ) -> Result<Response<DeleteTokenResponse>, Status> {
        let DeleteTokenRequest { id, token } = request.into_inner();
        let (name, user) = named(Some(token.unwrap_or(proto::TokenName { id, ..proto::TokenName::default() })));
        self.delete_token(&name, user.as_ref()).await?;
        Ok(Response::new(DeleteTokenResponse {}))
    }
}
