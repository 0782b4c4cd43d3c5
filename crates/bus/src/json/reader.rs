//! Lines from a stream.

use std::io;

use bytes::BytesMut;
use tokio::net::UnixStream;

use crate::MAX_EVENT_BYTES;

/// How much a connection's buffer starts with once there is something to read. Most lines are shorter.
const READ_BYTES: usize = 4096;

/// Reads lines of at most 4 MiB, newline included. Between lines it holds no memory.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    stream: &'a UnixStream,
    buffer: BytesMut,
    /// Bytes at the beginning of the buffer that are known to hold no newline.
    searched: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(stream: &'a UnixStream) -> Self {
        Self { stream, buffer: BytesMut::new(), searched: 0 }
    }

    /// The next line, or what stands behind the last newline; none at the end, or when a line is too long.
    pub(crate) async fn next(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + length + 1);
                self.searched = 0;
                return Ok(Some(line).filter(|line| line.len() <= MAX_EVENT_BYTES));
            }
            self.searched = self.buffer.len();
            if self.searched >= MAX_EVENT_BYTES {
                return Ok(None);
            }
            if self.fill().await? == 0 {
                let rest = std::mem::take(&mut self.buffer);
                self.searched = 0;
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        loop {
            self.stream.readable().await?;
            self.buffer.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}
