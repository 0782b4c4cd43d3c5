//! `NetworkService`.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use homeport_proto::docker::v1::{ListNetworksRequest, ListNetworksResponse, network_service_server::NetworkService};
use tonic::{Request, Response, Status};

use super::{Rpc, answer, convert};
use crate::{container::encoded, document::Document as _, error::EngineError};

/// How many networks are described at the same time.
const DESCRIBED_AT_ONCE: usize = 8;

#[tonic::async_trait]
impl NetworkService for Rpc {
    async fn list_networks(&self, _: Request<ListNetworksRequest>) -> Result<Response<ListNetworksResponse>, Status> {
        let engine = &self.0.engine;
        let listed = async {
            let list = engine.get("listing networks", "/networks").await?;
            let ids = list.as_array().into_iter().flatten().map(|network| network.text("Id").to_owned());
            // The list itself lacks the containers.
            let described: Vec<_> = stream::iter(ids.collect::<Vec<_>>())
                .map(|id| async move {
                    match engine.get("describing a network", &format!("/networks/{}", encoded(&id))).await {
                        Ok(network) => Ok::<_, EngineError>(Some(convert::network(&network))),
                        Err(error) if error.is_not_found() => Ok(None),
                        Err(error) => Err(error),
                    }
                })
                .buffered(DESCRIBED_AT_ONCE)
                .try_collect()
                .await?;
            Ok(described.into_iter().flatten().collect())
        };
        answer(listed.await, |networks| ListNetworksResponse { networks })
    }
}
