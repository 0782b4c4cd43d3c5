//! To the engine, on a connection of the request's own, and back; also when both sides go on without HTTP.

use bytes::Bytes;
use homeport_service::Context;
use http_body_util::BodyExt;
use hyper::{HeaderMap, Request, Response, StatusCode, client::conn::http1, header, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::UnixStream};
use tokio_util::sync::CancellationToken;

use super::answer::{self, Body};
use crate::engine::Engine;

/// Why the engine gave no answer.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Sends a request and gives the answer's head as soon as it is here. `conversation` is the plugin's side of a connection
/// that may be taken over: when the engine agrees, both are joined until they end, or `stop` says so.
pub(super) async fn send(
    engine: &Engine,
    request: Request<Body>,
    conversation: Option<OnUpgrade>,
    context: &Context,
    stop: &CancellationToken,
) -> Result<Response<Body>, Failure> {
    let stream = UnixStream::connect(engine.socket()).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let ended = stop.clone();
    // It lives as long as the answer is read; what breaks it is seen by whoever reads.
    context.spawn("engine broker", async move {
        drop(ended.run_until_cancelled(connection.with_upgrades()).await);
    });
    let mut response = sender.send_request(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response.map(BodyExt::boxed));
    }
    let plugin = conversation.ok_or("the engine switched protocols unasked")?;
    let engine = hyper::upgrade::on(&mut response);
    let stop = stop.clone();
    context.spawn("engine broker", async move {
        let (Ok(plugin), Ok(engine)) = tokio::join!(plugin, engine) else { return };
        let (mut plugin, mut engine) = (TokioIo::new(plugin), TokioIo::new(engine));
        drop(stop.run_until_cancelled(copy_bidirectional(&mut plugin, &mut engine)).await);
    });
    Ok(response.map(|_| answer::full(Bytes::new())))
}

/// Whether a request asks for a conversation, as clients of the engine do.
pub(super) fn wants_conversation(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"tcp"))
}
