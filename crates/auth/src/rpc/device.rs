//! `homeport.auth.v1.DeviceService`

use homeport_proto::auth::v1::{
    AuthorizeDeviceRequest, AuthorizeDeviceResponse, CancelDeviceKeyRequest, CancelDeviceKeyResponse,
    GetRecoveryKeyRequest, GetRecoveryKeyResponse, IssueDeviceKeyRequest, IssueDeviceKeyResponse,
    IssueRecoveryKeyRequest, IssueRecoveryKeyResponse, UseRecoveryKeyRequest, UseRecoveryKeyResponse,
    device_service_server::DeviceService,
};
use homeport_service::Secret;
use tonic::{Request, Response, Status, async_trait};

use super::convert::{recovery_key, time, timestamp, user_id};
use crate::{
    auth::{Auth, NewDevice},
    store::word_key::WordKind,
};

#[async_trait]
impl DeviceService for Auth {
    async fn issue_device_key(
        &self,
        request: Request<IssueDeviceKeyRequest>,
    ) -> Result<Response<IssueDeviceKeyResponse>, Status> {
        let (words, expires_at) = self.issue_device_key(user_id(&request.into_inner().user_id)).await?;
        let words = words.expose().clone();
        Ok(Response::new(IssueDeviceKeyResponse { words, expires_at: Some(timestamp(expires_at)) }))
    }

    async fn cancel_device_key(
        &self,
        _request: Request<CancelDeviceKeyRequest>,
    ) -> Result<Response<CancelDeviceKeyResponse>, Status> {
        self.cancel_device_key().await?;
        Ok(Response::new(CancelDeviceKeyResponse {}))
    }

    async fn authorize_device(
        &self,
        request: Request<AuthorizeDeviceRequest>,
    ) -> Result<Response<AuthorizeDeviceResponse>, Status> {
        let AuthorizeDeviceRequest { words, device, client_address } = request.into_inner();
        let device = NewDevice { words: &Secret::new(words), name: &device, address: &client_address };
        let (token, secret) = self.let_in(WordKind::Device, &device).await?;
        Ok(Response::new(AuthorizeDeviceResponse { name: token.name, secret: secret.expose().clone() }))
    }

    async fn get_recovery_key(
        &self,
        _request: Request<GetRecoveryKeyRequest>,
    ) -> Result<Response<GetRecoveryKeyResponse>, Status> {
        Ok(Response::new(recovery_key(self.recovery_key().await?)))
    }

    async fn issue_recovery_key(
        &self,
        request: Request<IssueRecoveryKeyRequest>,
    ) -> Result<Response<IssueRecoveryKeyResponse>, Status> {
        let IssueRecoveryKeyRequest { user_id: user, expires_at, uses } = request.into_inner();
        let words = self.issue_recovery_key(user_id(&user), expires_at.map(time), uses).await?;
        Ok(Response::new(IssueRecoveryKeyResponse { words: words.expose().clone() }))
    }

    async fn use_recovery_key(
        &self,
        request: Request<UseRecoveryKeyRequest>,
    ) -> Result<Response<UseRecoveryKeyResponse>, Status> {
        let UseRecoveryKeyRequest { words, device, client_address } = request.into_inner();
        let device = NewDevice { words: &Secret::new(words), name: &device, address: &client_address };
        let (token, secret) = self.let_in(WordKind::Recovery, &device).await?;
        Ok(Response::new(UseRecoveryKeyResponse { name: token.name, secret: secret.expose().clone() }))
    }
}
