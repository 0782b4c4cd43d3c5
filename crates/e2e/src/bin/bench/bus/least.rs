//! The least that a server can do for a message: read it, write it to its one subscriber, and answer. What that takes is
//! the price of waking two processes, which no server can be below that is waited for.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    path::Path,
};

/// Longest message.
const BYTES: usize = 4096;

/// Serves one subscriber, which comes first, and one publisher, until the publisher leaves.
pub(crate) fn serve(socket: &Path) -> anyhow::Result<()> {
    let listener = UnixListener::bind(socket)?;
    let (mut subscriber, _) = listener.accept()?;
    let (mut publisher, _) = listener.accept()?;
    let mut buffer = [0; BYTES];
    loop {
        let length = publisher.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let message = buffer.get(..length).unwrap_or_default();
        subscriber.write_all(message)?;
        // An empty line for each.
        let answers: Vec<u8> = message.iter().copied().filter(|byte| *byte == b'\n').collect();
        publisher.write_all(&answers)?;
    }
}
