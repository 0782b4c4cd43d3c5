//! The head of a plugin's answer, and what the client gets in its place.

use std::{io, mem::MaybeUninit, sync::LazyLock};

use homeport_service::clock::{Clock as _, SystemClock};
use http::{HeaderName, HeaderValue};
use httparse::{Header, ParserConfig, Status};
use jiff::fmt::rfc2822::DateTimePrinter;

use super::{
    chunks::BadChunk,
    request::{Asker, line},
};
use crate::{
    middleware::{correlation, cors, security},
    plugin::headers::{self, is_same},
};

/// Bytes and headers that the head of an answer has at most.
pub(super) const HEAD_MOST: usize = 64 << 10;
const MOST_HEADERS: usize = 100;

const TRANSPORT_SECURITY: &str = "strict-transport-security";

/// What every answer of a plugin gets, what pages of other origins are to see, and what those get that may not be kept.
static ALWAYS: LazyLock<Added> = LazyLock::new(|| Added::of(security::ON_PLUGINS.iter()));
static CROSS: LazyLock<Added> = LazyLock::new(|| Added::of(cors::PLUGIN.iter()));
static UNKEPT: LazyLock<Added> = LazyLock::new(|| Added::of(security::NEVER_CACHE.iter()));

/// Headers that replace a plugin's own.
struct Added {
    names: Vec<String>,
    /// As they are written.
    lines: Vec<u8>,
}

impl Added {
    fn of<'a>(headers: impl Iterator<Item = &'a (HeaderName, HeaderValue)>) -> Self {
        let (mut names, mut lines) = (Vec::new(), Vec::new());
        for (name, value) in headers {
            names.push(name.as_str().to_owned());
            line(&mut lines, name.as_str(), value.as_bytes());
        }
        Self { names, lines }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| is_same(name, own))
    }
}

/// Why there is no answer, or only a part of one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("connecting to the socket")]
    Connect(#[source] io::Error),
    #[error("exchanging a request")]
    Io(#[from] io::Error),
    #[error("the plugin hung up before its answer")]
    NoAnswer,
    #[error("the answer ended too early")]
    Short,
    #[error("the answer is no HTTP")]
    NoHttp(#[from] httparse::Error),
    #[error("the head of the answer is longer than {HEAD_MOST} bytes")]
    TooLong,
    #[error("where the answer ends cannot be known")]
    Length,
    #[error("the answer changes the protocol, which nobody asked for")]
    Switched,
    #[error("the chunks of the body cannot be read")]
    Chunks,
}

impl From<BadChunk> for Fault {
    fn from(BadChunk: BadChunk) -> Self {
        Self::Chunks
    }
}

/// Where the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Nothing,
    Exactly(u64),
    Chunked,
    /// Where the plugin hangs up.
    UntilEnd,
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) length: Length,
    /// Whether the plugin goes on after it.
    pub(super) keeps: bool,
    /// Bytes of the head.
    pub(super) head: usize,
}

/// What matters of the request.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    /// Only a head was asked for.
    pub(super) is_head: bool,
    /// A file that the plugin may let be kept.
    pub(super) is_static: bool,
    pub(super) asker: Asker,
    pub(super) id: &'a HeaderValue,
    /// The connection ends after this answer.
    pub(super) is_last: bool,
    /// What a client that came over HTTPS is told.
    pub(super) transport_security: Option<&'a HeaderValue>,
}

/// Reads the head of an answer and writes the client's. None: there is more to come. Nothing is written of an answer that
/// only announces another one.
pub(super) fn pass(bytes: &[u8], setting: &Setting<'_>, out: &mut Vec<u8>) -> Result<Option<Answer>, Fault> {
    let mut room = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let read = ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut room)?;
    let Status::Complete(head) = read else {
        return if bytes.len() < HEAD_MOST { Ok(None) } else { Err(Fault::TooLong) };
    };
    let (status, headers) = (response.code.unwrap_or_default(), &*response.headers);
    let is_new = response.version == Some(1);
    let answer = match status {
        0..100 => return Err(Fault::NoHttp(httparse::Error::Status)),
        101 => return Err(Fault::Switched),
        102..200 | 100 => Answer { status, length: Length::Nothing, keeps: true, head },
        _ => {
            let length = length(status, is_new, headers, setting)?;
            let keeps = is_new && length != Length::UntilEnd && !closes(headers);
            Answer { status, length, keeps, head }
        }
    };
    if status >= 200 {
        // Written by hand: formatting machinery takes several times as long.
        let digit = |power: u16| b"0123456789"[usize::from(status / power % 10)];
        let code = [digit(100), digit(10), digit(1)];
        for part in [b"HTTP/1.1 ", &code[..], b" ", response.reason.unwrap_or_default().as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
        write_headers(out, headers, &answer, setting);
    }
    Ok(Some(answer))
}

fn length(status: u16, is_new: bool, headers: &[Header<'_>], setting: &Setting<'_>) -> Result<Length, Fault> {
    let mut lengths = values(headers, "content-length");
    let known = lengths.next().map(number).transpose()?;
    let mut encodings = values(headers, "transfer-encoding");
    let encoding = encodings.next();
    if lengths.next().is_some() || encodings.next().is_some() || (known.is_some() && encoding.is_some()) {
        return Err(Fault::Length);
    }
    let is_chunked = match encoding {
        None => false,
        Some(coding) if is_new && coding.eq_ignore_ascii_case(b"chunked") => true,
        Some(_) => return Err(Fault::Length),
    };
    Ok(match known {
        _ if setting.is_head || matches!(status, 204 | 304) => Length::Nothing,
        _ if is_chunked => Length::Chunked,
        Some(length) => Length::Exactly(length),
        None => Length::UntilEnd,
    })
}

fn number(value: &[u8]) -> Result<u64, Fault> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| is_number);
    text.and_then(|text| text.parse().ok()).ok_or(Fault::Length)
}

fn write_headers(out: &mut Vec<u8>, headers: &[Header<'_>], answer: &Answer, setting: &Setting<'_>) {
    let is_kept = setting.is_static && values(headers, "cache-control").next().is_some();
    let (always, cross, unkept) = (&*ALWAYS, &*CROSS, &*UNKEPT);
    let ours = |name: &str| {
        always.has(name)
            || cross.has(name)
            || (!is_kept && unkept.has(name))
            || is_same(name, correlation::NAME)
            || (setting.transport_security.is_some() && is_same(name, TRANSPORT_SECURITY))
    };
    let names_some = values(headers, "connection").next().is_some();
    let is_named = |name: &str| {
        let mut named = values(headers, "connection").filter_map(|value| std::str::from_utf8(value).ok());
        named.any(|value| headers::is_named(value, name))
    };
    let mut is_dated = false;
    for Header { name, value } in headers {
        // What says that there is no content has no length either.
        let is_length = answer.status == 204 && is_same(name, "content-length");
        let is_dropped = is_length || headers::is_hop_by_hop(name) || ours(name) || (names_some && is_named(name));
        if !is_dropped {
            is_dated |= is_same(name, "date");
            line(out, name, value);
        }
    }
    if !is_dated && let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&SystemClock.now()) {
        line(out, "date", date.as_bytes());
    }
    out.extend_from_slice(&always.lines);
    if setting.asker == Asker::Page || is_kept {
        out.extend_from_slice(&cross.lines);
    }
    if !is_kept {
        out.extend_from_slice(&unkept.lines);
    }
    line(out, correlation::NAME, setting.id.as_bytes());
    if let Some(value) = setting.transport_security {
        line(out, TRANSPORT_SECURITY, value.as_bytes());
    }
    if matches!(answer.length, Length::Chunked | Length::UntilEnd) {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if setting.is_last {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn closes(headers: &[Header<'_>]) -> bool {
    let words = values(headers, "connection").flat_map(|value| value.split(|byte| *byte == b','));
    words.into_iter().any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn values<'a>(headers: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |header| is_same(header.name, name)).map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: HeaderValue = HeaderValue::from_static("id");

    fn read(head: &str, is_head: bool) -> (Result<Option<Answer>, Fault>, String) {
        read_for(head, is_head, Asker::Usual)
    }

    fn read_for(head: &str, is_head: bool, asker: Asker) -> (Result<Option<Answer>, Fault>, String) {
        let setting = Setting { is_head, is_static: false, asker, id: &ID, is_last: false, transport_security: None };
        let mut out = Vec::new();
        let answer = pass(head.as_bytes(), &setting, &mut out);
        (answer, String::from_utf8(out).unwrap())
    }

    fn check(head: &str, is_head: bool, length: Length, keeps: bool) {
        let (answer, _) = read(head, is_head);
        let answer = answer.unwrap().unwrap();
        assert_eq!((answer.length, answer.keeps, answer.head), (length, keeps, head.len()), "{head}");
    }

    #[test]
    fn the_end_of_an_answer_is_known() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", false, Length::Exactly(12), true);
        check("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", true, Length::Nothing, true);
        check("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", false, Length::Chunked, true);
        check("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\n", false, Length::Exactly(1), false);
        check("HTTP/1.1 200 OK\r\n\r\n", false, Length::UntilEnd, false);
        check("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false, Length::Exactly(1), false);
        check("HTTP/1.1 204 No\r\n\r\n", false, Length::Nothing, true);
        check("HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n", false, Length::Nothing, true);
        check("HTTP/1.1 100 Go on\r\n\r\n", false, Length::Nothing, true);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_answer() {
        for head in [
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            let (answer, written) = read(head, false);
            assert!(answer.is_err() && written.is_empty(), "{head}: {answer:?}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "b".repeat(HEAD_MOST));
        assert!(matches!(read(&long, false).0, Err(Fault::TooLong)));
        assert!(matches!(read("HTTP/1.1 200", false).0, Ok(None)));
    }

    #[test]
    fn the_client_gets_the_gateways_headers() {
        let answer = "HTTP/1.1 299 Odd\r\nDate: today\r\nX-Frame-Options: ALLOW\r\nConnection: X-Private\r\nX-Private: 1\r\n\
             Keep-Alive: 5\r\nCache-Control: max-age=1\r\nX-Own: 1\r\nTransfer-Encoding: chunked\r\n\
             Access-Control-Allow-Origin: x\r\n\r\n";
        let lines = |added: &Added| String::from_utf8(added.lines.clone()).unwrap();
        let expected = |cross: &str| {
            let (always, unkept) = (lines(&ALWAYS), lines(&UNKEPT));
            format!(
                "HTTP/1.1 299 Odd\r\nDate: today\r\nX-Own: 1\r\n{always}{cross}{unkept}x-correlation-id: id\r\n\
                 transfer-encoding: chunked\r\n\r\n"
            )
        };
        assert_eq!(read(answer, false).1, expected(""));
        let cross = lines(&CROSS);
        assert_eq!(read_for(answer, false, Asker::Page).1, expected(&cross));
        assert!(lines(&ALWAYS).contains("x-frame-options: DENY\r\n"));
        assert!(cross.contains("access-control-allow-origin: *\r\n"));
        let (_, undated) = read("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", false);
        assert!(undated.contains("\r\ndate: ") && undated.contains(" GMT\r\n"), "{undated}");
        assert!(!undated.to_ascii_lowercase().contains("content-length"), "{undated}");
    }
}
