//! What the bus takes.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{load::subscriber, server::Server, value, wire::Wire};
use crate::{
    figures::{range, row},
    process::resident_megabytes,
};

/// How often each figure is measured.
const RUNS: usize = 3;
/// Before memory is read.
const PAUSE: Duration = Duration::from_secs(1);
/// Subscribers that are connected and get nothing.
const SUBSCRIBERS: usize = 500;
/// Publishers that come, say one thing and go.
const PUBLISHERS: usize = 5000;
/// Connections that are open and have said nothing.
const SILENT: usize = 10_000;

/// Prints the rows.
pub(crate) async fn measure() -> anyhow::Result<()> {
    for wire in [Wire::Json, Wire::Grpc, Wire::Nats, Wire::Redis] {
        let (mut idle, mut subscribed, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let server = Server::start(wire)?;
            idle.push(resident(&server).await?);
            let mut subscribers = Vec::new();
            for _ in 0..SUBSCRIBERS {
                subscribers.push(subscriber(&server, wire).await?);
            }
            subscribed.push(resident(&server).await?);
            drop((subscribers, server));
            let server = Server::start(wire)?;
            for _ in 0..PUBLISHERS {
                publish_once(&server, wire).await?;
            }
            after.push(resident(&server).await?);
        }
        let ours = matches!(wire, Wire::Json | Wire::Grpc);
        let to_reach = |text| if ours { text } else { "–" };
        row(&format!("{}: memory, idle", wire.name()), &range(&idle, 1, " MB"), to_reach("8 MB"));
        row(
            &format!("{}: memory, {SUBSCRIBERS} subscribers", wire.name()),
            &range(&subscribed, 1, " MB"),
            to_reach("20 MB"),
        );
        let name = format!("{}: memory after {PUBLISHERS} one-shot publishers", wire.name());
        row(&name, &range(&after, 1, " MB"), to_reach("20 MB"));
    }
    let server = Server::bus()?;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(server.connect(Wire::Json).await?);
    }
    row(
        &format!("memory with {SILENT} connections that say nothing"),
        &range(&[resident(&server).await?], 1, " MB"),
        "–",
    );
    Ok(())
}

async fn resident(server: &Server) -> anyhow::Result<f64> {
    tokio::time::sleep(PAUSE).await;
    resident_megabytes(server.process_id())
}

/// Publishes one message on a connection of its own; where that is answered, waits for the answer.
async fn publish_once(server: &Server, wire: Wire) -> anyhow::Result<()> {
    let mut stream = server.connect(wire).await?;
    let mut bytes = Vec::new();
    wire.publications(&value()).append(&mut bytes, 1);
    stream.write_all(&bytes).await?;
    let (mut reader, mut buffer) = (wire.reader(&value()), [0; 1024]);
    while wire.answers() {
        let length = stream.read(&mut buffer).await?;
        anyhow::ensure!(length > 0, "the server closed it");
        if reader.answers(&buffer[..length]) > 0 {
            break;
        }
    }
    Ok(())
}
