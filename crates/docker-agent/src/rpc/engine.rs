//! `EngineService`.

use homeport_proto::docker::v1::{GetEngineRequest, GetEngineResponse, engine_service_server::EngineService};
use tonic::{Request, Response, Status};

use super::{Rpc, answer};
use crate::own;

#[tonic::async_trait]
impl EngineService for Rpc {
    async fn get_engine(&self, _: Request<GetEngineRequest>) -> Result<Response<GetEngineResponse>, Status> {
        let asked = async {
            // Asked each time, since the answer is also the proof that the engine is there.
            self.0.engine.forget_version();
            let version = self.0.engine.version().await?;
            let (own_container_id, compose_version) =
                tokio::join!(own::container_id(&self.0.containers), self.0.compose.version());
            Ok(GetEngineResponse {
                version: version.engine,
                api_version: version.api.to_string(),
                os: version.os,
                architecture: version.architecture,
                compose_version: compose_version.unwrap_or_default(),
                own_container_id: own_container_id?.unwrap_or_default(),
            })
        };
        answer(asked.await, |response| response)
    }
}
