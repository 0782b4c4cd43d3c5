//! `homeport.updater.v1.HistoryService` and `SettingService`.

use homeport_proto::updater::v1::{
    ClearHistoryRequest, ClearHistoryResponse, GetSettingRequest, GetSettingResponse, HistoryEntry, HistoryKind,
    ListHistoryRequest, ListHistoryResponse, ListWaysBackRequest, ListWaysBackResponse, SetSettingRequest,
    SetSettingResponse, history_service_server::HistoryService, list_ways_back_response,
    setting_service_server::SettingService,
};
use homeport_service::status::to_status;
use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::convert::wire_time;
use crate::{
    error::UpdateError,
    history::{History, Wanted},
    store::history::{Line, WayBack},
};

/// Most lines in one answer.
const LIMIT: u32 = 1_000;

/// Looking back.
#[derive(Debug, Clone)]
pub struct LookBack(pub History);

#[tonic::async_trait]
impl HistoryService for LookBack {
    async fn list_history(
        &self,
        request: Request<ListHistoryRequest>,
    ) -> Result<Response<ListHistoryResponse>, Status> {
        let request = request.into_inner();
        let wanted = match request.kind() {
            HistoryKind::Unspecified => Wanted::All,
            HistoryKind::Check => Wanted::Checks,
            HistoryKind::Update => Wanted::Updates,
        };
        let lines = self.0.list(wanted, request.limit.clamp(1, LIMIT)).await;
        let lines = lines.map_err(|error| to_status(&UpdateError::from(error)))?;
        Ok(Response::new(ListHistoryResponse { entries: lines.into_iter().map(entry).collect() }))
    }

    async fn clear_history(
        &self,
        request: Request<ClearHistoryRequest>,
    ) -> Result<Response<ClearHistoryResponse>, Status> {
        let deleted = self.0.clear(request.into_inner().older_than_days).await;
        let deleted = deleted.map_err(|error| to_status(&UpdateError::from(error)))?;
        Ok(Response::new(ClearHistoryResponse { deleted }))
    }

    async fn list_ways_back(&self, _: Request<ListWaysBackRequest>) -> Result<Response<ListWaysBackResponse>, Status> {
        let ways = self.0.ways_back().await.map_err(|error| to_status(&UpdateError::from(error)))?;
        Ok(Response::new(ListWaysBackResponse { ways: ways.into_iter().map(way_back).collect() }))
    }
}

#[tonic::async_trait]
impl SettingService for LookBack {
    async fn get_setting(&self, request: Request<GetSettingRequest>) -> Result<Response<GetSettingResponse>, Status> {
        let value = self.0.setting(&request.into_inner().key).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(GetSettingResponse { value }))
    }

    async fn set_setting(&self, request: Request<SetSettingRequest>) -> Result<Response<SetSettingResponse>, Status> {
        let SetSettingRequest { key, value } = request.into_inner();
        self.0.set(&key, &value).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(SetSettingResponse {}))
    }
}

fn entry((at, line): (Timestamp, Line)) -> HistoryEntry {
    let at = Some(wire_time(at));
    match line {
        Line::Check(found) => HistoryEntry {
            at,
            kind: HistoryKind::Check.into(),
            container_name: found.container_name,
            image: found.image,
            status: found.status,
            old_version: found.current_version,
            new_version: found.latest_version,
            operation_id: String::new(),
            error: found.error,
        },
        Line::Update(done) => HistoryEntry {
            at,
            kind: HistoryKind::Update.into(),
            container_name: done.container_name,
            image: String::new(),
            status: if done.is_success { "success" } else { "failed" }.to_owned(),
            old_version: done.from,
            new_version: done.to,
            operation_id: done.operation,
            error: if done.is_success { String::new() } else { done.message },
        },
    }
}

fn way_back(way: WayBack) -> list_ways_back_response::WayBack {
    list_ways_back_response::WayBack {
        container_name: way.container_name,
        operation_id: way.operation,
        old_version: way.old_version,
    }
}
