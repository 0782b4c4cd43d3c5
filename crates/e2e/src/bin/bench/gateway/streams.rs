//! Clients that follow events, each of which gets one a second.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use homeport_e2e::Stack;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    figures::{percentile, row},
    process::memory_megabytes,
};

/// Clients at the same time.
const CLIENTS: usize = 10_000;
/// Topics; as many events are published a second, evenly, and each client follows one topic.
const GROUPS: usize = 50;
/// Seconds that are measured.
const SECONDS: usize = 10;
/// How many connect at the same time.
const CONNECTING: usize = 64;
/// What precedes the moment of publishing in an event.
const MARK: &[u8] = b"at\\\":";
const PLAIN_MARK: &[u8] = b"\"at\":";

/// How clients follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Events,
    WebSocket,
}

/// What the clients saw.
#[derive(Debug)]
struct Seen {
    began: Instant,
    ready: AtomicUsize,
    latencies: Mutex<Vec<Duration>>,
}

pub(super) fn measure(stack: &Stack) -> anyhow::Result<()> {
    for (way, name) in [(Way::Events, "SSE"), (Way::WebSocket, "WebSocket")] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (latencies, memory) = runtime.block_on(follow(stack, way))?;
        let expected = CLIENTS * SECONDS;
        ensure!(latencies.len() * 100 >= expected * 99, "{} of {expected} events arrived over {name}", latencies.len());
        let text = format!(
            "p99 {:.1} ms, median {:.1} ms, {:.0} MB resident",
            percentile(&latencies, 0.99).as_secs_f64() * 1e3,
            percentile(&latencies, 0.5).as_secs_f64() * 1e3,
            memory
        );
        row(&format!("{CLIENTS} {name} clients at 1 event/s each, until it arrives"), &text, "p99 100 ms");
    }
    Ok(())
}

async fn follow(stack: &Stack, way: Way) -> anyhow::Result<(Vec<Duration>, f64)> {
    let address: Arc<str> = stack.url().trim_start_matches("http://").into();
    let token: Arc<str> = stack.token().into();
    let seen = Arc::new(Seen { began: Instant::now(), ready: AtomicUsize::new(0), latencies: Mutex::default() });
    let permits = Arc::new(tokio::sync::Semaphore::new(CONNECTING));
    let mut clients = JoinSet::new();
    for index in 0..CLIENTS {
        let (address, token, seen) = (Arc::clone(&address), Arc::clone(&token), Arc::clone(&seen));
        let permit = Arc::clone(&permits).acquire_owned().await?;
        clients.spawn(async move {
            let group = index % GROUPS;
            let stream = match way {
                Way::Events => open_events(&address, &token, group).await,
                Way::WebSocket => open_socket(&address, &token, group).await,
            }?;
            seen.ready.fetch_add(1, Ordering::Relaxed);
            drop(permit);
            read(stream, &seen).await
        });
    }
    while seen.ready.load(Ordering::Relaxed) < CLIENTS {
        if let Some(Ok(Err(error))) = clients.try_join_next() {
            bail!(error.context("a client could not follow"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut publisher = TcpStream::connect(&*address).await?;
    let pause = Duration::from_secs(1) / u32::try_from(GROUPS)?;
    let mut clock = tokio::time::interval(pause);
    for index in 0..SECONDS * GROUPS {
        clock.tick().await;
        publish(&mut publisher, &address, &token, index % GROUPS, seen.began.elapsed()).await?;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gateway = stack.process_id("gateway").context("the gateway does not run")?;
    let memory = memory_megabytes(gateway)?.0;
    clients.abort_all();
    let latencies = std::mem::take(&mut *seen.latencies.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((latencies, memory))
}

async fn publish(stream: &mut TcpStream, address: &str, token: &str, group: usize, at: Duration) -> anyhow::Result<()> {
    let body = format!(r#"{{"topic":"bench:{group}:tick","value":"{{\"at\":{}}}"}}"#, at.as_micros());
    let request = format!(
        "POST /events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer).await?;
    ensure!(answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer[..length]));
    Ok(())
}

/// Finds the moments of publishing in what comes, until it ends.
async fn read(mut stream: TcpStream, seen: &Seen) -> anyhow::Result<()> {
    let mut kept = Vec::with_capacity(512);
    loop {
        if stream.read_buf(&mut kept).await? == 0 {
            return Ok(());
        }
        let now = seen.began.elapsed();
        while let Some((at, end)) = moment(&kept) {
            let latency = now.saturating_sub(Duration::from_micros(at));
            seen.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
            kept.drain(..end);
        }
    }
}

/// The first moment in what was read, and where it ends.
fn moment(bytes: &[u8]) -> Option<(u64, usize)> {
    let find = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark).map(|at| at + mark.len());
    let begin = find(PLAIN_MARK).or_else(|| find(MARK))?;
    let digits = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    // The number may go on in what has not come yet.
    (begin + digits < bytes.len()).then_some(())?;
    Some((std::str::from_utf8(&bytes[begin..begin + digits]).ok()?.parse().ok()?, begin + digits))
}

async fn open_events(address: &str, token: &str, group: usize) -> anyhow::Result<TcpStream> {
    let request = format!(
        "GET /events?t=bench:{group}: HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    ensure!(head(&mut stream).await?.starts_with(b"HTTP/1.1 200"), "no stream of events");
    Ok(stream)
}

async fn open_socket(address: &str, token: &str, group: usize) -> anyhow::Result<TcpStream> {
    let request = format!(
        "GET /ws_events_all?t=bench:{group}: HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    ensure!(head(&mut stream).await?.starts_with(b"HTTP/1.1 101"), "no websocket");
    stream.write_all(&frame(token.as_bytes())).await?;
    let mut answer = [0; 9];
    stream.read_exact(&mut answer).await?;
    ensure!(&answer[2..] == b"success", "{}", String::from_utf8_lossy(&answer));
    Ok(stream)
}

/// A text frame as clients send it: masked, here with zeros.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    if let Ok(length @ 0..=125) = u8::try_from(text.len()) {
        frame.push(0x80 | length);
    } else {
        frame.push(0x80 | 0x7e);
        frame.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(text);
    frame
}

async fn head(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        ensure!(head.len() < 8192, "a head without an end");
    }
    Ok(head)
}
