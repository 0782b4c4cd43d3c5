//! What the bus takes.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{load::subscriber, server::Server, value, wire::Wire};
use crate::{
    figures::{range, row},
    process::memory_megabytes,
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
        let [mut idle, mut subscribed, mut after] = [const { Vec::new() }; 3];
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
        let to_reach = |text| if matches!(wire, Wire::Json | Wire::Grpc) { text } else { "–" };
        row(&format!("{}: memory, idle", wire.name()), &shown(&idle), to_reach("8 MB"));
        row(&format!("{}: memory, {SUBSCRIBERS} subscribers", wire.name()), &shown(&subscribed), to_reach("20 MB"));
        let name = format!("{}: memory after {PUBLISHERS} one-shot publishers", wire.name());
        row(&name, &shown(&after), to_reach("20 MB"));
    }
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let server = Server::bus()?;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(server.connect(Wire::Json).await?);
    }
    row(&format!("memory with {SILENT} connections that say nothing"), &shown(&[resident(&server).await?]), "–");
    Ok(())
}

/// Resident memory, and the part of it that is not the program.
async fn resident(server: &Server) -> anyhow::Result<(f64, f64)> {
    tokio::time::sleep(PAUSE).await;
    memory_megabytes(server.process_id())
}

fn shown(measured: &[(f64, f64)]) -> String {
    let (resident, own): (Vec<_>, Vec<_>) = measured.iter().copied().unzip();
    format!("{} resident, {} its own", range(&resident, 1, " MB"), range(&own, 1, " MB"))
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
