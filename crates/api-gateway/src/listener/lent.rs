//! A connection that is lent to hyper while there is something to do, and costs next to nothing while there is not.
//!
//! hyper keeps some 20 KB for each connection. A browser keeps six of them open for minutes, and ten thousand clients would
//! take 200 MB for silence.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffer::Buffer;

/// What the end of a request's headers looks like.
const END_OF_HEAD: [u8; 4] = *b"\r\n\r\n";

/// What is known of a lent connection.
#[derive(Debug)]
pub(super) struct Loan<S> {
    /// Requests that are being answered.
    in_flight: AtomicUsize,
    /// Requests so far.
    requests: AtomicUsize,
    /// A request had a body, so what was read last may be a part of one.
    had_body: AtomicBool,
    /// The client does not take what it is sent.
    is_blocked: AtomicBool,
    /// The last four bytes that were read.
    last: AtomicU32,
    /// The stream comes here when hyper drops it.
    wanted: AtomicBool,
    returned: Mutex<Option<S>>,
}

impl<S> Default for Loan<S> {
    fn default() -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            had_body: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            last: AtomicU32::new(0),
            wanted: AtomicBool::new(false),
            returned: Mutex::new(None),
        }
    }
}

/// A request that is being answered, until the last byte of its answer has been handed over.
#[derive(Debug)]
pub(super) struct InFlight<S>(Arc<Loan<S>>);

impl<S> Drop for InFlight<S> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl<S> Loan<S> {
    pub(super) fn begin(self: &Arc<Self>, has_body: bool) -> InFlight<S> {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        if has_body {
            self.had_body.store(true, Relaxed);
        }
        InFlight(Arc::clone(self))
    }

    /// Requests so far: the same number at two times means that nothing happened between.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// Whether hyper holds nothing that belongs to the connection: every answer was taken, and what was read last is the
    /// end of a request, so that nothing of a next one waits in a buffer.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
            && !self.is_blocked.load(Relaxed)
            && !self.had_body.load(Relaxed)
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

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = self.stream.as_mut() else { return Poll::Ready(Err(gone())) };
        Pin::new(stream).poll_flush(cx)
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

pin_project! {
    /// The body of an answer, which holds on to its request until it has been handed over.
    pub(super) struct Counted<S> {
        #[pin]
        body: Body,
        in_flight: InFlight<S>,
    }
}

impl<S> Counted<S> {
    pub(super) const fn new(body: Body, in_flight: InFlight<S>) -> Self {
        Self { body, in_flight }
    }
}

impl<S> HttpBody for Counted<S> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
