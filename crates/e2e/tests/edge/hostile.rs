//! Bad input, to the shipped gateway: a right status, a line in the log, and it goes on.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    time::{Duration, Instant},
};

use anyhow::ensure;
use homeport_e2e::{Outcome, until};
use serde_json::json;

use crate::{
    World,
    raw::{connect, exchange, goes_on, is_logged, rest, statuses},
};

/// A second request that only a reader who was led astray would see.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

/// Requests whose end two readers could see in two places. One answer, and the rest is never a request.
pub fn framing_that_could_be_read_twice(world: &World) -> Outcome {
    let with = |headers: &str, body: &str| format!("POST /auth/login HTTP/1.1\r\nHost: h\r\n{headers}\r\n\r\n{body}");
    for (what, request) in [
        ("both lengths", with("Content-Length: 5\r\nTransfer-Encoding: chunked", &format!("0\r\n\r\n{SMUGGLED}"))),
        (
            "both lengths, the other order",
            with("Transfer-Encoding: chunked\r\nContent-Length: 5", &format!("0\r\n\r\n{SMUGGLED}")),
        ),
        ("two lengths", with("Content-Length: 0\r\nContent-Length: 38", SMUGGLED)),
        ("two lengths in one", with("Content-Length: 0, 38", SMUGGLED)),
        ("a signed length", with("Content-Length: +5", SMUGGLED)),
        ("a negative length", with("Content-Length: -1", SMUGGLED)),
        ("a length that is none", with("Content-Length: 0x5", SMUGGLED)),
        ("a length without measure", with("Content-Length: 99999999999999999999999", SMUGGLED)),
        ("an encoding that is none", with("Transfer-Encoding: xchunked", SMUGGLED)),
        ("an encoding after chunked", with("Transfer-Encoding: chunked, identity", SMUGGLED)),
        ("a folded header", with("Transfer-Encoding:\r\n chunked", SMUGGLED)),
        ("a folded header, another", with("X-Folded: a\r\n b", SMUGGLED)),
        ("a space before the colon", with("Transfer-Encoding : chunked", SMUGGLED)),
        ("a header without a colon", with("Transfer-Encoding chunked", SMUGGLED)),
        ("a control character in a name", with("Trans\u{b}fer-Encoding: chunked", SMUGGLED)),
        ("a NUL in a value", with("X-Value: a\0b", SMUGGLED)),
        ("a bare line feed in a value", with("X-Value: a\rb", SMUGGLED)),
        ("a chunk size that is none", with("Transfer-Encoding: chunked", &format!("zz\r\n\r\n{SMUGGLED}"))),
        ("a signed chunk size", with("Transfer-Encoding: chunked", &format!("+0\r\n\r\n{SMUGGLED}"))),
        (
            "a chunk size without measure",
            with("Transfer-Encoding: chunked", &format!("fffffffffffffffff\r\n{SMUGGLED}")),
        ),
        (
            "a chunk longer than it says",
            with("Transfer-Encoding: chunked", &format!("1\r\nabc\r\n0\r\n\r\n{SMUGGLED}")),
        ),
        ("no host", format!("GET /status HTTP/1.1\r\n\r\n{SMUGGLED}")),
        ("two hosts", format!("GET /status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{SMUGGLED}")),
        ("another version", format!("GET /status HTTP/9.9\r\nHost: h\r\n\r\n{SMUGGLED}")),
        ("no HTTP at all", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n".to_owned()),
    ] {
        let answers = exchange(world, request.as_bytes())?;
        let statuses = statuses(&answers);
        ensure!(!answers.contains("/smuggled") && statuses.len() <= 1, "{what}: {statuses:?} {answers}");
        let refused = statuses.first().is_none_or(|status| (400..500).contains(status) || *status == 505);
        ensure!(refused, "{what} is served: {answers}");
    }
    until("the log tells of it", Duration::from_secs(5), || is_logged(world, "malformed"))?;
    goes_on(world)
}

/// Heads that would take the gateway's memory.
pub fn heads_without_measure(world: &World) -> Outcome {
    let large = "x".repeat(1 << 20);
    let many = "X-Header: 1\r\n".repeat(5000);
    for (what, request) in [
        ("one header of 1 MiB", format!("GET /status HTTP/1.1\r\nHost: h\r\nX-Large: {large}\r\n\r\n")),
        ("5000 headers", format!("GET /status HTTP/1.1\r\nHost: h\r\n{many}\r\n")),
        ("a path of 1 MiB", format!("GET /{large} HTTP/1.1\r\nHost: h\r\n\r\n")),
        ("a method of 1 MiB", format!("{large} / HTTP/1.1\r\nHost: h\r\n\r\n")),
    ] {
        let answers = exchange(world, request.as_bytes())?;
        let statuses = statuses(&answers);
        // A sender that goes on writing may see the connection reset before it sees the answer.
        ensure!(statuses.iter().all(|status| matches!(status, 400 | 414 | 431)), "{what}: {answers}");
    }
    goes_on(world)
}

/// Other spellings of paths: what is decided upon is what is served.
pub fn paths_with_tricks(world: &World) -> Outcome {
    let (token, mut faults) = (world.stack.token(), Vec::new());
    for (path, expected) in [
        ("/healthz/../status", &[301][..]),
        ("//status", &[301]),
        ("/./status", &[301]),
        ("/%2e/status", &[301]),
        ("/%2e%2e/%2e%2e/etc/passwd", &[301]),
        ("/api/%2e%2e/status", &[301]),
        ("/st%61tus", &[200, 301, 404]),
        ("/status%00", &[400]),
        ("/status%0a", &[400]),
        ("/status%ff", &[400]),
        ("/status%", &[400]),
        ("/status%zz", &[400]),
        ("/status/", &[301, 404]),
        ("/status%2f", &[301, 404]),
        ("/plugins/%2e%2e/status", &[301]),
        ("/plugins/..%2fstatus", &[301]),
        ("/plugins/none/%2e%2e%2f%2e%2e%2ftokens", &[301]),
        ("/..%5c..%5cetc", &[404]),
        ("/docs/..%2f..%2fCargo.toml", &[301, 404]),
        ("/docs/%2e%2e%2fstatus", &[301, 404]),
        ("http://other/status", &[200]),
        ("*", &[400, 404]),
        ("status", &[400]),
        ("/status\u{7f}", &[400]),
    ] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        let answer = exchange(world, format!("{head}Authorization: Bearer {token}\r\n\r\n").as_bytes())?;
        let status = statuses(&answer);
        if status.len() != 1 || !expected.contains(&status[0]) {
            faults.push(format!("{path}: {status:?}, not {expected:?}"));
        }
        // Without a credential no spelling shows anything.
        let answer = exchange(world, format!("{head}\r\n").as_bytes())?;
        let status = statuses(&answer);
        let closed = status.iter().all(|status| matches!(status, 400 | 401));
        if !closed && !path.starts_with("/docs/") {
            faults.push(format!("{path} without a credential: {status:?}"));
        }
    }
    ensure!(faults.is_empty(), "{faults:#?}");
    goes_on(world)
}

/// Clients that hold connections and send next to nothing.
pub fn clients_without_haste(world: &World) -> Outcome {
    let begin = Instant::now();
    let mut slow = connect(world)?;
    slow.write_all(b"GET /status HTTP/1.1\r\nHost: h\r\nX-Slow: ")?;
    let mut body = connect(world)?;
    body.write_all(b"POST /auth/login HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")?;
    let mut silent: Vec<_> = (0..50).map(|_| connect(world)).collect::<Result<_, _>>()?;
    // Everybody else is served meanwhile.
    goes_on(world)?;
    let answers = (rest(&mut slow), rest(&mut body));
    ensure!(statuses(&answers.0).iter().all(|status| *status == 408), "a slow head: {}", answers.0);
    ensure!(statuses(&answers.1) == [408], "a slow body: {}", answers.1);
    for stream in &mut silent {
        ensure!(rest(stream).is_empty(), "whoever says nothing is told nothing");
    }
    ensure!(begin.elapsed() < Duration::from_secs(14), "they were held for {:?}", begin.elapsed());
    goes_on(world)
}

/// Plugins that break the rules: what the client gets is the gateway's own answer.
pub fn plugins_that_answer_garbage(world: &World) -> Outcome {
    for (name, answer, expected) in [
        ("garbage", "\u{0}\u{1}garbage\r\n\r\n".as_bytes(), 502),
        ("empty", b"", 502),
        ("half-head", b"HTTP/1.1 200 OK\r\nContent-Le", 502),
        ("no-version", b"200 OK\r\n\r\n", 502),
        ("two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502),
        ("bad-length", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", 502),
        ("bad-status", b"HTTP/1.1 999999 OK\r\n\r\n", 502),
        ("folded", b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n", 502),
    ] {
        let socket = world.socket(name)?;
        drop(std::fs::remove_file(&socket));
        let listener = UnixListener::bind(&socket)?;
        let answer = answer.to_vec();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut request = [0; 4096];
                drop(stream.read(&mut request));
                drop(stream.write_all(&answer));
            }
        });
        let path = format!("/state/plugins/{name}/socket");
        world.list(&json!({ "Name": name, "URI": name, "UnixPath": path, "Enabled": true }))?;
        let (status, body) = world.get(&format!("/plugins/{name}/x"))?;
        ensure!(status == expected, "{name}: {status} {body}");
        ensure!(body.to_string().contains(name), "{name}: the answer does not name the plugin: {body}");
    }
    goes_on(world)
}
