//! `homeport.auth.v1.PasskeyService`

use homeport_proto::auth::v1::{
    self as proto, BeginPasskeyLoginRequest, BeginPasskeyLoginResponse, BeginRegistrationRequest,
    BeginRegistrationResponse, BeginValidationRequest, BeginValidationResponse, DeletePasskeyRequest,
    DeletePasskeyResponse, EndPasskeyLoginRequest, EndPasskeyLoginResponse, FinishPasskeyLoginRequest,
    FinishPasskeyLoginResponse, FinishRegistrationRequest, FinishRegistrationResponse, FinishValidationRequest,
    FinishValidationResponse, ListPasskeysRequest, ListPasskeysResponse, passkey_service_server::PasskeyService,
};
use tonic::{Request, Response, Status, async_trait};

use super::convert::timestamp;
use crate::auth::{Auth, PasskeyLogin, Question, Reply};

#[async_trait]
impl PasskeyService for Auth {
    async fn list_passkeys(
        &self,
        request: Request<ListPasskeysRequest>,
    ) -> Result<Response<ListPasskeysResponse>, Status> {
        let passkeys = self.passkeys(&request.into_inner().user_id.into()).await?;
        Ok(Response::new(ListPasskeysResponse { passkeys: passkeys.into_iter().map(proto::Passkey::from).collect() }))
    }

    async fn begin_registration(
        &self,
        request: Request<BeginRegistrationRequest>,
    ) -> Result<Response<BeginRegistrationResponse>, Status> {
        let BeginRegistrationRequest { user_id, origin, client_address } = request.into_inner();
        let Question { session, options } = self.begin_registration(&user_id.into(), &origin, &client_address).await?;
        Ok(Response::new(BeginRegistrationResponse { session, options }))
    }

    async fn finish_registration(
        &self,
        request: Request<FinishRegistrationRequest>,
    ) -> Result<Response<FinishRegistrationResponse>, Status> {
        let FinishRegistrationRequest { user_id, session, credential, name, client_address } = request.into_inner();
        let reply = Reply { session: &session, credential: &credential, address: &client_address };
        let passkey = self.finish_registration(&user_id.into(), reply, &name).await?;
        Ok(Response::new(FinishRegistrationResponse { passkey: Some(passkey.into()) }))
    }

    async fn begin_validation(
        &self,
        request: Request<BeginValidationRequest>,
    ) -> Result<Response<BeginValidationResponse>, Status> {
        let BeginValidationRequest { user_id, origin, client_address } = request.into_inner();
        let Question { session, options } = self.begin_validation(&user_id.into(), &origin, &client_address).await?;
        Ok(Response::new(BeginValidationResponse { session, options }))
    }

    async fn finish_validation(
        &self,
        request: Request<FinishValidationRequest>,
    ) -> Result<Response<FinishValidationResponse>, Status> {
        let FinishValidationRequest { user_id, session, credential, client_address } = request.into_inner();
        let reply = Reply { session: &session, credential: &credential, address: &client_address };
        Ok(Response::new(self.finish_validation(&user_id.into(), reply).await?.into()))
    }

    async fn begin_passkey_login(
        &self,
        request: Request<BeginPasskeyLoginRequest>,
    ) -> Result<Response<BeginPasskeyLoginResponse>, Status> {
        let BeginPasskeyLoginRequest { origin, client_address } = request.into_inner();
        let Question { session, options } = self.begin_passkey_login(&origin, &client_address)?;
        Ok(Response::new(BeginPasskeyLoginResponse { session, options }))
    }

    async fn finish_passkey_login(
        &self,
        request: Request<FinishPasskeyLoginRequest>,
    ) -> Result<Response<FinishPasskeyLoginResponse>, Status> {
        let FinishPasskeyLoginRequest { session, credential, client_address } = request.into_inner();
        let reply = Reply { session: &session, credential: &credential, address: &client_address };
        let PasskeyLogin { name, token, expires_at } = self.finish_passkey_login(reply).await?;
        let (token, expires_at) = (token.expose().clone(), Some(timestamp(expires_at)));
        Ok(Response::new(FinishPasskeyLoginResponse { name, token, expires_at }))
    }

    async fn end_passkey_login(
        &self,
        request: Request<EndPasskeyLoginRequest>,
    ) -> Result<Response<EndPasskeyLoginResponse>, Status> {
        let EndPasskeyLoginRequest { credential_id, client_address } = request.into_inner();
        let ended = self.end_passkey_login(&credential_id.into(), &client_address).await?;
        Ok(Response::new(EndPasskeyLoginResponse { ended }))
    }

    async fn delete_passkey(
        &self,
        request: Request<DeletePasskeyRequest>,
    ) -> Result<Response<DeletePasskeyResponse>, Status> {
        let DeletePasskeyRequest { user_id, id, client_address } = request.into_inner();
        self.delete_passkey(&user_id.into(), &id, &client_address).await?;
        Ok(Response::new(DeletePasskeyResponse {}))
    }
}
