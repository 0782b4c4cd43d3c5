//! What clients cost that have asked something and then stay.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::Stack;

use crate::{figures::row, process::memory_megabytes};

/// Clients that stay.
const CLIENTS: usize = 10_000;
/// Until the gateway takes them for idle.
const SETTLE: Duration = Duration::from_secs(4);

pub(super) fn measure(stack: &Stack) -> anyhow::Result<()> {
    let gateway = stack.process_id("gateway").context("the gateway does not run")?;
    let address = stack.url().trim_start_matches("http://").to_owned();
    let request =
        format!("GET /plugins/bench/x HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n", stack.token());
    let (before, _) = memory_megabytes(gateway)?;
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(&address)?;
        client.write_all(request.as_bytes())?;
        let mut answer = [0; 16];
        client.read_exact(&mut answer)?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        clients.push(client);
    }
    std::thread::sleep(SETTLE);
    let (after, own) = memory_megabytes(gateway)?;
    let text = format!("{after:.1} MB resident ({before:.1} MB before), {own:.1} MB its own");
    row(&format!("memory with {CLIENTS} idle keep-alive connections, each after one request"), &text, "100 MB");
    // They are still served.
    for client in clients.iter_mut().step_by(100) {
        client.set_nonblocking(true)?;
        let mut rest = [0; 4096];
        while client.read(&mut rest).is_ok_and(|length| length > 0) {}
        client.set_nonblocking(false)?;
        client.write_all(request.as_bytes())?;
        let mut answer = [0; 12];
        client.read_exact(&mut answer)?;
        ensure!(&answer == b"HTTP/1.1 200", "a client that stayed was not served");
    }
    Ok(())
}
