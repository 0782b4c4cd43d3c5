//! Streams that stay open, and the moment they end.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use homeport_e2e::Outcome;
use tokio_tungstenite::tungstenite::{self, Message};

use super::People;

/// How long anything may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what is over may go on.
const LIMIT: Duration = Duration::from_secs(1);

/// Two streams with one credential: server-sent events and a websocket.
pub struct Open {
    events: Receiver<Instant>,
    socket: Receiver<Instant>,
}

impl Open {
    /// Opens both and waits until they stand.
    pub fn with(people: &People, token: &str) -> anyhow::Result<Self> {
        Ok(Self { events: events(people, token)?, socket: socket(people, token)? })
    }

    /// That both have ended at once, counted from a moment.
    pub fn ended_since(self, moment: Instant) -> Outcome {
        for (name, stream) in [("events", self.events), ("websocket", self.socket)] {
            match stream.recv_timeout(PATIENCE) {
                Ok(ended) => ensure!(ended.duration_since(moment) < LIMIT, "{name} ended after {:?}", ended - moment),
                Err(_) => bail!("{name} goes on"),
            }
        }
        Ok(())
    }

    /// That both are still there.
    pub fn go_on(&self) -> Outcome {
        ensure!(self.events.try_recv().is_err() && self.socket.try_recv().is_err(), "another's stream ended, too");
        Ok(())
    }
}

fn connect(people: &People) -> anyhow::Result<(TcpStream, String)> {
    let address = people.stack.url().replace("http://", "");
    let stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok((stream, address))
}

fn events(people: &People, token: &str) -> anyhow::Result<Receiver<Instant>> {
    let (mut stream, address) = connect(people)?;
    let head = format!("GET /events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n");
    // The end of the stream is to be that of the connection.
    write!(stream, "{head}Connection: close\r\n\r\n")?;
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&said).contains("connected") {
        let length = stream.read(&mut part)?;
        ensure!(length > 0, "it said {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&part[..length]);
    }
    stream.set_read_timeout(None)?;
    Ok(watch(move || matches!(stream.read(&mut part), Ok(1..))))
}

fn socket(people: &People, token: &str) -> anyhow::Result<Receiver<Instant>> {
    let (stream, address) = connect(people)?;
    let (mut socket, _) = tungstenite::client(format!("ws://{address}/ws_events_all"), stream)
        .map_err(|error| anyhow::anyhow!("the handshake failed: {error}"))?;
    socket.send(Message::text(token))?;
    let answer = socket.read()?.into_text()?;
    ensure!(answer.as_str() == "success", "the websocket says {answer}");
    socket.get_ref().set_read_timeout(None)?;
    Ok(watch(move || socket.read().is_ok_and(|message| !message.is_close())))
}

/// Reads until there is nothing more, and tells when that was.
fn watch(mut goes_on: impl FnMut() -> bool + Send + 'static) -> Receiver<Instant> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        while goes_on() {}
        // The scenario may have failed by then.
        sender.send(Instant::now()).ok();
    });
    receiver
}

/// Does something that ends a credential, and sees that both streams with it end.
pub fn ends(people: &People, token: &str, act: impl FnOnce() -> Outcome) -> Outcome {
    let open = Open::with(people, token)?;
    act()?;
    let moment = Instant::now();
    open.ended_since(moment)?;
    people.bearer(token).ask("GET /auth/me", &serde_json::Value::Null, 401).map(drop).context("the credential goes on")
}
