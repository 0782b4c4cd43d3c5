//! Requests that are as plain as most are: GET or HEAD below `/plugins/`, without a body and without anything unusual.
//! Whatever else comes is not judged here but left to hyper, with the bytes that it came as.

use std::mem::MaybeUninit;

use homeport_service::trace::TRACEPARENT;
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{Header, Status};

use crate::{
    middleware::correlation,
    path::encoded,
    plugin::{headers, place::PLUGINS},
};

/// Headers that a plain request has at most.
pub(super) const MOST_HEADERS: usize = 64;

/// What a request has that is more than a question, or that only a program with something special in mind sends.
const UNUSUAL: [&str; 4] = ["content-length", "transfer-encoding", "upgrade", "expect"];
const SECOND_FACTOR: &str = "x-jwt-otp";
/// What proxies say about the way here.
const WAY: [&str; 3] = ["x-forwarded-for", "x-forwarded-proto", "forwarded"];

/// Who asks, as far as a browser says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// A program, or a page of this origin.
    Usual,
    /// A page, perhaps of another origin.
    Page,
}

/// A plain request.
#[derive(Debug)]
pub(super) struct Plain<'h, 'a> {
    /// It asks for the headers of an answer alone.
    pub(super) is_head: bool,
    /// As it was sent, without the query.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) authorization: &'a str,
    /// Empty: none.
    pub(super) second_factor: &'a str,
    pub(super) correlation: Option<&'a [u8]>,
    pub(super) trace: Option<&'a str>,
    pub(super) asker: Asker,
    /// Bytes until the end of the empty line.
    pub(super) length: usize,
    headers: &'h [Header<'a>],
}

/// Room for the headers of a request. Nothing is in it, because writing that there is nothing takes longer than reading
/// what comes.
pub(super) type Room<'a> = [MaybeUninit<Header<'a>>; MOST_HEADERS];

pub(super) const fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; MOST_HEADERS]
}

impl<'h, 'a> Plain<'h, 'a> {
    /// Reads the head of a request at the beginning of what was sent. None: it is not plain, or not there as a whole.
    pub(super) fn read(bytes: &'a [u8], room: &'h mut Room<'a>) -> Option<Self> {
        let mut request = httparse::Request::new(&mut []);
        let Ok(Status::Complete(length)) = request.parse_with_uninit_headers(bytes, room) else { return None };
        let is_head = match request.method? {
            "GET" => false,
            "HEAD" => true,
            _ => return None,
        };
        let target = request.path.filter(|target| target.starts_with(PLUGINS) && target.bytes().all(is_plain))?;
        if request.version != Some(1) {
            return None;
        }
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let headers: &'h [Header<'a>] = request.headers;
        let (mut host, mut authorization, mut second_factor) = (None, None, None);
        let (mut correlation, mut trace, mut origin) = (None, None, None);
        for Header { name, value } in headers {
            let is = |other: &str| headers::is_same(name, other);
            let place = if is("host") {
                &mut host
            } else if is("authorization") {
                &mut authorization
            } else if is(SECOND_FACTOR) {
                &mut second_factor
            } else if is(correlation::NAME) {
                &mut correlation
            } else if is(TRACEPARENT) {
                &mut trace
            } else if is("origin") {
                &mut origin
            } else if (is("connection") && !value.eq_ignore_ascii_case(b"keep-alive"))
                || headers::is_one_of(name, &UNUSUAL)
            {
                return None;
            } else {
                continue;
            };
            // Of two that mean something, others might read the other one.
            if place.replace(*value).is_some() {
                return None;
            }
        }
        Some(Self {
            is_head,
            path,
            query,
            host: text(host?)?,
            authorization: text(authorization?)?,
            second_factor: text(second_factor.unwrap_or_default())?,
            correlation,
            trace: trace.and_then(text),
            asker: if origin.is_some() { Asker::Page } else { Asker::Usual },
            length,
            headers,
        })
    }

    /// What proxies on the way said about it, to be believed or not.
    pub(super) fn way(&self) -> HeaderMap {
        let mut way = HeaderMap::new();
        for Header { name, value } in self.headers {
            let known = WAY.into_iter().find(|known| name.eq_ignore_ascii_case(known));
            if let (Some(name), Ok(value)) = (known, HeaderValue::from_bytes(value)) {
                way.append(HeaderName::from_static(name), value);
            }
        }
        way
    }

    /// The value of the first header of this name.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&'a [u8]> {
        let found = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name.as_str()));
        found.map(|header| header.value)
    }

    /// Writes the request as a plugin gets it: at its own path, with what it may see of the headers, and with these.
    pub(super) fn write(&self, out: &mut Vec<u8>, path: &str, added: &[(&str, &[u8])]) {
        out.extend_from_slice(if self.is_head { b"HEAD " } else { b"GET " });
        for part in encoded(path) {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(query) = self.query {
            out.push(b'?');
            out.extend_from_slice(query.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        for Header { name, value } in self.headers {
            let is_added = added.iter().any(|(added, _)| headers::is_same(name, added));
            if !is_added && !headers::is_kept_back(name) {
                line(out, name, value);
            }
        }
        for (name, value) in added {
            line(out, name, value);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes one header.
pub(super) fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Whether a byte of a path or a query means the same to everybody (RFC 3986: `pchar`, `/`, `?`, and `%`).
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'/'
                | b'?'
                | b'%'
        )
}

fn text(value: &[u8]) -> Option<&str> {
    // Of a header's value, httparse lets pass what is visible, tabs, and bytes that are no ASCII.
    let is_visible = value.is_ascii() && !value.contains(&b'\t');
    std::str::from_utf8(value).ok().filter(|_| is_visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "GET /plugins/a/x?y=1 HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer t\r\n";

    fn check(head: &str, is_plain: bool) {
        let mut room = room();
        assert_eq!(Plain::read(head.as_bytes(), &mut room).is_some(), is_plain, "{head}");
    }

    #[test]
    fn a_question_is_plain() {
        check(&format!("{GOOD}\r\n"), true);
        check(&format!("{GOOD}Connection: Keep-Alive\r\nAccept: */*\r\nX-Jwt-Otp: p\r\n\r\nGET /"), true);
        check(&GOOD.replacen("GET", "HEAD", 1).replace("Bearer t\r\n", "Bearer t\r\n\r\n"), true);
    }

    #[test]
    fn whatever_else_there_is_is_not() {
        for line in [
            "Content-Length: 0",
            "Transfer-Encoding: chunked",
            "Connection: close",
            "Connection: keep-alive, upgrade",
            "Upgrade: websocket",
            "Expect: 100-continue",
            "Host: other",
            "Authorization: Bearer u",
            "X-Space : 1",
            "X-Folded: a\r\n b",
            "X-Nul: \0",
            "no header",
        ] {
            check(&format!("{GOOD}{line}\r\n\r\n"), false);
        }
        for (what, other) in [
            ("GET", "POST"),
            ("GET", "get"),
            ("/plugins/", "/api/"),
            ("/plugins/", "http://nas/plugins/"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("Host: nas\r\n", ""),
            ("Authorization: Bearer t\r\n", ""),
            ("Bearer t", "Bearer \u{e4}"),
            ("x?y", "x#y"),
            ("x?y", "x\"y"),
            ("x?y", "x\u{e4}y"),
        ] {
            check(&format!("{}\r\n", GOOD.replacen(what, other, 1)), false);
        }
        check(GOOD, false);
        check("", false);
        check(&format!("{GOOD}{}\r\n", "X: 1\r\n".repeat(MOST_HEADERS)), false);
    }

    #[test]
    fn a_plugin_gets_what_it_may_see() {
        let head = format!(
            "{GOOD}Cookie: a=b\r\nAccept: */*\r\nTE: trailers\r\nX-Forwarded-For: 1.2.3.4\r\nTraceparent: x\r\n\
             Connection: keep-alive\r\nRange: bytes=0-1\r\n\r\n"
        );
        let (mut room, mut out) = (room(), Vec::new());
        let plain = Plain::read(head.as_bytes(), &mut room).unwrap();
        plain.write(&mut out, "/x y", &[("traceparent", b"y"), ("x-forwarded-for", b"192.0.2.1")]);
        let expected = "GET /x%20y?y=1 HTTP/1.1\r\nHost: nas\r\nAccept: */*\r\nRange: bytes=0-1\r\ntraceparent: y\r\n\
                        x-forwarded-for: 192.0.2.1\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(
            plain.way(),
            HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("1.2.3.4"))])
        );
    }
}
