//! A connection to a plugin on which HTTP is spoken by hand.
//!
//! The kernel is asked to tell only when the plugin says something. It would otherwise tell as well, for each request, that
//! the plugin has read it, which costs both sides as much as a short system call and means nothing to anybody.

use std::{
    io,
    os::{fd::AsFd as _, unix::net},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::{UnixStream, unix::pipe},
};

/// A socket is read like a pipe; and of a pipe's end only one of the two is ever of interest.
#[derive(Debug)]
pub(super) struct Line(pipe::Receiver);

impl Line {
    /// Of a stream that does not block.
    pub(super) fn new(stream: net::UnixStream) -> io::Result<Self> {
        pipe::Receiver::from_owned_fd_unchecked(stream.into()).map(Self)
    }

    /// Whether the other side neither hung up nor said anything unasked.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.0.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Says all of it. A socket nearly always has room for a request; else this waits until the plugin reads on.
    pub(super) async fn say(&self, mut words: &[u8]) -> io::Result<()> {
        while !words.is_empty() {
            match rustix::io::write(&self.0, words).map_err(io::Error::from) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(said) => words = words.get(said..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.has_room().await?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until more can be said. Of one descriptor the kernel tells what it was asked for in the beginning, so this has
    /// one of its own.
    async fn has_room(&self) -> io::Result<()> {
        let other = net::UnixStream::from(self.0.as_fd().try_clone_to_owned()?);
        UnixStream::from_std(other)?.writable().await
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, room)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use tokio::io::AsyncReadExt as _;

    use super::*;

    fn pair() -> (Line, net::UnixStream) {
        let (own, other) = net::UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        (Line::new(own).unwrap(), other)
    }

    #[tokio::test]
    async fn what_is_said_is_heard() {
        let (mut line, mut other) = pair();
        assert!(line.is_silent());
        for word in [&b"one"[..], b"two", b"three, which is longer"] {
            other.write_all(word).unwrap();
            let mut heard = vec![0; word.len()];
            line.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, word);
            assert!(line.is_silent());
        }
        drop(other);
        assert_eq!(line.read(&mut [0]).await.unwrap(), 0);
        assert!(!line.is_silent());
    }

    #[tokio::test]
    async fn more_than_a_socket_holds_is_said_while_somebody_listens() {
        let (line, mut other) = pair();
        let words: Vec<u8> = (0..4 << 20).map(|number: u32| number.to_le_bytes()[1]).collect();
        let listener = std::thread::spawn(move || {
            let mut heard = Vec::new();
            other.read_to_end(&mut heard).map(|_| heard)
        });
        line.say(&words).await.unwrap();
        drop(line);
        assert!(listener.join().unwrap().unwrap() == words);
    }

    #[tokio::test]
    async fn nobody_listens() {
        let (line, other) = pair();
        drop(other);
        assert_eq!(line.say(b"anybody?").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
