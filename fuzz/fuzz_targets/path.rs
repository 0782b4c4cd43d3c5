//! Paths of requests: decoded once, cleaned, and mapped to a plugin without a way around what was authorised.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The files themselves: the crate around them is a whole gateway.
#[allow(dead_code)]
#[path = "../../crates/api-gateway/src/path.rs"]
mod path;
#[allow(dead_code)]
#[path = "../../crates/api-gateway/src/plugin/place.rs"]
mod place;

use path::{CleanPath, encode};
use place::{Door, Place};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (raw, host) = text.split_once('\n').unwrap_or((text, "nas"));
    let Some(clean) = CleanPath::parse(raw) else { return };
    let decided = clean.as_str();
    assert!(decided.starts_with('/') && !decided.contains("//"));
    assert!(decided.split('/').all(|segment| !matches!(segment, "." | "..")), "{decided}");
    assert!(!decided.chars().any(char::is_control));
    // What is sent on is read by the next one as what was decided upon, and is clean there.
    let again = CleanPath::parse(&encode(decided)).expect("what was encoded can be decoded");
    assert!(again.as_str() == decided && again.was_clean(), "{decided}");
    assert!(encode(decided).is_ascii() && !encode(decided).contains(['?', '#', ' ']));
    if let Some(place) = Place::of(Some(host), "spr.lan", decided) {
        assert!(place.path.starts_with("/plugins/"), "{}", place.path);
        assert!(place.path.split('/').all(|segment| !matches!(segment, "." | "..")), "{}", place.path);
        if place.door == Door::Prefix {
            assert_eq!(place.path, decided);
            assert!(!place.door.is_open_for(decided), "what is below /plugins/ is for nobody without a credential");
        }
    }
});
