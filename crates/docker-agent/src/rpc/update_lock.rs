//! `UpdateLockService`.

use homeport_proto::docker::v1::{
    ReleaseUpdateLocksRequest, ReleaseUpdateLocksResponse, SnapshotSource, TakeUpdateLocksRequest,
    TakeUpdateLocksResponse, UpdateLock, update_lock_service_server::UpdateLockService,
};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::{
    error::EngineError,
    helper::lock::{Action, Lock, Report},
};

#[tonic::async_trait]
impl UpdateLockService for Rpc {
    async fn take_update_locks(
        &self,
        request: Request<TakeUpdateLocksRequest>,
    ) -> Result<Response<TakeUpdateLocksResponse>, Status> {
        let TakeUpdateLocksRequest { directories, force } = request.into_inner();
        let action = if force { Action::Break } else { Action::Take };
        answer(self.locks(action, &directories).await, |report| TakeUpdateLocksResponse {
            held: report.held.into_iter().map(wire).collect(),
            broken: report.broken.into_iter().map(wire).collect(),
        })
    }

    async fn release_update_locks(
        &self,
        request: Request<ReleaseUpdateLocksRequest>,
    ) -> Result<Response<ReleaseUpdateLocksResponse>, Status> {
        let released = self.locks(Action::Release, &request.into_inner().directories).await;
        answer(released, |_| ReleaseUpdateLocksResponse {})
    }
}

impl Rpc {
    async fn locks(&self, action: Action, directories: &[SnapshotSource]) -> Result<Report, EngineError> {
        let directories = directories.iter().map(convert::snapshot_source).collect::<Result<Vec<_>, _>>()?;
        self.0.update_locks.act(action, &directories).await
    }
}

fn wire(lock: Lock) -> UpdateLock {
    UpdateLock {
        directory: u32::try_from(lock.directory).unwrap_or(u32::MAX),
        file: lock.file,
        uid: lock.uid,
        since: Some(prost_types::Timestamp { seconds: lock.since, nanos: 0 }),
        content: lock.content,
    }
}
