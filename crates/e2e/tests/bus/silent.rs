//! Connections that say nothing.

use std::{os::unix::net::UnixStream, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;

use crate::{
    bus::{Bus, next},
    soon,
};

/// As many as a busy machine's plugins might leave open.
const CONNECTIONS: usize = 10_000;

/// Lets this process and those that it starts have as many files open as the kernel lets them.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// What a silent connection may cost in the memory of the bus.
const CONNECTION_BYTES: u64 = 16 << 10;

/// Memory of a process, in bytes.
fn resident(process_id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    kilobytes.unwrap().trim().parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn ten_thousand_silent_connections_stay_and_cost_little() {
    raise_limit();
    let mut bus = Bus::start();
    let process_id = bus.process().process_id();
    let mut events = bus.subscribe("a").await;
    let before = resident(process_id);
    let connect = || {
        let stream = UnixStream::connect(bus.socket()).unwrap();
        stream.set_nonblocking(true).unwrap();
        tokio::net::UnixStream::from_std(stream).unwrap()
    };
    let mut silent: Vec<_> = (0..CONNECTIONS).map(|_| connect()).collect();
    bus.publish("a", "beside them").await;
    assert_eq!(next(&mut events).await.1, "beside them");
    let each = resident(process_id).saturating_sub(before) / CONNECTIONS as u64;
    assert!(each < CONNECTION_BYTES, "{each} bytes each");
    // Any of them may speak up, in either protocol's way, and is heard.
    for place in [0, CONNECTIONS / 2, CONNECTIONS - 1] {
        soon(silent[place].write_all(br#"{"topic":"a","value":"1"}"#)).await.unwrap();
        soon(silent[place].write_all(b"\n")).await.unwrap();
        assert_eq!(next(&mut events).await.1, "1");
    }
    let closed = silent.iter().filter(|stream| matches!(stream.try_read(&mut [0]), Ok(0))).count();
    assert_eq!(closed, 0);
}

#[tokio::test]
async fn a_publisher_may_be_silent_for_a_minute() {
    let bus = Bus::start();
    let mut events = bus.subscribe("a").await;
    let mut never_spoke = tokio::net::UnixStream::connect(bus.socket()).await.unwrap();
    let mut spoke = tokio::net::UnixStream::connect(bus.socket()).await.unwrap();
    spoke.write_all(b"{\"topic\":\"a\",\"value\":\"before\"}\n").await.unwrap();
    assert_eq!(next(&mut events).await.1, "before");
    tokio::time::sleep(Duration::from_mins(1)).await;
    for stream in [&mut never_spoke, &mut spoke] {
        stream.write_all(b"{\"topic\":\"a\",\"value\":\"after\"}\n").await.unwrap();
        assert_eq!(next(&mut events).await.1, "after");
    }
}
