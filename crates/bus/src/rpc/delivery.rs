//! What clients of `pubservice` send and get, written from the event that all subscribers share.

use std::sync::Arc;

use homeport_bus_wire::message;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use crate::broker::{Event, Published};

/// What is sent.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// The answer to a publication: both fields empty.
    Nothing,
    /// Topic and value as they were published.
    Apart(Arc<Published>),
    /// No topic, and `topic:value` as the value.
    Joined(Arc<Published>),
}

/// What a subscription that waits holds, in bytes; it grows with what it is told.
const IDLE_BYTES: usize = 512;
/// What is told to a subscription at a time, in bytes; one event may go beyond it.
const TOLD_BYTES: usize = 32 << 10;

/// The codec of `pubservice`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DeliveryCodec;

impl Codec for DeliveryCodec {
    type Encode = Delivery;
    type Decode = Event;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for DeliveryCodec {
    type Item = Delivery;
    type Error = Status;

    fn encode(&mut self, delivery: Delivery, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match delivery {
            Delivery::Nothing => {}
            Delivery::Apart(event) => {
                buffer.reserve(message::encoded_len(&event));
                message::encode(&event, buffer);
            }
            Delivery::Joined(event) => {
                buffer.reserve(message::encoded_joined_len(&event));
                message::encode_joined(&event, buffer);
            }
        }
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(IDLE_BYTES, TOLD_BYTES)
    }
}

impl Decoder for DeliveryCodec {
    type Item = Event;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Event>, Status> {
        let unreadable = |error| Status::internal(format!("the message is no pubservice.String: {error}"));
        message::decode(buffer).map(Some).map_err(unreadable)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(IDLE_BYTES, TOLD_BYTES)
    }
}
