//! Two protocols on one socket, told apart by the first byte. In both the client speaks first.

use std::{io, os::fd::AsFd as _};

use futures::{Stream, StreamExt as _, future};
use homeport_service::rpc::Connections;
use rustix::net::RecvFlags;
use tokio::{io::Interest, net::UnixStream};

use crate::broker::Broker;

/// Connections that may be silent at a time. A publisher may say nothing for hours, so none is closed for it; the limit
/// on open files comes first.
const SILENT_MAX: usize = 1 << 16;

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
    match first_byte(stream).await {
        Ok(Some(b'P')) => Some(Protocol::Grpc),
        Ok(Some(b'{' | b' ' | b'\t' | b'\r' | b'\n')) => Some(Protocol::JsonLines),
        Ok(Some(byte)) => {
            tracing::debug!(bus.first_byte = byte, "connection closed: it speaks neither gRPC nor JSON lines");
            broker.unknown_protocol();
            None
        }
        Ok(None) | Err(_) => None,
    }
}

/// Looks at the first byte and leaves it where it is; none at the end of the stream.
async fn first_byte(stream: &UnixStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let peek = || Ok(rustix::net::recv(stream.as_fd(), &mut byte, RecvFlags::PEEK)?);
    let (received, _) = stream.async_io(Interest::READABLE, peek).await?;
    Ok((received > 0).then_some(byte[0]))
}
