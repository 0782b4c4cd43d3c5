//! `homeport.auth.v1.SessionService`

use homeport_proto::auth::v1::{
    self as proto, EndSessionRequest, EndSessionResponse, ListSessionsRequest, ListSessionsResponse,
    session_service_server::SessionService,
};
use tonic::{Request, Response, Status, async_trait};

use crate::auth::Auth;

#[async_trait]
impl SessionService for Auth {
    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        let sessions = self.sessions(&request.into_inner().user_id.into()).await?;
        Ok(Response::new(ListSessionsResponse { sessions: sessions.into_iter().map(proto::Session::from).collect() }))
    }

    async fn end_session(&self, request: Request<EndSessionRequest>) -> Result<Response<EndSessionResponse>, Status> {
        let EndSessionRequest { user_id, session_id, client_address } = request.into_inner();
        self.end_session(&user_id.into(), &session_id.into(), &client_address).await?;
        Ok(Response::new(EndSessionResponse {}))
    }
}
