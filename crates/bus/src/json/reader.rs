//! Lines from a stream.

use std::io;

use bytes::BytesMut;
use homeport_bus_wire::lines::Lines;
use tokio::net::UnixStream;

/// How much a connection's buffer starts with once there is something to read. Most lines are shorter.
const READ_BYTES: usize = 4096;

/// Reads lines of at most 4 MiB, newline included. Between lines it holds no memory.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    stream: &'a UnixStream,
    lines: Lines,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(stream: &'a UnixStream) -> Self {
        Self { stream, lines: Lines::default() }
    }

    /// The next line, or what stands behind the last newline; none at the end, or when a line is too long.
    pub(crate) async fn next(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            match self.lines.cut() {
                Ok(Some(line)) => return Ok(Some(line)),
                Ok(None) => {}
                Err(_) => return Ok(None),
            }
            if self.fill().await? == 0 {
                return Ok(self.lines.rest());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(self.lines.room(READ_BYTES)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}
