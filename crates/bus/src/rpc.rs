//! The bus as gRPC clients know it.

mod bus;
mod delivery;
mod oversize;
mod pubsub;
mod replay;

use std::sync::Arc;

pub(crate) use bus::Parts;
use homeport_proto::{
    bus::v1::bus_service_server::{self, BusServiceServer},
    pubservice::pubsub_service_server::SERVICE_NAME,
};
use tonic_reflection::server::{
    Builder, Error,
    v1::{ServerReflection, ServerReflectionServer},
    v1alpha::{ServerReflection as ServerReflectionAlpha, ServerReflectionServer as ServerReflectionServerAlpha},
};

use crate::{
    MAX_EVENT_BYTES,
    broker::Broker,
    door::Door,
    latency::Latencies,
    rpc::{bus::Bus, oversize::Oversize, pubsub::Pubsub},
};

/// `pubservice.PubsubService` in front of a broker.
pub(crate) const fn pubsub(broker: Broker, door: Door, latencies: Arc<Latencies>) -> Oversize<Pubsub> {
    Oversize::new(Pubsub::new(broker, door, latencies))
}

/// `homeport.bus.v1.BusService` in front of a broker and its log.
pub(crate) fn bus(parts: Parts, door: Door) -> Oversize<BusServiceServer<Bus>> {
    Oversize::new(BusServiceServer::new(Bus::new(parts, door)).max_decoding_message_size(MAX_EVENT_BYTES))
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
            .with_service_name(bus_service_server::SERVICE_NAME)
    };
    Ok((builder().build_v1()?, builder().build_v1alpha()?))
}
