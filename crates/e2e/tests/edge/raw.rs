//! Bytes to the gateway as no library would send them.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::World;

/// Longer than any limit of the gateway's in these tests.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came back until the gateway closed, or until nothing came for a while.
pub fn exchange(world: &World, bytes: &[u8]) -> anyhow::Result<String> {
    let mut stream = connect(world)?;
    // A gateway that has refused may close before it has read everything.
    drop(stream.write_all(bytes));
    Ok(rest(&mut stream))
}

pub fn connect(world: &World) -> anyhow::Result<TcpStream> {
    let address = world.stack.url();
    let stream = TcpStream::connect(address.strip_prefix("http://").context("an address")?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Everything until the end.
pub fn rest(stream: &mut TcpStream) -> String {
    let (mut all, mut part) = (Vec::new(), [0; 16 << 10]);
    while let Ok(length @ 1..) = stream.read(&mut part) {
        all.extend_from_slice(&part[..length]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The statuses of all answers in a text.
pub fn statuses(answers: &str) -> Vec<u16> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
}

/// That the gateway serves everybody else as if nothing had happened, and wrote nothing of an internal fault.
pub fn goes_on(world: &World) -> anyhow::Result<()> {
    let (status, _) = world.get("/status")?;
    ensure!(status == 200, "the gateway does not go on: {status}");
    let log = std::fs::read_to_string(world.stack.directory().join("gateway.log"))?;
    ensure!(!log.contains("panicked"), "something panicked");
    Ok(())
}

/// Whether the gateway's log has come to hold a text.
pub fn is_logged(world: &World, text: &str) -> bool {
    std::fs::read_to_string(world.stack.directory().join("gateway.log")).is_ok_and(|log| log.contains(text))
}
