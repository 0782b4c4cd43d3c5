//! Two protocols on one socket, told apart by the first bytes. In both the client speaks first.

use std::{io, os::fd::AsFd as _};

use futures::{Stream, StreamExt as _, future};
use homeport_service::rpc::Connections;
use rustix::net::RecvFlags;
use tokio::{io::Interest, net::UnixStream};

use crate::broker::Broker;

/// Connections that may be silent at a time. A publisher may say nothing for hours, so none is closed for it; the limit
/// on open files comes first.
const SILENT_MAX: usize = 1 << 16;

/// How a client of gRPC begins: the first bytes of HTTP/2's preface.
const PREFACE: &[u8; 3] = b"PRI";

#[derive(Debug, PartialEq, Eq)]
enum Protocol {
    /// HTTP/2, whose preface begins with `PRI`.
    Grpc,
    /// One JSON object a line.
    JsonLines,
}

/// The connections that speak gRPC. Those that speak JSON lines are handed over, others are counted and closed.
pub(crate) fn grpc<F>(
    connections: Connections,
    broker: Broker,
    mut json_lines: F,
) -> impl Stream<Item = io::Result<UnixStream>>
where
    F: FnMut(UnixStream),
{
    let told_apart = connections.map(move |connection| {
        let broker = broker.clone();
        async move {
            let stream = connection?;
            Ok(protocol(&stream, &broker).await.map(|protocol| (protocol, stream)))
        }
    });
    told_apart.buffer_unordered(SILENT_MAX).filter_map(move |connection| {
        future::ready(match connection {
            Ok(Some((Protocol::Grpc, stream))) => Some(Ok(stream)),
            Ok(Some((Protocol::JsonLines, stream))) => {
                json_lines(stream);
                None
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    })
}

/// What the client speaks; none if it left or speaks neither.
async fn protocol(stream: &UnixStream, broker: &Broker) -> Option<Protocol> {
    loop {
        let ready = stream.ready(Interest::READABLE).await.ok()?;
        let mut bytes = [0; PREFACE.len()];
        // It stays where it is.
        let peek = || {
            let (received, _) = rustix::net::recv(stream.as_fd(), &mut bytes, RecvFlags::PEEK)?;
            match told_by(&bytes[..received]) {
                Told::Nothing if received > 0 && !ready.is_read_closed() => Err(io::ErrorKind::WouldBlock.into()),
                told => Ok(told),
            }
        };
        match stream.try_io(Interest::READABLE, peek) {
            Ok(Told::Protocol(protocol)) => return Some(protocol),
            Ok(Told::Neither) => {
                tracing::debug!(bus.first_byte = bytes[0], "connection closed: it speaks neither gRPC nor JSON lines");
                broker.unknown_protocol();
                return None;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // It left.
            Ok(Told::Nothing) | Err(_) => return None,
        }
    }
}

/// What the first bytes tell.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Protocol(Protocol),
    Neither,
    /// More have to come.
    Nothing,
}

/// A line may have space before it; whether an object follows is looked at when it is read.
fn told_by(bytes: &[u8]) -> Told {
    match bytes {
        [] => Told::Nothing,
        [b'{' | b' ' | b'\t' | b'\r' | b'\n', ..] => Told::Protocol(Protocol::JsonLines),
        _ if bytes == PREFACE => Told::Protocol(Protocol::Grpc),
        _ if PREFACE.starts_with(bytes) => Told::Nothing,
        _ => Told::Neither,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let check = |bytes: &[u8], told| assert_eq!(told_by(bytes), told, "{bytes:?}");
        check(b"", Told::Nothing);
        check(b"P", Told::Nothing);
        check(b"PR", Told::Nothing);
        check(b"PRI", Told::Protocol(Protocol::Grpc));
        check(b"{", Told::Protocol(Protocol::JsonLines));
        check(b"\r\n{", Told::Protocol(Protocol::JsonLines));
        check(b"PO", Told::Neither);
        check(b"PUT", Told::Neither);
        check(b"\xff", Told::Neither);
    }
}
