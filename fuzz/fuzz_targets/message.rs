//! The message of gRPC clients.
#![no_main]

use homeport_bus_wire::message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = message::decode(bytes) {
        let mut written = Vec::new();
        message::encode(&event, &mut written);
        assert_eq!(written.len(), message::encoded_len(&event));
        assert!(written.len() <= bytes.len(), "what is written again is no longer than what came");
        assert_eq!(message::decode(&written[..]).as_ref(), Ok(&event));
        written.clear();
        message::encode_joined(&event, &mut written);
        assert_eq!(written.len(), message::encoded_joined_len(&event));
    }
});
