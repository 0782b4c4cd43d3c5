//! Publishing while some subscribers are dead or do not read.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};

use super::{
    RUNS,
    load::subscriber,
    server::{Server, Stream},
    value,
    wire::Wire,
};
use crate::figures::{percentile, range, row};

/// How long is measured. Shorter than the time after which a stalled reader of lines is cut off.
const DURATION: Duration = Duration::from_secs(2);
/// Subscribers that read everything.
const HEALTHY: usize = 3;
/// Subscribers that never read.
const STALLED: usize = 3;

/// Prints the rows.
pub(crate) async fn measure() -> anyhow::Result<()> {
    for wire in [Wire::Grpc, Wire::Json] {
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            alone.push(publish_p99(wire, 0).await?);
            beside.push(publish_p99(wire, STALLED).await?);
        }
        let healthy =
            format!("publish p99 on gRPC, {HEALTHY} healthy readers on {}, which get everything", wire.name());
        row(&healthy, &range(&alone, 3, " ms"), "–");
        let name = format!("the same with one dead and {STALLED} stalled readers on {}", wire.name());
        row(&name, &range(&beside, 3, " ms"), "5 ms");
    }
    Ok(())
}

/// The 99th percentile of the time until a publication is answered, in milliseconds.
async fn publish_p99(wire: Wire, stalled: usize) -> anyhow::Result<f64> {
    let server = Server::bus()?;
    let mut bad = Vec::new();
    for _ in 0..stalled {
        bad.push(subscriber(&server, wire).await?);
    }
    if stalled > 0 {
        drop(subscriber(&server, wire).await?);
    }
    let mut healthy = Vec::new();
    for _ in 0..HEALTHY {
        healthy.push(subscriber(&server, wire).await?);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (published, end) = watch::channel(None);
    let reading = healthy.into_iter().map(|stream| read_all(stream, wire, end.clone()));
    let publishing = async {
        let times = publish(&server).await?;
        published.send_replace(Some(times.len() as u64));
        anyhow::Ok(times)
    };
    let (times, read) = tokio::join!(publishing, futures::future::try_join_all(reading));
    read?;
    drop(bad);
    Ok(percentile(&times?, 0.99).as_secs_f64() * 1000.0)
}

async fn publish(server: &Server) -> anyhow::Result<Vec<Duration>> {
    let mut stream = server.connect(Wire::Grpc).await?;
    let (mut publications, mut reader) = (Wire::Grpc.publications(&value()), Wire::Grpc.reader(&value()));
    let (mut times, mut bytes, mut buffer) = (Vec::new(), Vec::new(), vec![0; 4096]);
    let start = Instant::now();
    while start.elapsed() < DURATION {
        bytes.clear();
        publications.append(&mut bytes, 1);
        let begin = Instant::now();
        stream.write_all(&bytes).await?;
        loop {
            let length = stream.read(&mut buffer).await?;
            anyhow::ensure!(length > 0, "the server closed it");
            if reader.answers(&buffer[..length]) > 0 {
                break;
            }
        }
        times.push(begin.elapsed());
        let answer = reader.take_answer();
        if !answer.is_empty() {
            stream.write_all(&answer).await?;
        }
    }
    Ok(times)
}

/// Reads until everything that was published is there; fails if that takes far too long.
async fn read_all(
    mut stream: Box<dyn Stream>,
    wire: Wire,
    mut published: watch::Receiver<Option<u64>>,
) -> anyhow::Result<()> {
    let (mut reader, mut buffer, mut received) = (wire.reader(&value()), vec![0; 64 << 10], 0);
    let limit = DURATION + Duration::from_secs(10);
    let reading = async {
        while *published.borrow() != Some(received) {
            let length = tokio::select! {
                length = stream.read(&mut buffer) => length?,
                changed = published.changed() => {
                    changed?;
                    continue;
                }
            };
            anyhow::ensure!(length > 0, "a healthy reader was cut off");
            received += reader.messages(&buffer[..length]);
            let answer = reader.take_answer();
            if !answer.is_empty() {
                stream.write_all(&answer).await?;
            }
        }
        Ok(())
    };
    tokio::time::timeout(limit, reading).await.map_err(|_| anyhow::anyhow!("a healthy reader missed events"))?
}
