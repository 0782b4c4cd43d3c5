//! Room for bytes on their way, which is borrowed while there are any: ten thousand silent connections hold none of it.

use std::{
    cell::RefCell,
    io,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::BufMut as _;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Bytes of room, and of those that are read at once at most: any ordinary head, and large enough for bodies. What is left
/// is for what is written around them.
const ROOM: usize = 16 << 10;
const READ_MOST: usize = 12 << 10;
/// Rooms that each thread keeps for the next one, 2 MiB.
const SPARE_MOST: usize = 128;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty piece of room of this thread.
fn borrow() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(ROOM))
}

fn give_back(mut room: Vec<u8>) {
    // What grew is larger than the next one needs.
    if room.capacity() == ROOM {
        room.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARE_MOST {
                spare.push(room);
            }
        });
    }
}

/// Bytes that were read, or are to be written.
#[derive(Debug, Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// To write into.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        if self.0.capacity() == 0 {
            self.0 = borrow();
        }
        &mut self.0
    }

    /// Reads what there is to the end, up to `most` bytes in all. Gives 0 at the end of the stream, and must not be called
    /// when it is full.
    pub(crate) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let left = most.saturating_sub(self.0.len());
        let read = poll_read_buf(Pin::new(stream), cx, &mut self.room().limit(left));
        if self.0.is_empty() {
            self.clear();
        }
        read
    }

    /// The same up to what is usually read at once.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_fill(stream, READ_MOST, cx)
    }

    /// Whether that is there already.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= READ_MOST
    }

    /// Forgets bytes at the beginning.
    pub(crate) fn consume(&mut self, length: usize) {
        if length >= self.0.len() {
            self.clear();
        } else {
            self.0.drain(..length);
        }
    }

    pub(crate) fn clear(&mut self) {
        give_back(std::mem::take(&mut self.0));
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn room_is_held_only_for_something() {
        let (mut buffer, mut silent) = (Buffer::default(), tokio::io::empty());
        assert_eq!(poll_fn(|cx| buffer.poll_read(&mut silent, cx)).await.unwrap(), 0);
        assert_eq!(buffer.0.capacity(), 0);
        let mut text = &b"some text"[..];
        assert_eq!(poll_fn(|cx| buffer.poll_fill(&mut text, 4, cx)).await.unwrap(), 4);
        buffer.consume(2);
        assert_eq!((&*buffer, buffer.0.capacity()), (&b"me"[..], ROOM));
        buffer.consume(2);
        assert_eq!(buffer.0.capacity(), 0);
        assert!(SPARE.with_borrow(Vec::len) > 0);
    }
}
