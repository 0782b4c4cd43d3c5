//! How a TCP port answers, from nothing to HTTP.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// How long a connection may take. Both ends are on this machine, so this is long.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// How long to wait for a server that speaks first, as databases and mail servers do.
const GREETING_LIMIT: Duration = Duration::from_millis(300);
/// How long to wait for an answer to an HTTP request; a page that starts an interpreter takes its time.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// What to try.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// Where the container can be reached from inside its own network namespace; the best answer of them counts.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ports: Vec<Wanted>,
    pub(crate) limit_ms: u64,
}

/// A port, and the answer to wait for. No answer given: whatever comes at the first try.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) port: u16,
    pub(crate) answer: Option<Answer>,
    /// The page to ask for. None: the first one.
    pub(crate) path: Option<String>,
}

/// How a port answers, each including the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Nothing listens, or what does hangs up at once.
    Closed,
    /// A connection is accepted and stays.
    Open,
    /// Something is sent, by itself or to an HTTP request.
    Talks,
    /// It speaks HTTP, with a status below 500.
    Http,
    /// It speaks HTTP, with a status from 200 to 399.
    HttpOk,
}

/// A port and how it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Probed {
    pub(crate) port: u16,
    pub(crate) answer: Answer,
}

/// Tries every port until each answers as wanted, at the latest after the limit. One thread a port: a slow one must not
/// use up the time of the others.
pub(crate) fn run(request: &Request) -> Vec<Probed> {
    let end = Instant::now() + Duration::from_millis(request.limit_ms);
    std::thread::scope(|scope| {
        let threads: Vec<_> = request
            .ports
            .iter()
            .map(|wanted| (wanted.port, scope.spawn(move || until(end, &request.addresses, wanted))))
            .collect();
        threads
            .into_iter()
            .map(|(port, thread)| Probed { port, answer: thread.join().unwrap_or(Answer::Closed) })
            .collect()
    })
}

fn until(end: Instant, addresses: &[IpAddr], wanted: &Wanted) -> Answer {
    loop {
        let answer = best(addresses, wanted);
        if wanted.answer.is_none_or(|wanted| answer >= wanted) || Instant::now() + PAUSE >= end {
            return answer;
        }
        std::thread::sleep(PAUSE);
    }
}

fn best(addresses: &[IpAddr], wanted: &Wanted) -> Answer {
    let mut best = Answer::Closed;
    for address in addresses {
        best = best.max(answer(SocketAddr::new(*address, wanted.port), wanted));
        if wanted.answer.is_some_and(|wanted| best >= wanted) {
            break;
        }
    }
    best
}

/// One try. A server that is known to speak HTTP is not given time to speak first.
fn answer(address: SocketAddr, wanted: &Wanted) -> Answer {
    let expect_http = wanted.answer >= Some(Answer::Http);
    let Ok(mut stream) = TcpStream::connect_timeout(&address, CONNECT_LIMIT) else { return Answer::Closed };
    if !expect_http {
        match read(&mut stream, GREETING_LIMIT) {
            Ok(greeting) if greeting.is_empty() => return Answer::Closed,
            Ok(_) => return Answer::Talks,
            Err(error) if is_silence(&error) => {}
            Err(_) => return Answer::Closed,
        }
    }
    let request = match &wanted.path {
        Some(path) => format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: homeport\r\n\r\n"),
        // Without `Host`, which HTTP/1.0 can do without: Redis takes that word for an attack and hangs up.
        None => "GET / HTTP/1.0\r\nUser-Agent: homeport\r\n\r\n".to_owned(),
    };
    ask(&mut stream, &request).unwrap_or(Answer::Open)
}

fn ask(stream: &mut TcpStream, request: &str) -> io::Result<Answer> {
    stream.write_all(request.as_bytes())?;
    let bytes = read(stream, ANSWER_LIMIT)?;
    Ok(match status(&bytes) {
        Some(200..400) => Answer::HttpOk,
        Some(status) if status < 500 => Answer::Http,
        _ if bytes.is_empty() => Answer::Open,
        _ => Answer::Talks,
    })
}

/// The first bytes that come; none if the other side closes.
fn read(stream: &mut TcpStream, limit: Duration) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(limit))?;
    let mut buffer = [0; 64];
    let length = stream.read(&mut buffer)?;
    Ok(buffer[..length].to_vec())
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn status(bytes: &[u8]) -> Option<u16> {
    let line = bytes.strip_prefix(b"HTTP/")?;
    let word = line.split(|byte| *byte == b' ').nth(1)?;
    std::str::from_utf8(word).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// A server on a port of its own that does the same with each of `connections` connections.
    fn serve(connections: usize, each: impl Fn(TcpStream) + Send + 'static) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.incoming().take(connections).for_each(|stream| each(stream.unwrap())));
        port
    }

    fn check(port: u16, wanted: Option<Answer>, limit_ms: u64) -> Answer {
        let addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        run(&Request { addresses, ports: vec![Wanted { port, answer: wanted, path: None }], limit_ms })[0].answer
    }

    fn says(text: &'static str) -> u16 {
        serve(1, move |mut stream| {
            drop(stream.read(&mut [0; 200]));
            stream.write_all(text.as_bytes()).unwrap();
        })
    }

    #[test]
    fn each_kind_of_server_is_told_apart() {
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        assert_eq!(check(nobody, None, 100), Answer::Closed);
        assert_eq!(check(serve(1, drop), None, 100), Answer::Closed);
        let silent = serve(1, |stream| {
            std::thread::sleep(Duration::from_secs(10));
            drop(stream);
        });
        assert_eq!(check(silent, None, 100), Answer::Open);
        assert_eq!(check(serve(1, |mut stream| stream.write_all(b"220 mail\r\n").unwrap()), None, 100), Answer::Talks);
        assert_eq!(check(says("-ERR unknown command\r\n"), None, 100), Answer::Talks);
        assert_eq!(check(says("HTTP/1.1 503 Service Unavailable\r\n\r\n"), None, 100), Answer::Talks);
        assert_eq!(check(says("HTTP/1.1 404 Not Found\r\n\r\n"), None, 100), Answer::Http);
        assert_eq!(check(says("HTTP/1.1 200 OK\r\n\r\n"), Some(Answer::Http), 100), Answer::HttpOk);
    }

    #[test]
    fn it_waits_for_what_is_wanted() {
        let tries = std::sync::atomic::AtomicUsize::new(0);
        let port = serve(4, move |mut stream| {
            if tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 3 {
                drop(stream.read(&mut [0; 200]));
                stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
            }
        });
        assert_eq!(check(port, Some(Answer::Http), 20_000), Answer::HttpOk);
    }

    #[test]
    fn a_page_is_asked_for_by_its_path() {
        let port = serve(1, |mut stream| {
            let mut asked = [0; 200];
            let length = stream.read(&mut asked).unwrap();
            let is_asked = asked[..length].starts_with(b"GET /up?x HTTP/1.0\r\nHost: ");
            stream.write_all(if is_asked { b"HTTP/1.0 204 \r\n\r\n" } else { b"HTTP/1.0 404 \r\n\r\n" }).unwrap();
        });
        let wanted = Wanted { port, answer: Some(Answer::HttpOk), path: Some("/up?x".to_owned()) };
        let addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        assert_eq!(run(&Request { addresses, ports: vec![wanted], limit_ms: 100 })[0].answer, Answer::HttpOk);
    }

    #[test]
    fn it_gives_up_at_the_limit() {
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let begin = Instant::now();
        assert_eq!(check(nobody, Some(Answer::Open), 500), Answer::Closed);
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}
