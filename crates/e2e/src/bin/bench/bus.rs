//! The event bus, beside `nats-server` and redis in the same run.

mod least;
mod load;
mod memory;
mod server;
mod stalled;
mod stored;
mod wire;

use anyhow::Context as _;

use crate::figures::{range, row};
use load::{Measured, Pressure};
use server::Server;
use wire::Wire;

/// The part of this program that is [`least`] of servers.
pub(crate) const LEAST: &str = "least";

/// How often each figure is measured.
const RUNS: usize = 5;
/// Bytes of an event's value.
const VALUE_BYTES: usize = 100;

/// A JSON object of 100 bytes.
pub(crate) fn value() -> String {
    let around = r#"{"n":""}"#.len();
    format!(r#"{{"n":"{}"}}"#, "x".repeat(VALUE_BYTES - around))
}

/// One publisher and some subscribers on one protocol, as a row.
struct Case {
    name: &'static str,
    wire: Wire,
    subscribers: usize,
    pressure: Pressure,
    to_reach: &'static str,
}

/// The publisher goes on while others still read, up to this many messages.
const FLOWING: Pressure = Pressure { unanswered: 100, undelivered: 1000 };
/// The publisher waits for the answer to each message before it publishes the next.
const WAITING: Pressure = Pressure { unanswered: 1, undelivered: 1000 };

const CASES: [Case; 11] = [
    Case {
        name: "gRPC, 1 → 1, publisher waits for each answer",
        wire: Wire::Grpc,
        subscribers: 1,
        pressure: WAITING,
        to_reach: "–",
    },
    Case {
        name: "a loop that does nothing but read and write twice, 1 → 1, publisher waits for each answer",
        wire: Wire::Least,
        subscribers: 1,
        pressure: WAITING,
        to_reach: "–",
    },
    Case {
        name: "redis, 1 → 1, publisher waits for each answer",
        wire: Wire::Redis,
        subscribers: 1,
        pressure: WAITING,
        to_reach: "–",
    },
    Case {
        name: "gRPC, 1 → 1, up to 100 unanswered",
        wire: Wire::Grpc,
        subscribers: 1,
        pressure: FLOWING,
        to_reach: "11 µs",
    },
    Case { name: "JSON lines, 1 → 1", wire: Wire::Json, subscribers: 1, pressure: FLOWING, to_reach: "2 µs" },
    Case { name: "nats-server, 1 → 1", wire: Wire::Nats, subscribers: 1, pressure: FLOWING, to_reach: "–" },
    Case { name: "redis, 1 → 1", wire: Wire::Redis, subscribers: 1, pressure: FLOWING, to_reach: "–" },
    Case {
        name: "gRPC, 1 → 100",
        wire: Wire::Grpc,
        subscribers: 100,
        pressure: FLOWING,
        to_reach: "250000 deliveries/s",
    },
    Case {
        name: "JSON lines, 1 → 100",
        wire: Wire::Json,
        subscribers: 100,
        pressure: FLOWING,
        to_reach: "700000 deliveries/s",
    },
    Case { name: "nats-server, 1 → 100", wire: Wire::Nats, subscribers: 100, pressure: FLOWING, to_reach: "–" },
    Case { name: "redis, 1 → 100", wire: Wire::Redis, subscribers: 100, pressure: FLOWING, to_reach: "–" },
];

/// Prints the rows.
pub(crate) fn measure() -> anyhow::Result<()> {
    // One thread for the whole load, so that the server has the other core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // A word that the figures wanted have in their names, for whoever works on one of them.
        let word = std::env::args().nth(2).unwrap_or_default();
        let wanted = |name: &str| name.contains(&word);
        for case in CASES.iter().filter(|case| wanted(case.name)) {
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                let server = Server::start(case.wire)?;
                runs.push(load::run(&server, case.wire, case.subscribers, case.pressure).await?);
            }
            row(case.name, &shown(&runs), case.to_reach);
        }
        if wanted("stalled") {
            stalled::measure().await?;
        }
        if wanted("memory") {
            memory::measure().await?;
        }
        if wanted("stored") {
            stored::measure().await?;
        }
        if wanted("behind") {
            stored::catching_up().await?;
        }
        Ok(())
    })
}

/// Is the least of servers, on that socket.
pub(crate) fn serve_least(socket: Option<std::ffi::OsString>) -> anyhow::Result<()> {
    least::serve(std::path::Path::new(&socket.context("which socket?")?))
}

fn shown(runs: &[Measured]) -> String {
    let of = |figure: fn(&Measured) -> f64| runs.iter().map(figure).collect::<Vec<_>>();
    format!(
        "{}, {}, server {} a message",
        range(&of(|run| run.published), 0, " messages/s"),
        range(&of(|run| run.delivered), 0, " deliveries/s"),
        range(&of(|run| run.cpu_us), 1, " µs"),
    )
}
