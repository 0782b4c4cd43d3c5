//! `homeport.updater.v1.OperationService`.

use homeport_proto::updater::v1::{
    GetOperationRequest, GetOperationResponse, ListOperationsRequest, ListOperationsResponse,
    operation_service_server::OperationService,
};
use homeport_service::status::to_status;
use tonic::{Request, Response, Status};

use super::convert::cursor_text;
use crate::operations::Operations;

/// The history.
#[derive(Debug, Clone)]
pub struct History(pub Operations);

#[tonic::async_trait]
impl OperationService for History {
    async fn list_operations(
        &self,
        request: Request<ListOperationsRequest>,
    ) -> Result<Response<ListOperationsResponse>, Status> {
        let filter = request.into_inner().try_into().map_err(|error| to_status(&error))?;
        let page = self.0.list(&filter).await.map_err(|error| to_status(&error))?;
        let operations = page.operations.into_iter().map(Into::into).collect();
        Ok(Response::new(ListOperationsResponse { operations, next_cursor: cursor_text(page.next) }))
    }

    async fn get_operation(
        &self,
        request: Request<GetOperationRequest>,
    ) -> Result<Response<GetOperationResponse>, Status> {
        let operation = self.0.get(&request.into_inner().operation_id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(GetOperationResponse { operation: Some(operation.into()) }))
    }
}
