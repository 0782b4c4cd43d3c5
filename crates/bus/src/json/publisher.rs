//! A connection that publishes.

use tokio::net::UnixStream;

use homeport_bus_wire::line::{self, Line};

use super::reader::Reader;
use crate::{broker::Broker, door::Door};

/// Publishes line by line until the client leaves or asks for a subscription, whose prefix is returned. Lines that say
/// nothing, or something that this socket does not have, are skipped. A line that is too long ends the connection: where the next one begins is not known.
pub(crate) async fn run(stream: &UnixStream, broker: &Broker, door: &Door) -> Option<String> {
    let mut reader = Reader::new(stream);
    while let Ok(Some(line)) = reader.next().await {
        match line::parse(&line) {
            Some(Line::Subscribe(prefix)) => return Some(prefix),
            // The protocol has no way to say that the bus is stopping; the connection ends with it.
            Some(Line::Publish(event)) if door.may_publish(broker, &event.topic) => {
                broker.publish(event).ok()?;
            }
            Some(Line::Publish(_)) | None => {}
        }
    }
    None
}
