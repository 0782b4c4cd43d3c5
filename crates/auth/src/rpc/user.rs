//! `homeport.auth.v1.UserService`

use homeport_proto::auth::v1::{
    self as proto, CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, GetUserRequest,
    GetUserResponse, ImportRequest, ImportResponse, ListStarsRequest, ListStarsResponse, ListUsersRequest,
    ListUsersResponse, ResetPasswordRequest, ResetPasswordResponse, SetStarRequest, SetStarResponse, UpdateUserRequest,
    UpdateUserResponse, user_service_server::UserService,
};
use homeport_service::Secret;
use tonic::{Request, Response, Status, async_trait};

use crate::auth::{Auth, Import, UserChange};

#[async_trait]
impl UserService for Auth {
    async fn list_users(&self, _: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let users = self.users().await?;
        Ok(Response::new(ListUsersResponse { users: users.into_iter().map(proto::User::from).collect() }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let GetUserRequest { id, name } = request.into_inner();
        let user = if id.is_empty() { self.user_named(&name).await? } else { self.user(&id.into()).await? };
        Ok(Response::new(GetUserResponse { user: Some(user.into()) }))
    }

    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        let user = self.create_user(request.into_inner().into()).await?;
        Ok(Response::new(CreateUserResponse { user: Some(user.into()) }))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let request = request.into_inner();
        let id = request.id.clone().into();
        let user = self.update_user(&id, UserChange::from(request)).await?;
        Ok(Response::new(UpdateUserResponse { user: Some(user.into()) }))
    }

    async fn reset_password(
        &self,
        request: Request<ResetPasswordRequest>,
    ) -> Result<Response<ResetPasswordResponse>, Status> {
        let ResetPasswordRequest { id, new_password } = request.into_inner();
        self.reset_password(&id.into(), &Secret::new(new_password)).await?;
        Ok(Response::new(ResetPasswordResponse {}))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        self.delete_user(&request.into_inner().id.into()).await?;
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn import(&self, request: Request<ImportRequest>) -> Result<Response<ImportResponse>, Status> {
        let done = self.import(Import::from(request.into_inner())).await?;
        Ok(Response::new(ImportResponse { users: done.users, tokens: done.tokens, skipped: done.skipped }))
    }

    async fn list_stars(&self, request: Request<ListStarsRequest>) -> Result<Response<ListStarsResponse>, Status> {
        let applications = self.stars(&request.into_inner().user_id.into()).await?;
        Ok(Response::new(ListStarsResponse { applications }))
    }

    async fn set_star(&self, request: Request<SetStarRequest>) -> Result<Response<SetStarResponse>, Status> {
        let SetStarRequest { user_id, application, starred } = request.into_inner();
        let applications = self.set_star(&user_id.into(), &application, starred).await?;
        Ok(Response::new(SetStarResponse { applications }))
    }
}
