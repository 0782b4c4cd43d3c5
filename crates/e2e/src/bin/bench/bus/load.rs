//! One publisher, some subscribers, as fast as it goes without anybody missing anything.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use futures::future::{join_all, try_join};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    sync::Notify,
};

use super::{
    server::{Server, Stream, read_line},
    value,
    wire::{Publications, Reader, Wire},
};
use crate::process::cpu_time;

/// Before and between what is measured.
const PAUSE: Duration = Duration::from_millis(300);
/// How long is measured.
const DURATION: Duration = Duration::from_secs(1);
/// Publications that are written with one system call at most.
const BATCH: u64 = 64;
/// Bytes read with one system call.
const READ_BYTES: usize = 256 << 10;

/// How hard the publisher may press.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pressure {
    /// Publications that the server has not answered yet; only where it answers.
    pub(crate) unanswered: u64,
    /// Publications that the slowest subscriber has not got yet.
    pub(crate) undelivered: u64,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Messages published a second.
    pub(crate) published: f64,
    /// Messages that arrived at subscribers a second.
    pub(crate) delivered: f64,
    /// Processor time of the server for one published message, in microseconds.
    pub(crate) cpu_us: f64,
}

#[derive(Debug, Default)]
struct Progress {
    published: Cell<u64>,
    answered: Cell<u64>,
    received: RefCell<Vec<u64>>,
    /// What the publisher has to say besides publishing.
    replies: RefCell<Vec<u8>>,
    moved: Notify,
}

impl Progress {
    fn slowest(&self) -> u64 {
        self.received.borrow().iter().copied().min().unwrap_or_default()
    }

    fn delivered(&self) -> u64 {
        self.received.borrow().iter().sum()
    }
}

/// Loads a server for a while.
pub(crate) async fn run(
    server: &Server,
    wire: Wire,
    subscribers: usize,
    pressure: Pressure,
) -> anyhow::Result<Measured> {
    let progress = Progress { received: RefCell::new(vec![0; subscribers]), ..Progress::default() };
    let mut streams = Vec::new();
    for _ in 0..subscribers {
        streams.push(subscriber(server, wire).await?);
    }
    let publisher = server.connect(wire).await?;
    tokio::time::sleep(PAUSE).await;
    let reading = streams.into_iter().enumerate().map(|(number, stream)| receive(stream, wire, number, &progress));
    let (answers, publications) = split(publisher);
    let answered = listen(answers, wire, &progress);
    let publishing = publish(publications, wire.publications(&value()), wire, pressure, &progress);
    tokio::select! {
        ended = join_all(reading) => bail!("a subscriber's connection ended: {ended:?}"),
        ended = try_join(answered, publishing) => bail!("the publisher's connection ended: {ended:?}"),
        measured = measure(server, &progress) => measured,
    }
}

/// A connection that is subscribed, or about to be.
pub(crate) async fn subscriber(server: &Server, wire: Wire) -> anyhow::Result<Box<dyn Stream>> {
    let mut stream = server.connect(wire).await?;
    stream.write_all(&wire.subscription()).await?;
    for _ in 0..wire.confirmation_lines() {
        read_line(&mut stream).await?;
    }
    Ok(stream)
}

async fn measure(server: &Server, progress: &Progress) -> anyhow::Result<Measured> {
    tokio::time::sleep(PAUSE).await;
    let look =
        || anyhow::Ok((Instant::now(), progress.published.get(), progress.delivered(), cpu_time(server.process_id())?));
    let (start, published, delivered, cpu) = look()?;
    tokio::time::sleep(DURATION).await;
    let (end, published_then, delivered_then, cpu_then) = look()?;
    let (seconds, published) = ((end - start).as_secs_f64(), count(published_then - published));
    Ok(Measured {
        published: published / seconds,
        delivered: count(delivered_then - delivered) / seconds,
        cpu_us: cpu_then.saturating_sub(cpu).as_secs_f64() * 1e6 / published,
    })
}

#[expect(clippy::cast_precision_loss, reason = "far fewer messages than a mantissa holds")]
const fn count(messages: u64) -> f64 {
    messages as f64
}

async fn receive(mut stream: Box<dyn Stream>, wire: Wire, number: usize, progress: &Progress) -> anyhow::Result<()> {
    let (mut reader, mut buffer) = (wire.reader(&value()), vec![0; READ_BYTES]);
    loop {
        let length = stream.read(&mut buffer).await?;
        anyhow::ensure!(length > 0, "the server closed it");
        let messages = reader.messages(&buffer[..length]);
        if let Some(received) = progress.received.borrow_mut().get_mut(number) {
            *received += messages;
        }
        progress.moved.notify_one();
        let answer = reader.take_answer();
        if !answer.is_empty() {
            stream.write_all(&answer).await?;
        }
    }
}

async fn listen(mut stream: ReadHalf<Box<dyn Stream>>, wire: Wire, progress: &Progress) -> anyhow::Result<()> {
    let (mut reader, mut buffer): (Reader, _) = (wire.reader(&value()), vec![0; READ_BYTES]);
    loop {
        let length = stream.read(&mut buffer).await?;
        anyhow::ensure!(length > 0, "the server closed it");
        progress.answered.set(progress.answered.get() + reader.answers(&buffer[..length]));
        progress.replies.borrow_mut().append(&mut reader.take_answer());
        progress.moved.notify_one();
    }
}

async fn publish(
    mut stream: WriteHalf<Box<dyn Stream>>,
    mut publications: Publications,
    wire: Wire,
    pressure: Pressure,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let published = progress.published.get();
        let undelivered = published.checked_sub(progress.slowest()).context("more arrived than was published")?;
        let unanswered = if wire.answers() { published.saturating_sub(progress.answered.get()) } else { 0 };
        let room = pressure.undelivered.saturating_sub(undelivered);
        let room = room.min(pressure.unanswered.saturating_sub(unanswered)).min(BATCH);
        if room == 0 {
            progress.moved.notified().await;
            continue;
        }
        buffer.clear();
        buffer.append(&mut progress.replies.borrow_mut());
        publications.append(&mut buffer, room);
        progress.published.set(published + room);
        stream.write_all(&buffer).await?;
    }
}
