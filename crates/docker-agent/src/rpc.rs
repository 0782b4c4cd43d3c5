//! The gRPC services, one file each; what they say and hear is made of the crate's own types in [`convert`].

mod compose;
mod container;
mod convert;
mod credential;
mod engine;
mod image;
mod network;
mod observe;
mod plugin;
mod rehearsal;
mod self_update;
mod snapshot;
mod stack_file;
mod update_lock;
mod upkeep;
mod volume;

use std::sync::Arc;

use homeport_proto::docker::v1::{
    compose_service_server::ComposeServiceServer, container_service_server::ContainerServiceServer,
    credential_service_server::CredentialServiceServer, engine_service_server::EngineServiceServer,
    image_service_server::ImageServiceServer, network_service_server::NetworkServiceServer,
    observe_service_server::ObserveServiceServer, plugin_service_server::PluginServiceServer,
    rehearsal_service_server::RehearsalServiceServer, self_update_service_server::SelfUpdateServiceServer,
    snapshot_service_server::SnapshotServiceServer, stack_file_service_server::StackFileServiceServer,
    update_lock_service_server::UpdateLockServiceServer, upkeep_service_server::UpkeepServiceServer,
    volume_service_server::VolumeServiceServer,
};
use homeport_service::{
    Context,
    rpc::{MAX_MESSAGE_BYTES, Server},
    status::to_status,
};
use tonic::{Response, Status};

use crate::{
    compose::Compose,
    container::Containers,
    engine::Engine,
    error::EngineError,
    image::{Credentials, ImageCache},
    plugin::Plugins,
    self_update::SelfUpdates,
    snapshot::Snapshots,
    stack_file::StackFiles,
    swarm::Swarm,
    update_lock::UpdateLocks,
    upkeep::Upkeep,
    workshop::Workshop,
};

/// Everything that the services act through.
pub(crate) struct Agent {
    pub(crate) engine: Engine,
    pub(crate) images: ImageCache,
    pub(crate) containers: Containers,
    pub(crate) compose: Compose,
    pub(crate) plugins: Plugins,
    pub(crate) credentials: Credentials,
    pub(crate) snapshots: Snapshots,
    pub(crate) files: StackFiles,
    pub(crate) update_locks: UpdateLocks,
    pub(crate) self_updates: SelfUpdates,
    pub(crate) workshop: Workshop,
    pub(crate) swarm: Swarm,
    pub(crate) upkeep: Upkeep,
    /// For work that goes on in the background.
    pub(crate) context: Context,
}

/// The implementation of every service.
#[derive(Clone)]
struct Rpc(Arc<Agent>);

/// Adds every service to a server.
pub(crate) fn register(server: Server, agent: &Arc<Agent>) -> Server {
    let rpc = Arc::new(Rpc(agent.clone()));
    // Inspect documents travel in both directions.
    server
        .service(EngineServiceServer::from_arc(rpc.clone()))
        .service(ContainerServiceServer::from_arc(rpc.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .service(ImageServiceServer::from_arc(rpc.clone()))
        .service(NetworkServiceServer::from_arc(rpc.clone()))
        .service(VolumeServiceServer::from_arc(rpc.clone()))
        .service(ComposeServiceServer::from_arc(rpc.clone()))
        .service(PluginServiceServer::from_arc(rpc.clone()))
        .service(StackFileServiceServer::from_arc(rpc.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .service(SnapshotServiceServer::from_arc(rpc.clone()))
        .service(UpdateLockServiceServer::from_arc(rpc.clone()))
        .service(RehearsalServiceServer::from_arc(rpc.clone()))
        .service(SelfUpdateServiceServer::from_arc(rpc.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .service(ObserveServiceServer::from_arc(rpc.clone()))
        .service(UpkeepServiceServer::from_arc(rpc.clone()))
        .service(CredentialServiceServer::from_arc(rpc))
}

/// The answer of a call.
fn answer<T, R>(result: Result<T, EngineError>, convert: impl FnOnce(T) -> R) -> Result<Response<R>, Status> {
    result.map(|value| Response::new(convert(value))).map_err(|error| to_status(&error))
}
