//! A connection that is lent to hyper while there is something to do, and costs next to nothing while there is not.
//!
//! hyper keeps some 20 KB for each connection. A browser keeps six of them open for minutes, and ten thousand clients would
//! take 200 MB for silence.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{buffer::Buffer, traffic::Traffic};

/// What the end of a request's headers looks like.
const END_OF_HEAD: [u8; 4] = *b"\r\n\r\n";

/// What is known of a lent connection.
#[derive(Debug)]
pub(super) struct Loan<S> {
    traffic: Arc<Traffic>,
    /// The client does not take what it is sent.
    is_blocked: AtomicBool,
    /// The last four bytes that were read.
    last: AtomicU32,
    /// The stream comes here when hyper drops it.
    wanted: AtomicBool,
    returned: Mutex<Option<S>>,
}

impl<S> Loan<S> {
    pub(super) const fn new(traffic: Arc<Traffic>) -> Self {
        Self {
            traffic,
            is_blocked: AtomicBool::new(false),
            last: AtomicU32::new(0),
            wanted: AtomicBool::new(false),
            returned: Mutex::new(None),
        }
    }

    /// Whether hyper holds nothing that belongs to the connection: every answer was taken, and what was read last is the
    /// end of a request, so that nothing of a next one waits in a buffer.
    pub(super) fn is_idle(&self) -> bool {
        self.traffic.is_idle()
            && !self.is_blocked.load(Relaxed)
            && !self.traffic.had_body()
            && self.last.load(Relaxed).to_be_bytes() == END_OF_HEAD
    }

    /// Asks for the stream, to be fetched with [`Loan::take`] once hyper's part was dropped.
    pub(super) fn want(&self) {
        self.wanted.store(true, Relaxed);
    }

    pub(super) fn take(&self) -> Option<S> {
        self.slot().take()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<S>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, read: &[u8]) {
        let mut last = self.last.load(Relaxed);
        for byte in &read[read.len().saturating_sub(END_OF_HEAD.len())..] {
            last = last << 8 | u32::from(*byte);
        }
        self.last.store(last, Relaxed);
    }
}

/// The stream as hyper gets it.
#[derive(Debug)]
pub(super) struct Lent<S> {
    /// `None` only while it is dropped.
    stream: Option<S>,
    /// What was read before it was lent.
    read: Buffer,
    loan: Arc<Loan<S>>,
}

impl<S> Lent<S> {
    pub(super) const fn new(stream: S, read: Buffer, loan: Arc<Loan<S>>) -> Self {
        Self { stream: Some(stream), read, loan }
    }
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if self.loan.wanted.load(Relaxed) {
            *self.loan.slot() = self.stream.take();
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.read.is_empty() {
            let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Err(gone())) };
            ready!(Pin::new(stream).poll_read(cx, buffer))?;
        } else {
            let length = self.read.len().min(buffer.remaining());
            buffer.put_slice(&self.read[..length]);
            self.read.consume(length);
        }
        self.loan.note(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Lent<S> {
    /// Writes, and remembers whether the client takes it.
    fn write<T>(&mut self, write: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Err(gone())) };
        let written = write(Pin::new(stream));
        self.loan.is_blocked.store(written.is_pending(), Relaxed);
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write(|stream| stream.poll_write(cx, bytes))
    }

    /// Over TLS what was written is gone only now.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Err(gone())) };
        Pin::new(stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}
