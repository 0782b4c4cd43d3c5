//! Scopes of tokens against the paths of requests: nothing outside of a scope is let through.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file itself: the crate around it has a database and the hashes of passwords in it.
#[allow(dead_code)]
#[path = "../../crates/auth/src/scope.rs"]
mod scope;

use scope::{Scope, allow};

/// Segments as another program would count them.
fn segments(path: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    for segment in path.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        match segment {
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    kept
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let (Some(written), Some(request)) = (lines.next(), lines.next()) else { return };
    let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
    let Ok(parsed) = Scope::parse(written) else { return };
    let shown = parsed.to_string();
    assert_eq!(Scope::parse(&shown).as_ref(), Ok(&parsed), "what is shown is what was meant");
    let allowed = allow(std::slice::from_ref(&parsed), method, path);
    let reach = written.rsplit_once(':').map_or(written, |(path, _)| path);
    if let Some(reach) = reach.strip_prefix('!') {
        let inside = segments(path).starts_with(&segments(reach));
        assert!(!allowed, "an exception lets {path} through");
        let Ok(everything) = Scope::parse("/") else { return };
        let left = allow(&[everything, parsed], method, path);
        assert!(left || inside, "{written} takes {path} away");
        assert!(!left || !inside || written.contains(':'), "{written} leaves {path}");
        return;
    }
    let inside = segments(path).starts_with(&segments(reach));
    assert!(inside || !allowed, "{written} lets {path} through");
    if !written.contains(':') {
        assert_eq!(allowed, inside, "{written} is about all methods of {path}");
    }
    if shown.ends_with(":r") {
        assert!(!allowed || matches!(method, "GET" | "HEAD"), "{written} lets {method} through");
    }
    // Another scope can only add, unless it is an exception.
    let more = lines.next().unwrap_or("/x");
    let Ok(other) = Scope::parse(more) else { return };
    assert!(!allowed || more.starts_with('!') || allow(&[other, parsed], method, path));
});
