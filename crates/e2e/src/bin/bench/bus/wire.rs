//! What is said to each server, as bytes.

use homeport_e2e::http2::{self, Frame, Headers, kind};
use homeport_proto::pubservice;
use prost::Message as _;

/// The topic of the load.
pub(crate) const TOPIC: &str = "bench:load";
/// Bytes that a subscriber reads before it lets the server send as many more; half of what HTTP/2 begins with.
const WINDOW: u32 = 32 << 10;

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// One JSON object a line.
    Json,
    /// `pubservice.PubsubService`.
    Grpc,
    /// Lines, for the least of servers.
    Least,
    /// `nats-server`.
    Nats,
    /// `redis-server`.
    Redis,
}

impl Wire {
    /// As it is called in a row.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON lines",
            Self::Grpc => "gRPC",
            Self::Least => "lines",
            Self::Nats => "nats-server",
            Self::Redis => "redis",
        }
    }

    /// What a client says before anything else.
    pub(crate) fn greeting(self) -> Vec<u8> {
        match self {
            Self::Json | Self::Least | Self::Redis => Vec::new(),
            Self::Grpc => {
                let mut bytes = http2::PREFACE.to_vec();
                Frame::new(kind::SETTINGS, 0, 0, []).append_to(&mut bytes);
                bytes
            }
            Self::Nats => b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n".to_vec(),
        }
    }

    /// How a client subscribes.
    pub(crate) fn subscription(self) -> Vec<u8> {
        match self {
            Self::Json => format!("{{\"topic\":\"subscribe:{TOPIC}\",\"value\":\"\"}}\n").into_bytes(),
            Self::Grpc => {
                let mut bytes = Vec::new();
                let prefix = pubservice::String { topic: TOPIC.to_owned(), value: String::new() };
                let path = "/pubservice.PubsubService/SubscribeTopic";
                http2::append_request(&mut bytes, &mut Headers::default(), 1, path, &prefix.encode_to_vec());
                bytes
            }
            // It takes the first connection for a subscriber's.
            Self::Least => Vec::new(),
            Self::Nats => format!("SUB {TOPIC} 1\r\nPING\r\n").into_bytes(),
            Self::Redis => format!("SUBSCRIBE {TOPIC}\r\n").into_bytes(),
        }
    }

    /// Lines with which a server confirms a subscription. On the others it stands soon after it was sent.
    pub(crate) const fn confirmation_lines(self) -> usize {
        match self {
            Self::Json | Self::Grpc | Self::Least => 0,
            Self::Nats => 1,
            Self::Redis => 6,
        }
    }

    /// Whether publications are answered.
    pub(crate) const fn answers(self) -> bool {
        matches!(self, Self::Grpc | Self::Least | Self::Redis)
    }

    /// Counts what a subscriber gets.
    pub(crate) fn reader(self, value: &str) -> Reader {
        let counted = match self {
            Self::Json => serde_json::json!({ "topic": TOPIC, "value": value }).to_string().len() + 1,
            Self::Grpc => 5 + event(value).encoded_len(),
            Self::Least => value.len() + 1,
            Self::Nats => format!("MSG {TOPIC} 1 {}\r\n{value}\r\n", value.len()).len(),
            Self::Redis => {
                let header = format!("*3\r\n$7\r\nmessage\r\n${}\r\n{TOPIC}\r\n", TOPIC.len());
                header.len() + format!("${}\r\n{value}\r\n", value.len()).len()
            }
        };
        Reader { wire: self, message_bytes: counted, bytes: 0, frames: Frames::default(), answer: Vec::new() }
    }

    /// What a publisher says, again and again.
    pub(crate) fn publications(self, value: &str) -> Publications {
        let bytes = match self {
            Self::Json => format!("{}\n", serde_json::json!({ "topic": TOPIC, "value": value })),
            Self::Grpc => String::new(),
            Self::Least => format!("{value}\n"),
            Self::Nats => format!("PUB {TOPIC} {}\r\n{value}\r\n", value.len()),
            Self::Redis => {
                let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{TOPIC}\r\n", TOPIC.len());
                format!("{head}${}\r\n{value}\r\n", value.len())
            }
        };
        let (fixed, encoded) = (bytes.into_bytes(), event(value).encode_to_vec());
        Publications { wire: self, fixed, encoded, headers: Headers::default(), next_stream: 1 }
    }
}

fn event(value: &str) -> pubservice::String {
    pubservice::String { topic: TOPIC.to_owned(), value: value.to_owned() }
}

/// The publisher's side.
#[derive(Debug)]
pub(crate) struct Publications {
    wire: Wire,
    fixed: Vec<u8>,
    encoded: Vec<u8>,
    headers: Headers,
    next_stream: u32,
}

impl Publications {
    pub(crate) fn append(&mut self, buffer: &mut Vec<u8>, count: u64) {
        for _ in 0..count {
            if self.wire == Wire::Grpc {
                let path = "/pubservice.PubsubService/Publish";
                http2::append_request(buffer, &mut self.headers, self.next_stream, path, &self.encoded);
                self.next_stream += 2;
            } else {
                buffer.extend_from_slice(&self.fixed);
            }
        }
    }
}

/// The reading side of a connection: counts messages of one size, or answers to publications.
#[derive(Debug)]
pub(crate) struct Reader {
    wire: Wire,
    message_bytes: usize,
    bytes: usize,
    frames: Frames,
    answer: Vec<u8>,
}

impl Reader {
    /// Takes what came, after the answer to the subscription, and tells how many messages that completed.
    pub(crate) fn messages(&mut self, bytes: &[u8]) -> u64 {
        let Self { wire, message_bytes, bytes: seen, frames, answer } = self;
        if *wire == Wire::Grpc {
            frames.read(bytes, answer, |head, length| {
                if head.kind == kind::DATA {
                    *seen += length;
                }
            });
        } else {
            *seen += bytes.len();
        }
        let messages = *seen / *message_bytes;
        *seen %= *message_bytes;
        messages as u64
    }

    /// Takes what a publisher was told, and tells how many publications that answers.
    pub(crate) fn answers(&mut self, bytes: &[u8]) -> u64 {
        let mut answered = 0;
        match self.wire {
            Wire::Grpc => self.frames.read(bytes, &mut self.answer, |head, _| {
                answered += u64::from(head.kind == kind::HEADERS && head.flags & http2::END_STREAM != 0);
            }),
            _ => answered = bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum(),
        }
        answered
    }

    /// What has to be said to the server now.
    pub(crate) fn take_answer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answer)
    }
}

/// Cuts bytes into frames, and says what keeps the other side sending.
#[derive(Debug, Default)]
struct Frames {
    head: Vec<u8>,
    /// What is left of the frame that is being read.
    rest: usize,
    unread_window: u32,
}

struct Head {
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frames {
    /// Calls `frame` with each frame's head and its length, once a frame.
    fn read(&mut self, mut bytes: &[u8], answer: &mut Vec<u8>, mut frame: impl FnMut(&Head, usize)) {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let (skipped, after) = bytes.split_at(self.rest.min(bytes.len()));
                self.rest -= skipped.len();
                bytes = after;
                continue;
            }
            let (more, after) = bytes.split_at((9 - self.head.len()).min(bytes.len()));
            self.head.extend_from_slice(more);
            bytes = after;
            let Ok(head) = <[u8; 9]>::try_from(self.head.as_slice()) else { return };
            self.head.clear();
            self.rest = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (kind, flags) = (head[3], head[4]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            frame(&Head { kind, flags, stream }, self.rest);
            self.respond(&Head { kind, flags, stream }, answer);
        }
    }

    fn respond(&mut self, head: &Head, answer: &mut Vec<u8>) {
        match head.kind {
            kind::SETTINGS if head.flags & http2::ACK == 0 => {
                Frame::new(kind::SETTINGS, http2::ACK, 0, []).append_to(answer);
            }
            kind::DATA => {
                self.unread_window += u32::try_from(self.rest).unwrap_or_default();
                if self.unread_window >= WINDOW {
                    Frame::window_update(0, self.unread_window).append_to(answer);
                    if head.flags & http2::END_STREAM == 0 {
                        Frame::window_update(head.stream, self.unread_window).append_to(answer);
                    }
                    self.unread_window = 0;
                }
            }
            _ => {}
        }
    }
}
