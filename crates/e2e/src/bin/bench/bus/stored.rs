//! Publications that are answered when they are on disk, and a reader far behind.

use std::time::{Duration, Instant};

use homeport_e2e::http2::{self, Headers};
use homeport_proto::bus::v1::{Cursor, PublishRequest, SubscribeRequest, cursor};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    RUNS,
    server::{Server, Stream},
    value,
    wire::Wire,
};
use crate::{
    figures::{percentile, range, row},
    process::cpu_time,
};

/// Publishers at a time, each of which waits for its answer.
const PUBLISHERS: usize = 64;
/// How long is measured.
const DURATION: Duration = Duration::from_secs(2);
/// A topic that is kept on disk.
const TOPIC: &str = "app:bench";
/// Events that the reader is behind.
const BEHIND: u64 = 100_000;
/// What a reader may be sent unasked. It asks for more when half of it came, as the libraries of gRPC do.
const WINDOW_BYTES: usize = 65_535;
/// Between two publications whose time is measured while a reader catches up.
const PERIOD: Duration = Duration::from_millis(1);

/// Prints the rows of what is stored.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut cpu = Vec::new();
    for _ in 0..RUNS {
        let server = Server::bus()?;
        let before = cpu_time(server.process_id())?;
        let rate = acknowledged(&server, Wire::Grpc).await?;
        let used = cpu_time(server.process_id())?.saturating_sub(before);
        cpu.push(used.as_secs_f64() * 1e6 / (rate * DURATION.as_secs_f64()));
        ours.push(rate);
        theirs.push(acknowledged(&Server::redis_on_disk()?, Wire::Redis).await?);
    }
    let name = format!("stored, acknowledged publishes, {PUBLISHERS} publishers");
    row(&name, &format!("{}, server {} each", range(&ours, 0, "/s"), range(&cpu, 1, " µs")), "20000/s");
    row(&format!("redis, `XADD` with `appendfsync always`, {PUBLISHERS} publishers"), &range(&theirs, 0, "/s"), "–");
    Ok(())
}

/// Answers a second.
#[expect(clippy::cast_precision_loss, reason = "far fewer messages than a mantissa holds")]
async fn acknowledged(server: &Server, wire: Wire) -> anyhow::Result<f64> {
    let mut publishers = Vec::new();
    for _ in 0..PUBLISHERS {
        publishers.push(Publisher::connect(server, wire).await?);
    }
    let start = Instant::now();
    let publish = async |mut publisher: Publisher| {
        let mut count = 0_u64;
        while start.elapsed() < DURATION {
            publisher.publish().await?;
            count += 1;
        }
        anyhow::Ok(count)
    };
    let counts = futures::future::try_join_all(publishers.into_iter().map(publish)).await?;
    Ok(counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
}

/// A connection that publishes one event after the other.
struct Publisher {
    stream: Box<dyn Stream>,
    wire: Wire,
    request: Vec<u8>,
    headers: Headers,
    next_stream: u32,
    reader: super::wire::Reader,
}

impl Publisher {
    async fn connect(server: &Server, wire: Wire) -> anyhow::Result<Self> {
        let stream = server.connect(wire).await?;
        let value = value();
        let request = if wire == Wire::Grpc {
            PublishRequest { topic: TOPIC.to_owned(), value: value.clone() }.encode_to_vec()
        } else {
            format!("*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$1\r\nv\r\n${}\r\n{value}\r\n", value.len())
                .into_bytes()
        };
        let (headers, reader) = (Headers::default(), wire.reader(&value));
        Ok(Self { stream, wire, request, headers, next_stream: 1, reader })
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        let mut bytes = self.reader.take_answer();
        // XADD is answered with two lines.
        let answers = if self.wire == Wire::Grpc {
            let path = "/homeport.bus.v1.BusService/Publish";
            http2::append_request(&mut bytes, &mut self.headers, self.next_stream, path, &self.request);
            self.next_stream += 2;
            1
        } else {
            bytes.extend_from_slice(&self.request);
            2
        };
        self.stream.write_all(&bytes).await?;
        let (mut seen, mut buffer) = (0, [0; 1024]);
        while seen < answers {
            let length = self.stream.read(&mut buffer).await?;
            anyhow::ensure!(length > 0, "the server closed it");
            seen += self.reader.answers(&buffer[..length]);
        }
        Ok(())
    }
}

/// How long they are measured without a reader: about as long as one takes to catch up, since what is rare (a checkpoint of
/// the database, a write that the disk takes its time for) decides about the 99th percentile.
const ALONE: Duration = Duration::from_secs(20);

/// Prints the rows of how much longer others' publications take while a reader catches up with many events.
pub(crate) async fn catching_up() -> anyhow::Result<()> {
    let (mut alone, mut beside, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let server = Server::bus()?;
        fill(&server).await?;
        let mut publisher = Publisher::connect(&server, Wire::Grpc).await?;
        alone.push(paced(&mut publisher, tokio::time::sleep(ALONE)).await?);
        let start = Instant::now();
        // On a thread of its own, as another process would be.
        let socket = server.socket();
        let reading = tokio::task::spawn_blocking(move || {
            let mut times = 0_u32;
            while start.elapsed() < DURATION {
                read_everything(socket.as_deref())?;
                times += 1;
            }
            anyhow::Ok(f64::from(times) / start.elapsed().as_secs_f64())
        });
        let mut rate = Ok(Ok(0.0));
        beside.push(paced(&mut publisher, async { rate = reading.await }).await?);
        #[expect(clippy::cast_precision_loss, reason = "far fewer messages than a mantissa holds")]
        rates.push(rate?? * BEHIND as f64);
    }
    row("publish p99, 1000 a second, stored", &range(&alone, 2, " ms"), "–");
    let name = format!("the same while a reader {BEHIND} events behind catches up, again and again");
    row(&name, &format!("{}, reader {}", range(&beside, 2, " ms"), range(&rates, 0, " events/s")), "1.1 times");
    Ok(())
}

async fn fill(server: &Server) -> anyhow::Result<()> {
    let mut publishers = Vec::new();
    for _ in 0..PUBLISHERS {
        publishers.push(Publisher::connect(server, Wire::Grpc).await?);
    }
    let each = BEHIND / PUBLISHERS as u64 + 1;
    let publish = async |mut publisher: Publisher| {
        for _ in 0..each {
            publisher.publish().await?;
        }
        anyhow::Ok(())
    };
    futures::future::try_join_all(publishers.into_iter().map(publish)).await?;
    Ok(())
}

/// The 99th percentile of the time until an event is stored, in milliseconds, until something ends.
async fn paced(publisher: &mut Publisher, until: impl Future<Output = ()>) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    let publishing = async {
        let mut tick = tokio::time::interval(PERIOD);
        loop {
            tick.tick().await;
            let begin = Instant::now();
            publisher.publish().await?;
            times.push(begin.elapsed());
        }
    };
    tokio::select! {
        ended = publishing => return ended,
        () = until => {}
    }
    Ok(percentile(&times, 0.99).as_secs_f64() * 1000.0)
}

/// Reads from the beginning until it has caught up.
fn read_everything(socket: Option<&std::path::Path>) -> anyhow::Result<()> {
    let socket = anyhow::Context::context(socket, "the bus has a socket")?;
    let mut connection = http2::Connection::open(socket)?;
    let cursor = Some(Cursor { from: Some(cursor::From::AfterId(0)) });
    let request = SubscribeRequest { prefixes: vec![TOPIC.to_owned()], cursor };
    let stream = connection.request("/homeport.bus.v1.BusService/Subscribe", &request.encode_to_vec())?;
    let wanted = usize::try_from(BEHIND)? * (value().len() + TOPIC.len());
    let (mut bytes, mut taken) = (0, 0);
    while bytes < wanted {
        let frame = connection.receive()?;
        if frame.kind == http2::kind::DATA {
            bytes += frame.payload.len();
            taken += frame.payload.len();
        }
        if taken >= WINDOW_BYTES / 2 {
            let length = u32::try_from(std::mem::take(&mut taken))?;
            connection.send(&http2::Frame::window_update(0, length))?;
            connection.send(&http2::Frame::window_update(stream, length))?;
        }
    }
    Ok(())
}
