//! `ObserveService`.

use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use homeport_proto::docker::v1::{
    GetInventoryRequest, GetInventoryResponse, GetStatsRequest, GetStatsResponse, ReadLogsRequest, ReadLogsResponse,
    ReadOwnLogsRequest, ReadOwnLogsResponse, observe_service_server::ObserveService,
};
use homeport_service::status::to_status;
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::{inventory, logs, own, stats};

#[tonic::async_trait]
impl ObserveService for Rpc {
    async fn get_inventory(&self, _: Request<GetInventoryRequest>) -> Result<Response<GetInventoryResponse>, Status> {
        let agent = &self.0;
        let sizes = &agent.upkeep.sizes;
        sizes.refresh(&agent.engine, &agent.context);
        let taken = async {
            let own = own::container_id(&agent.containers).await?;
            inventory::take(&agent.engine, own.as_deref(), sizes, false).await
        };
        answer(taken.await, convert::inventory)
    }

    async fn get_stats(&self, request: Request<GetStatsRequest>) -> Result<Response<GetStatsResponse>, Status> {
        answer(stats::measure(&self.0.engine, &request.into_inner().container).await, convert::stats)
    }

    async fn read_own_logs(
        &self,
        request: Request<ReadOwnLogsRequest>,
    ) -> Result<Response<ReadOwnLogsResponse>, Status> {
        let lines = logs::newest(&self.0.engine, &self.0.containers, request.into_inner().lines).await;
        answer(lines, |lines| ReadOwnLogsResponse { lines: lines.into_iter().map(convert::log_line).collect() })
    }

    type ReadLogsStream = Pin<Box<dyn Stream<Item = Result<ReadLogsResponse, Status>> + Send>>;

    async fn read_logs(&self, request: Request<ReadLogsRequest>) -> Result<Response<Self::ReadLogsStream>, Status> {
        let opened = async {
            let wanted = convert::wanted_log(request.into_inner())?;
            wanted.open(&self.0.engine, &self.0.containers).await
        };
        answer(opened.await, |pieces| -> Self::ReadLogsStream {
            Box::pin(pieces.map(|piece| match piece {
                Ok(piece) => Ok(ReadLogsResponse { chunk: piece.to_vec() }),
                Err(error) => Err(to_status(&error)),
            }))
        })
    }
}
