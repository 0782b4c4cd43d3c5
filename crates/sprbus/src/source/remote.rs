//! The bus of another machine: its events come on a websocket, those of the past on a stream, one goes there with a request.

mod replay;

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use futures::{SinkExt as _, StreamExt as _, stream::BoxStream};
use homeport_bus_client::Event;
use homeport_service::{Secret, telemetry::chain};
use http::{Request, header, request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use super::{
    Address, Notice,
    follow::{self, Failure, Origin},
};

pub(super) use replay::replay;

/// How long the other side may take to let one in, or to take an event.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest message: an event of 4 MiB, all of it escaped twice.
const MESSAGE_BYTES: usize = 64 << 20;
/// As much of an answer as a person needs to see.
const ANSWER_BYTES: usize = 64 << 10;

/// The texts that refuse a credential.
const REFUSALS: [&str; 2] = ["Authentication failure", "Invalid JWT OTP"];

/// Every event, through every restart of the other side.
pub(super) fn follow(address: Address, token: Secret<String>) -> BoxStream<'static, anyhow::Result<Notice>> {
    follow::follow(Socket { address, token })
}

/// Publishes an event.
pub(super) async fn publish(address: &Address, token: &Secret<String>, topic: &str, value: &str) -> anyhow::Result<()> {
    let body = json!({ "topic": topic, "value": value }).to_string();
    let request = asking(Request::post("/events"), address, token)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .context("SPR_API_TOKEN is no token")?;
    let exchange = timeout(PATIENCE, exchange(address, request)).await;
    exchange.with_context(|| format!("{address} did not answer in time"))?
}

async fn exchange(address: &Address, request: Request<Full<Bytes>>) -> anyhow::Result<()> {
    let stream = connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        anyhow::Ok((status, body.map(http_body_util::Collected::to_bytes).unwrap_or_default()))
    };
    let (answer, _closed) = futures::future::join(exchange, connection).await;
    let (status, body) = answer.with_context(|| format!("cannot publish at {address}"))?;
    if !status.is_success() {
        bail!("{address} does not publish it: {status}, {}", String::from_utf8_lossy(&body).trim());
    }
    Ok(())
}

/// A request to an API, with who asks.
fn asking(request: request::Builder, address: &Address, token: &Secret<String>) -> request::Builder {
    request
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
}

async fn connect(address: &Address) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await;
    stream.with_context(|| format!("cannot connect to {address}"))
}

struct Socket {
    address: Address,
    token: Secret<String>,
}

impl Origin for Socket {
    type Open = WebSocketStream<TcpStream>;

    async fn open(&mut self) -> Result<Self::Open, Failure> {
        in_time(open(&self.address, &self.token)).await
    }

    async fn read(&mut self, open: &mut Self::Open) -> Result<Option<Notice>, String> {
        next_event(open).await.map(|event| Some(Notice::Event(event, None)))
    }
}

/// No longer than anybody waits.
async fn in_time<T>(opening: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(PATIENCE, opening).await.unwrap_or_else(|_| Err(anyhow!("it does not answer").into()))
}

async fn open(address: &Address, token: &Secret<String>) -> Result<WebSocketStream<TcpStream>, Failure> {
    let stream = connect(address).await?;
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES)).max_frame_size(Some(MESSAGE_BYTES));
    let url = format!("ws://{address}/ws_events_all");
    let (mut socket, _) = client_async_with_config(url, stream, Some(config)).await?;
    socket.send(Message::text(token.expose().clone())).await?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.as_str() == "success" => return Ok(socket),
            Some(Ok(Message::Text(text))) if REFUSALS.contains(&text.as_str()) => {
                return Err(Failure::Refused(format!("{address} refuses the token in SPR_API_TOKEN: {text}")));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(Some(frame)))) => return Err(anyhow!("{}", frame.reason).into()),
            Some(Ok(_)) | None => return Err(anyhow!("it lets nobody in").into()),
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

/// One message, of which two keys matter here.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "Type")]
    topic: String,
    #[serde(rename = "Data", default)]
    value: String,
}

async fn next_event(socket: &mut WebSocketStream<TcpStream>) -> Result<Event, String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                // What is no event is for other clients.
                if let Ok(Frame { topic, value }) = serde_json::from_str(&text) {
                    return Ok(Event { topic, value });
                }
            }
            Some(Ok(Message::Close(Some(frame)))) if !frame.reason.is_empty() => return Err(frame.reason.to_string()),
            Some(Ok(Message::Close(_))) | None => return Err("the connection was closed".to_owned()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(chain(&error)),
        }
    }
}
