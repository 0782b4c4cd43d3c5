//! `homeport.auth.v1.FactorService`

use homeport_proto::auth::v1::{
    DeleteFactorRequest, DeleteFactorResponse, GetFactorRequest, GetFactorResponse, RegisterFactorRequest,
    RegisterFactorResponse, ResetFactorRequest, ResetFactorResponse, TestFactorRequest, TestFactorResponse,
    ValidateFactorRequest, ValidateFactorResponse, factor_service_server::FactorService,
};
use homeport_service::Secret;
use tonic::{Request, Response, Status, async_trait};

use crate::{
    auth::{Auth, Shown},
    store::UserId,
};

#[async_trait]
impl FactorService for Auth {
    async fn get_factor(&self, request: Request<GetFactorRequest>) -> Result<Response<GetFactorResponse>, Status> {
        let factor = self.factor(&request.into_inner().user_id.into()).await?;
        Ok(Response::new(GetFactorResponse { factor: Some(factor.into()) }))
    }

    async fn register_factor(
        &self,
        request: Request<RegisterFactorRequest>,
    ) -> Result<Response<RegisterFactorResponse>, Status> {
        let RegisterFactorRequest { user_id, code, client_address } = request.into_inner();
        let (user, code) = (UserId::from(user_id), Secret::new(code));
        let made = self.register_factor(&Shown { user: &user, code: &code, address: &client_address }).await?;
        let factor = self.factor(&user).await?;
        Ok(Response::new(RegisterFactorResponse {
            secret: made.secret.expose().clone(),
            url: made.url.expose().clone(),
            qr_svg: made.qr_svg.expose().clone(),
            factor: Some(factor.into()),
        }))
    }

    async fn validate_factor(
        &self,
        request: Request<ValidateFactorRequest>,
    ) -> Result<Response<ValidateFactorResponse>, Status> {
        let ValidateFactorRequest { user_id, code, client_address, always_on } = request.into_inner();
        let (user, code) = (UserId::from(user_id), Secret::new(code));
        let shown = Shown { user: &user, code: &code, address: &client_address };
        Ok(Response::new(self.validate_factor(&shown, always_on).await?.into()))
    }

    async fn delete_factor(
        &self,
        request: Request<DeleteFactorRequest>,
    ) -> Result<Response<DeleteFactorResponse>, Status> {
        let DeleteFactorRequest { user_id, code, client_address } = request.into_inner();
        let (user, code) = (UserId::from(user_id), Secret::new(code));
        self.delete_factor(&Shown { user: &user, code: &code, address: &client_address }).await?;
        Ok(Response::new(DeleteFactorResponse {}))
    }

    async fn reset_factor(
        &self,
        request: Request<ResetFactorRequest>,
    ) -> Result<Response<ResetFactorResponse>, Status> {
        self.reset_factor(&request.into_inner().user_id.into()).await?;
        Ok(Response::new(ResetFactorResponse {}))
    }

    async fn test_factor(&self, request: Request<TestFactorRequest>) -> Result<Response<TestFactorResponse>, Status> {
        let TestFactorRequest { user_id, token, client_address } = request.into_inner();
        self.proven(&user_id.into(), &Secret::new(token), &client_address)?;
        Ok(Response::new(TestFactorResponse {}))
    }
}
