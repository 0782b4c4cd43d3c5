//! `homeport.updater.v1.ScriptService`.

use std::time::SystemTime;

use homeport_proto::updater::v1::{self as wire, script_service_server::ScriptService};
use homeport_service::status::to_status;
use tonic::{Request, Response, Status};

use super::convert::wire_time;
use crate::{operations::Operations, script::Found, store::Assignment};

/// Scripts, and what is assigned to which container.
#[derive(Debug, Clone)]
pub struct ScriptRpc(pub Operations);

#[tonic::async_trait]
impl ScriptService for ScriptRpc {
    async fn list_scripts(
        &self,
        _: Request<wire::ListScriptsRequest>,
    ) -> Result<Response<wire::ListScriptsResponse>, Status> {
        let found = self.0.scripts().await;
        Ok(Response::new(wire::ListScriptsResponse { scripts: found.into_iter().map(Into::into).collect() }))
    }

    async fn list_script_assignments(
        &self,
        _: Request<wire::ListScriptAssignmentsRequest>,
    ) -> Result<Response<wire::ListScriptAssignmentsResponse>, Status> {
        let found = self.0.assignments().await.map_err(|error| to_status(&error))?;
        let assignments = found.into_iter().map(Into::into).collect();
        Ok(Response::new(wire::ListScriptAssignmentsResponse { assignments }))
    }

    async fn assign_script(
        &self,
        request: Request<wire::AssignScriptRequest>,
    ) -> Result<Response<wire::AssignScriptResponse>, Status> {
        let wire::AssignScriptRequest { container, script_path, requested_by } = request.into_inner();
        let assigned = self.0.assign_script(&container, &script_path, &requested_by).await;
        let assignment = assigned.map_err(|error| to_status(&error))?;
        Ok(Response::new(wire::AssignScriptResponse { assignment: Some(assignment.into()) }))
    }

    async fn unassign_script(
        &self,
        request: Request<wire::UnassignScriptRequest>,
    ) -> Result<Response<wire::UnassignScriptResponse>, Status> {
        let container = request.into_inner().container;
        self.0.unassign_script(&container).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(wire::UnassignScriptResponse {}))
    }
}

impl From<Found> for wire::Script {
    fn from(found: Found) -> Self {
        let since = found.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            name: found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            path: found.path.to_string_lossy().into_owned(),
            relative_path: found.relative.to_string_lossy().into_owned(),
            executable: found.is_executable,
            size_bytes: found.bytes,
            modified_at: since.map(|since| prost_types::Timestamp {
                seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                nanos: 0,
            }),
        }
    }
}

impl From<Assignment> for wire::ScriptAssignment {
    fn from(assignment: Assignment) -> Self {
        Self {
            container_name: assignment.container,
            script_path: assignment.path,
            assigned_at: Some(wire_time(assignment.assigned_at)),
            updated_at: Some(wire_time(assignment.updated_at)),
            assigned_by: assignment.assigned_by,
        }
    }
}
