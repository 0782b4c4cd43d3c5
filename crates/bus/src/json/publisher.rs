//! A connection that publishes.

use std::time::Instant;

use homeport_bus_wire::line::{self, Line};
use tokio::net::UnixStream;

use super::{JsonLines, reader::Reader};

/// Publishes line by line until the client leaves or asks for a subscription, whose prefix is returned. Lines that say
/// nothing, or something that this socket does not have, are skipped. A line that is too long ends the connection: where the next one begins is not known.
pub(crate) async fn run(stream: &UnixStream, edge: &JsonLines) -> Option<String> {
    let JsonLines { broker, door, latencies, .. } = edge;
    let mut reader = Reader::new(stream);
    while let Ok(Some(line)) = reader.next().await {
        match line::parse(&line) {
            Some(Line::Subscribe(prefix)) => return Some(prefix),
            // The protocol has no way to say that the bus is stopping; the connection ends with it.
            Some(Line::Publish(event)) if door.may_publish(broker, &event.topic) => {
                let start = Instant::now();
                broker.publish(event).ok()?;
                latencies.json_lines.add(start.elapsed());
            }
            Some(Line::Publish(_)) | None => {}
        }
    }
    None
}
