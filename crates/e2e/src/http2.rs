//! HTTP/2 by hand, as the gRPC library of Go sends it: for tests that send what no library would, and for loads that
//! must cost less than what they load.

mod headers;

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

pub use headers::Headers;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Ends a request or an answer.
pub const END_STREAM: u8 = 1;
/// This answers a SETTINGS or a PING.
pub const ACK: u8 = 1;
/// A block of headers is complete.
pub const END_HEADERS: u8 = 4;

/// Kinds of frames.
pub mod kind {
    /// A piece of a body.
    pub const DATA: u8 = 0;
    /// Headers or trailers.
    pub const HEADERS: u8 = 1;
    /// The end of a stream.
    pub const RST_STREAM: u8 = 3;
    /// Parameters of the connection.
    pub const SETTINGS: u8 = 4;
    /// Something to be answered.
    pub const PING: u8 = 6;
    /// The connection is about to end.
    pub const GOAWAY: u8 = 7;
    /// More may be sent.
    pub const WINDOW_UPDATE: u8 = 8;
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// See [`kind`].
    pub kind: u8,
    /// Depends on the kind.
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// Allows the other side to send more.
    pub fn window_update(stream: u32, bytes: u32) -> Self {
        Self::new(kind::WINDOW_UPDATE, 0, stream, bytes.to_be_bytes())
    }

    /// Whether it is the last one of its stream.
    pub const fn ends_stream(&self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }

    /// Appends it as it is sent.
    pub fn append_to(&self, buffer: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        buffer.extend_from_slice(&length[1..]);
        buffer.extend_from_slice(&[self.kind, self.flags]);
        buffer.extend_from_slice(&self.stream.to_be_bytes());
        buffer.extend_from_slice(&self.payload);
    }
}

/// A message as gRPC puts it into a body: not compressed, with its length in front.
pub fn message(encoded: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend_from_slice(&u32::try_from(encoded.len()).unwrap_or(u32::MAX).to_be_bytes());
    message.extend_from_slice(encoded);
    message
}

/// Appends a whole request with one message: its headers, and its body in frames of the size that every server takes.
pub fn append_request(buffer: &mut Vec<u8>, headers: &mut Headers, stream: u32, path: &str, encoded: &[u8]) {
    Frame::new(kind::HEADERS, END_HEADERS, stream, headers.block(path)).append_to(buffer);
    let body = message(encoded);
    let pieces = body.chunks(16_384).count();
    for (number, piece) in body.chunks(16_384).enumerate() {
        let last = if number + 1 == pieces { END_STREAM } else { 0 };
        Frame::new(kind::DATA, last, stream, piece).append_to(buffer);
    }
}

/// A connection that sends and receives frame by frame, and answers nothing by itself.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    headers: Headers,
    next_stream: u32,
}

impl Connection {
    /// Connects, and says what a client of Go says first: the preface and an empty SETTINGS.
    pub fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        // Far longer than anything takes; a test that hangs fails.
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut connection = Self { stream, headers: Headers::default(), next_stream: 1 };
        connection.stream.write_all(PREFACE)?;
        connection.send(&Frame::new(kind::SETTINGS, 0, 0, []))?;
        Ok(connection)
    }

    /// Sends a frame.
    pub fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame.append_to(&mut bytes);
        self.stream.write_all(&bytes)
    }

    /// Sends a request with one message, and answers its stream.
    pub fn request(&mut self, path: &str, encoded: &[u8]) -> io::Result<u32> {
        let stream = self.next_stream;
        self.next_stream += 2;
        let mut bytes = Vec::new();
        append_request(&mut bytes, &mut self.headers, stream, path, encoded);
        self.stream.write_all(&bytes)?;
        Ok(stream)
    }

    /// The next frame.
    pub fn receive(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame that is wanted; the others are dropped.
    pub fn receive_until(&mut self, wanted: impl Fn(&Frame) -> bool) -> io::Result<Frame> {
        loop {
            let frame = self.receive()?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
    }
}
