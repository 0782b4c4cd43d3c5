//! The bus as gRPC clients know it.

mod oversize;
mod pubsub;

use homeport_proto::pubservice::pubsub_service_server::{PubsubServiceServer, SERVICE_NAME};
use tonic_reflection::server::{
    Builder, Error,
    v1::{ServerReflection, ServerReflectionServer},
    v1alpha::{ServerReflection as ServerReflectionAlpha, ServerReflectionServer as ServerReflectionServerAlpha},
};

use crate::{
    MAX_EVENT_BYTES,
    broker::Broker,
    rpc::{oversize::Oversize, pubsub::Pubsub},
};

/// `pubservice.PubsubService` in front of a broker.
pub(crate) fn pubsub(broker: Broker) -> Oversize<PubsubServiceServer<Pubsub>> {
    Oversize::new(PubsubServiceServer::new(Pubsub::new(broker)).max_decoding_message_size(MAX_EVENT_BYTES))
}

/// What generic tools ask for, in both versions that they speak.
pub(crate) fn reflection() -> Result<
    (ServerReflectionServer<impl ServerReflection>, ServerReflectionServerAlpha<impl ServerReflectionAlpha>),
    Error,
> {
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(homeport_proto::DESCRIPTORS)
            .with_service_name(SERVICE_NAME)
    };
    Ok((builder().build_v1()?, builder().build_v1alpha()?))
}
