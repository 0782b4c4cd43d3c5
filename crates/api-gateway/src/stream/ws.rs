//! A hub's events on a websocket.

use std::{future::Future, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::server::create_response_with_body,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{Subscription, Taken};
use crate::{metrics::Held, problem::Problem};

/// Longest message that a client may send. Nothing but a credential is expected of it.
const MESSAGE_BYTES: usize = 8 << 10;
/// Buffer for what a client sends; there may be hundreds of clients, and they say next to nothing.
const READ_BYTES: usize = 1 << 10;
/// How long a client may hold up one message before it is given up; existing clients know this time.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait for a client's own goodbye, so that it can read what was said last. What may go on no longer is over
/// within a second, whether it is read or not.
const GOODBYE_LIMIT: Duration = Duration::from_millis(700);

/// A request that was found to be a good opening handshake.
pub(crate) struct Opening(OnUpgrade);

impl Opening {
    /// Reads a handshake, and makes the response that agrees to it.
    pub(crate) fn read(mut request: Request) -> Result<(Self, Response), Problem> {
        let response = create_response_with_body(&request, Body::empty)
            .map_err(|error| Problem::bad_request(format!("this path is for websockets: {error}")))?;
        Ok((Self(hyper::upgrade::on(&mut request)), response))
    }

    /// Waits until the response is out. `None`: the client left before.
    pub(crate) async fn complete(self) -> Option<Socket> {
        let connection = self.0.await.ok()?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES))
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0);
        Some(Socket(WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, Some(config)).await))
    }
}

/// Why a websocket is closed from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client may not be here, or no longer.
    Refused,
    /// The client may be here once it shows its second factor.
    SecondFactor,
    /// The gateway stops.
    Away,
    /// There is no room, or a service is away: the client should come back later.
    Busy,
}

impl End {
    const fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::Refused => (CloseCode::Policy, "the credential is not good for this"),
            Self::SecondFactor => (CloseCode::Policy, "the second factor is missing or wrong"),
            Self::Away => (CloseCode::Away, "the gateway stops"),
            Self::Busy => (CloseCode::Again, "try again later"),
        };
        CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
    }
}

/// An open websocket.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TokioIo<Upgraded>>);

impl Socket {
    /// Waits for the first message. `None`: it is no text, too long, or the client left.
    pub(crate) async fn first_text(&mut self) -> Option<Utf8Bytes> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(text),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Sends a text, and tells whether the client took it.
    pub(crate) async fn say(&mut self, text: impl Into<Utf8Bytes>) -> bool {
        self.send(Message::Text(text.into())).await
    }

    /// Sends what `translate` makes of each thing that the subscription brings, until `over` or the client leaves.
    pub(crate) async fn follow<T, F>(mut self, mut subscription: Subscription, translate: T, ping: Duration, over: F)
    where
        T: Fn(&Taken) -> Option<Utf8Bytes>,
        F: Future<Output = End>,
    {
        let _held = Held::websocket_client();
        tokio::select! {
            () = self.pump(&mut subscription, translate, ping) => {}
            end = over => self.close(end).await,
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(mut self, end: End) {
        let goodbye = async {
            if self.0.close(Some(end.frame())).await.is_ok() {
                while let Some(Ok(_)) = self.0.next().await {}
            }
        };
        // Whoever does not answer is left without.
        drop(timeout(GOODBYE_LIMIT, goodbye).await);
    }

    async fn pump(
        &mut self,
        subscription: &mut Subscription,
        translate: impl Fn(&Taken) -> Option<Utf8Bytes>,
        ping: Duration,
    ) {
        let ping = ping.max(Duration::from_millis(10));
        let mut pings = interval_at(Instant::now() + ping, ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = true;
        loop {
            let goes_on = tokio::select! {
                taken = subscription.next() => match translate(&taken) {
                    Some(text) => self.say(text).await,
                    None => true,
                },
                _ = pings.tick() => std::mem::take(&mut heard) && self.send(Message::Ping(Bytes::new())).await,
                // Nothing that a client says now means anything, save that it is there. Pings are answered in passing.
                message = self.0.next() => {
                    heard = true;
                    matches!(message, Some(Ok(_)))
                }
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn send(&mut self, message: Message) -> bool {
        matches!(timeout(WRITE_LIMIT, self.0.send(message)).await, Ok(Ok(())))
    }
}
