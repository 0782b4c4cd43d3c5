//! A connection that receives.

use std::{io, time::Duration};

use futures::{FutureExt as _, StreamExt as _};
use tokio::net::UnixStream;

use homeport_bus_wire::line;

use crate::{
    broker::{Broker, Filter, Protocol, Subscription},
    door::Door,
};

/// Bytes that are collected for one system call; the last line may go beyond it.
const BATCH_BYTES: usize = 64 << 10;
/// How often a client is looked at that has closed its own direction, as `nc` does.
const HALF_CLOSED_CHECK: Duration = Duration::from_secs(5);
/// Looks at a stalled subscriber per stall limit.
const STALL_CHECKS: u32 = 5;

/// Delivers until the client leaves, stalls, or the broker drains.
pub(crate) async fn run(stream: &UnixStream, broker: &Broker, door: &Door, prefix: String, stall_limit: Duration) {
    let filter = Filter::Topic(prefix);
    if !door.may_subscribe(broker, &filter) {
        return;
    }
    let origin = door.origin(Protocol::JsonLines, stream.peer_cred().ok());
    match broker.subscribe_as(filter, origin) {
        Ok(subscription) => tokio::select! {
            () = gone(stream) => {}
            result = deliver(stream, subscription, stall_limit) => match result {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    tracing::warn!(stall_ms = stall_limit.as_millis(), "a subscriber is cut off: it left its full queue alone");
                }
                // It left.
                Err(_) | Ok(()) => {}
            }
        },
        Err(error) => tracing::warn!(error = %error, "a subscriber is turned away"),
    }
}

async fn deliver(stream: &UnixStream, mut subscription: Subscription, stall_limit: Duration) -> io::Result<()> {
    let mut batch = Vec::new();
    while let Some(first) = subscription.next().await {
        let mut next = Some(first);
        while let Some(event) = next {
            if !line::append(&mut batch, &event) {
                subscription.oversize(&event);
            }
            next = if batch.len() < BATCH_BYTES { subscription.next().now_or_never().flatten() } else { None };
        }
        write(stream, &batch, &subscription, stall_limit / STALL_CHECKS).await?;
        // Nothing is kept while nothing happens.
        batch = Vec::new();
    }
    Ok(())
}

/// Writes everything, or gives up when the queue was full and nothing could be written at several looks in a row.
async fn write(stream: &UnixStream, mut rest: &[u8], subscription: &Subscription, look: Duration) -> io::Result<()> {
    let mut stalled = 0;
    while !rest.is_empty() {
        match tokio::time::timeout(look, stream.writable()).await {
            Ok(ready) => {
                ready?;
                match stream.try_write(rest) {
                    Ok(written) => (rest, stalled) = (&rest[written..], 0),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Err(_) if !subscription.is_full() => stalled = 0,
            Err(_) if stalled + 1 < STALL_CHECKS => stalled += 1,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    }
    Ok(())
}

/// Returns when the client has left. What it still says is read and ignored; that it says nothing more does not mean
/// that it does not listen.
async fn gone(stream: &UnixStream) {
    let mut ignored = [0; 256];
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut ignored) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    // Writing nothing fails once the other end is closed altogether.
    while !matches!(stream.try_write(&[]), Err(error) if error.kind() != io::ErrorKind::WouldBlock) {
        tokio::time::sleep(HALF_CLOSED_CHECK).await;
    }
}
