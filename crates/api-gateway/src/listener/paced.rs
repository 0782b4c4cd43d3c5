//! A client's connection that ends when its client takes nothing of what it is sent.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

/// The socket below everything else, TLS included. The clock is looked at only when a write finds no room, so that a client
/// who reads costs nothing, and one who is sent nothing is never late.
#[derive(Debug)]
pub(super) struct Paced {
    stream: TcpStream,
    limit: Duration,
    /// Since when there has been something to write and no room for it.
    blocked: Option<Instant>,
    /// Kept from one wait to the next, and set anew only when it rings too early.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(super) const fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, limit, blocked: None, timer: None }
    }

    /// What came of a write, which fails once there was no room for too long.
    fn note<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.blocked = None;
            return written;
        }
        let end = *self.blocked.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= end {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")));
            }
            timer.as_mut().reset(end);
        }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        // Else the kernel would keep what the client does not take, and go on offering it.
        if self.blocked.is_some()
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::debug!(error = %error, "a connection ends with what was not taken");
        }
    }
}

impl AsyncRead for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::timeout,
    };

    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);
    const PATIENCE: Duration = Duration::from_secs(10);

    async fn pair() -> (Paced, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Paced::new(listener.accept().await.unwrap().0, LIMIT), client)
    }

    /// More than the kernel holds for anybody.
    fn much() -> Vec<u8> {
        vec![0; 64 << 20]
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_left() {
        let (mut paced, client) = pair().await;
        let started = Instant::now();
        let written = timeout(PATIENCE, paced.write_all(&much())).await.expect("it waits forever");
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= LIMIT);
        drop(paced);
        let mut rest = client;
        let end = timeout(PATIENCE, rest.read_to_end(&mut Vec::new())).await.unwrap();
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "the kernel keeps nothing for it");
    }

    #[tokio::test]
    async fn a_slow_one_is_waited_for() {
        let (mut paced, mut client) = pair().await;
        let started = Instant::now();
        let reading = async {
            let (mut buffer, mut read) = (vec![0; 8 << 20], 0);
            while let Ok(length @ 1..) = client.read(&mut buffer).await {
                read += length;
                // Not longer than the limit at once, but longer in all.
                tokio::time::sleep(LIMIT / 4).await;
            }
            read
        };
        let much = much();
        let writing = async {
            let written = paced.write_all(&much).await;
            drop(paced);
            written
        };
        let (written, read) = timeout(PATIENCE * 3, async { tokio::join!(writing, reading) }).await.unwrap();
        written.unwrap();
        assert_eq!(read, much.len());
        assert!(started.elapsed() > LIMIT);
    }

    #[tokio::test]
    async fn who_is_sent_nothing_is_never_late() {
        let (mut paced, mut client) = pair().await;
        paced.write_all(b"a").await.unwrap();
        tokio::time::sleep(LIMIT * 2).await;
        paced.write_all(b"b").await.unwrap();
        let mut both = [0; 2];
        client.read_exact(&mut both).await.unwrap();
        assert_eq!(&both, b"ab");
    }
}
