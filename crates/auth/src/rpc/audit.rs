//! `homeport.auth.v1.AuditService`

use std::time::Duration;

use homeport_proto::auth::v1::{
    self as proto, AppendAuditRequest, AppendAuditResponse, ListAuditRequest, ListAuditResponse, VerifyAuditRequest,
    VerifyAuditResponse, audit_service_server::AuditService,
};
use homeport_service::clock::{Clock as _, SystemClock};
use tonic::{Request, Response, Status, async_trait};

use super::convert::head;
use crate::{audit::Entry, auth::Auth, store::audit::Filter};

/// Rows of one answer when nobody says how many.
const LIMIT: u32 = 50;
/// Rows of one answer at most.
const LIMIT_MAX: u32 = 1000;
/// Longest wait for rows that are not there yet.
const WAIT_MAX_MS: u32 = 60_000;

#[async_trait]
impl AuditService for Auth {
    async fn append_audit(
        &self,
        request: Request<AppendAuditRequest>,
    ) -> Result<Response<AppendAuditResponse>, Status> {
        let entries = request.into_inner().entries.into_iter().map(Entry::from).collect();
        self.audit().append(entries, SystemClock.now()).await?;
        Ok(Response::new(AppendAuditResponse {}))
    }

    async fn list_audit(&self, request: Request<ListAuditRequest>) -> Result<Response<ListAuditResponse>, Status> {
        let ListAuditRequest { user_id, action, named, limit, offset, after, wait_ms } = request.into_inner();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let filter = Filter { user: some(user_id), action: some(action), named };
        let limit = if limit == 0 { LIMIT } else { limit.min(LIMIT_MAX) };
        let (rows, total) = if let Some(after) = after {
            let wait = Duration::from_millis(wait_ms.min(WAIT_MAX_MS).into());
            let rows = self.drain().run_until_cancelled(self.audit().after(&filter, after, limit, wait)).await;
            (rows.unwrap_or_else(|| Ok(Vec::new()))?, 0)
        } else {
            self.audit().newest(&filter, limit, offset).await?
        };
        Ok(Response::new(ListAuditResponse { rows: rows.into_iter().map(proto::AuditRow::from).collect(), total }))
    }

    async fn verify_audit(
        &self,
        request: Request<VerifyAuditRequest>,
    ) -> Result<Response<VerifyAuditResponse>, Status> {
        let kept = head(&request.into_inner())?;
        Ok(Response::new(self.audit().verify(kept).await?.into()))
    }
}
