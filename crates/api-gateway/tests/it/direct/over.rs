//! Answers that go on and on, and who may not have more of them, on both ways to a plugin.

use std::time::{Duration, Instant};

use homeport_proto::auth::v1::WatchRevocationsResponse;

use super::*;
use crate::client::GOOD;

/// By when what is over has to have ended.
const SOON: Duration = Duration::from_secs(1);
/// Each is an answer without an end, and how what is sent of it begins.
const ENDLESS: [(&str, &str); 3] = [("/events", "4\r\npart\r\n"), ("/part", "part"), ("/later", "")];
/// What leads a question past the short way.
const LONG_WAY: &str = "\r\nContent-Length: 0\r\n\r\n";

/// Opens every answer without an end on both ways, and reads what comes of it.
async fn open(stack: &Stack, credential: &str) -> Vec<Wire> {
    let mut wires = Vec::new();
    for (path, begin) in ENDLESS {
        for way in ["\r\n\r\n", LONG_WAY] {
            let mut wire = Wire::open(stack).await;
            let question = question("GET", path).replace(GOOD, credential).replace("\r\n\r\n", way);
            wire.send(&question).await;
            assert_eq!(wire.answer(false).await.0, 200, "{path}");
            assert_eq!(wire.exactly(begin.len()).await, begin, "{path}");
            wires.push(wire);
        }
    }
    wires
}

/// Checks that all of them break off without an end, before long, and that the plugin is let go as well.
async fn check_over(wires: Vec<Wire>, script: &Script) {
    let (started, count) = (Instant::now(), wires.len());
    for mut wire in wires {
        assert_eq!(wire.rest().await, "", "nothing more comes, and no end either");
    }
    eventually(|| script.gone.load(Ordering::SeqCst) >= count).await;
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

/// Checks that all of them go on.
async fn check_open(wires: &mut [Wire]) {
    for wire in wires {
        let more = timeout(Duration::from_millis(20), wire.0.read_u8()).await;
        assert!(more.is_err(), "it is over: {more:?}");
    }
}

#[tokio::test]
async fn an_answer_that_goes_on_ends_with_its_credential_alone() {
    let (stack, script) = stack(&[]).await;
    eventually(|| stack.world.revocations.receiver_count() > 0).await;
    let (mut wires, mut others) = (open(&stack, GOOD).await, open(&stack, "Bearer viewer").await);
    // Longer than anything is looked at without being watched.
    tokio::time::sleep(Duration::from_millis(100)).await;
    check_open(&mut wires).await;
    stack.world.revoked_credentials.lock().unwrap().push(GOOD.to_owned());
    let ended = WatchRevocationsResponse { user_ids: vec!["admin".to_owned()], ..Default::default() };
    stack.world.revocations.send(ended).unwrap();
    check_over(wires, &script).await;
    check_open(&mut others).await;
}

#[tokio::test]
async fn an_answer_that_goes_on_ends_with_its_plugin() {
    let (stack, script) = stack(&[]).await;
    let wires = open(&stack, GOOD).await;
    let (_, other) = stack.plugin_socket("other");
    stack.list_plugins(&[("b", &other)]).await;
    check_over(wires, &script).await;
}

/// A websocket to a plugin, and the plugin behind it.
async fn tunnel() -> (Stack, Wire, crate::plugin::Plugin) {
    let stack = Stack::start().await;
    let (socket, path) = stack.plugin_socket("a");
    let plugin = crate::plugin::start(&socket, "a");
    stack.list_plugins(&[("a", &path)]).await;
    eventually(|| stack.world.revocations.receiver_count() > 0).await;
    let mut wire = Wire::open(&stack).await;
    let upgrade = "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    wire.send(&question("GET", "/socket").replace("\r\n\r\n", upgrade)).await;
    assert_eq!(wire.answer(false).await.0, 101);
    wire.send("hello").await;
    assert_eq!(wire.exactly(5).await, "HELLO");
    (stack, wire, plugin)
}

async fn check_closed(mut wire: Wire) {
    let started = Instant::now();
    assert_eq!(wire.rest().await, "");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_tunnel_ends_with_its_plugin() {
    let (stack, wire, _plugin) = tunnel().await;
    stack.list_plugins(&[]).await;
    check_closed(wire).await;
}

#[tokio::test]
async fn a_tunnel_ends_with_its_credential() {
    let (stack, wire, _plugin) = tunnel().await;
    revoke(&stack);
    check_closed(wire).await;
}

fn revoke(stack: &Stack) {
    stack.world.revoked.store(true, Ordering::SeqCst);
    stack.world.revocations.send(WatchRevocationsResponse { everything: true, ..Default::default() }).unwrap();
}

#[tokio::test]
async fn nobody_has_to_read_for_an_answer_to_end() {
    for way in ["\r\n\r\n", LONG_WAY] {
        let (stack, script) = stack(&[]).await;
        eventually(|| stack.world.revocations.receiver_count() > 0).await;
        let mut wire = Wire::open(&stack).await;
        wire.send(&question("GET", "/flood").replace("\r\n\r\n", way)).await;
        eventually(|| script.connections.load(Ordering::SeqCst) > 0).await;
        // Until nothing more fits between the plugin and the client.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(script.gone.load(Ordering::SeqCst), 0);
        revoke(&stack);
        let started = Instant::now();
        eventually(|| script.gone.load(Ordering::SeqCst) == 1).await;
        assert!(started.elapsed() < SOON, "{way:?}: {:?}", started.elapsed());
        drop(wire);
    }
}
