//! `homeport.auth.v1.TokenService`

use homeport_proto::auth::v1::{
    CreateTokenRequest, CreateTokenResponse, DeleteTokenRequest, DeleteTokenResponse, ListTokensRequest,
    ListTokensResponse, token_service_server::TokenService,
};
use tonic::{Request, Response, Status, async_trait};

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

    async fn list_tokens(&self, _request: Request<ListTokensRequest>) -> Result<Response<ListTokensResponse>, Status> {
        let tokens = self.tokens().await?.into_iter().map(Into::into).collect();
        Ok(Response::new(ListTokensResponse { tokens }))
    }

    async fn delete_token(
        &self,
        request: Request<DeleteTokenRequest>,
    ) -> Result<Response<DeleteTokenResponse>, Status> {
        self.delete_token(&request.into_inner().id.into()).await?;
        Ok(Response::new(DeleteTokenResponse {}))
    }
}
