//! `pubservice.String`, the one message of the bus as gRPC clients know it: a topic and a value.

use bytes::{Buf, BufMut};
use prost::{
    DecodeError,
    encoding::{
        DecodeContext, WireType, decode_key, encode_key, encode_varint, encoded_len_varint, skip_field, string,
    },
};

use crate::Event;

/// Number of the topic's field.
const TOPIC: u32 = 1;
/// Number of the value's field.
const VALUE: u32 = 2;

/// Reads a message. Fields that are not known are skipped; what is missing is empty.
pub fn decode(mut bytes: impl Buf) -> Result<Event, DecodeError> {
    let mut event = Event::default();
    while bytes.has_remaining() {
        let (number, wire_type) = decode_key(&mut bytes)?;
        let context = DecodeContext::default();
        match number {
            TOPIC => string::merge(wire_type, &mut event.topic, &mut bytes, context)?,
            VALUE => string::merge(wire_type, &mut event.value, &mut bytes, context)?,
            _ => skip_field(wire_type, number, &mut bytes, context)?,
        }
    }
    Ok(event)
}

/// Appends an event as it was published.
pub fn encode(event: &Event, buffer: &mut impl BufMut) {
    text(TOPIC, &[&event.topic], buffer);
    text(VALUE, &[&event.value], buffer);
}

/// Bytes that [`encode`] appends.
pub fn encoded_len(event: &Event) -> usize {
    text_len(event.topic.len()) + text_len(event.value.len())
}

/// Appends an event without a topic, and with `topic:value` as its value.
pub fn encode_joined(event: &Event, buffer: &mut impl BufMut) {
    text(VALUE, &[&event.topic, ":", &event.value], buffer);
}

/// Bytes that [`encode_joined`] appends.
pub fn encoded_joined_len(event: &Event) -> usize {
    text_len(event.topic.len() + 1 + event.value.len())
}

/// Bytes of a field with a text of this length; an empty one is left out. Key and wire type take one byte.
fn text_len(length: usize) -> usize {
    if length == 0 { 0 } else { 1 + encoded_len_varint(length as u64) + length }
}

fn text(number: u32, parts: &[&str], buffer: &mut impl BufMut) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length > 0 {
        encode_key(number, WireType::LengthDelimited, buffer);
        encode_varint(length as u64, buffer);
        for part in parts {
            buffer.put_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_those_of_protobuf() {
        let mut bytes = Vec::new();
        encode(&Event::new("a:b", "{}"), &mut bytes);
        assert_eq!(bytes, b"\x0a\x03a:b\x12\x02{}");
        bytes.clear();
        encode_joined(&Event::new("", ""), &mut bytes);
        assert_eq!(bytes, b"\x12\x01:");
        bytes.clear();
        encode(&Event::default(), &mut bytes);
        assert!(bytes.is_empty());
    }

    #[test]
    fn unknown_fields_are_skipped_and_the_last_of_several_counts() {
        assert_eq!(decode(&b"\x18\x07\x12\x01x\x12\x01y\x22\x02zz"[..]).unwrap(), Event::new("", "y"));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bytes in [&b"\x0a\x05abc"[..], b"\x0a", b"\x0a\x01\xff", b"\x08\x01", b"\x00", b"\xff\xff\xff\xff\xff\xff"]
        {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(topic in ".{0,20}", value in ".{0,200}") {
            let event = Event::new(topic, value);
            let mut bytes = Vec::new();
            encode(&event, &mut bytes);
            prop_assert_eq!(bytes.len(), encoded_len(&event));
            prop_assert_eq!(decode(&bytes[..]).unwrap(), event.clone());
            bytes.clear();
            encode_joined(&event, &mut bytes);
            prop_assert_eq!(bytes.len(), encoded_joined_len(&event));
        }
    }
}
