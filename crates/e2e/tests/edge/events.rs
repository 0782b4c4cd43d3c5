//! Events as people and programs outside get them, from the real bus, let in by the real auth.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use futures::{SinkExt as _, StreamExt as _};
use homeport_e2e::{Outcome, binary, until_ok};
use homeport_proto::{
    auth::v1::{
        CreateTokenRequest, CreateUserRequest, ListAuditRequest, RegisterFactorRequest, Role, ValidateFactorRequest,
        audit_service_client::AuditServiceClient, factor_service_client::FactorServiceClient,
        token_service_client::TokenServiceClient, user_service_client::UserServiceClient,
    },
    pubservice::{self, pubsub_service_client::PubsubServiceClient},
};
use homeport_service::rpc::{Client, connect, connect_streaming};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};
use totp_rs::{Builder, Secret};

use crate::World;

const PATIENCE: Duration = Duration::from_secs(20);
const PASSWORD: &str = "another horse battery";

/// The figures of the bus are the bus's own, whichever way events come.
pub fn the_bus_shows_its_figures(world: &World) -> Outcome {
    let before = figures(world)?;
    let socket = world.stack.directory().join("state/api/eventbus.sock");
    let mut lines = UnixStream::connect(&socket)?;
    lines.write_all(b"{\"topic\":\"edge:figures\",\"value\":\"1\"}\n")?;
    runtime()?.block_on(async {
        let message = pubservice::String { topic: "edge:figures".to_owned(), value: "2".to_owned() };
        PubsubServiceClient::new(connect(&socket)).publish(message).await
    })?;
    // Acknowledged, and kept on disk.
    world.publish("app:figures", &json!({ "n": 3 }))?;
    until_ok("the figures follow", PATIENCE, || {
        let now = figures(world)?;
        let grown = |name: &str| now(name) - before(name);
        ensure!(grown("events_in_total") >= 3.0, "{} in", grown("events_in_total"));
        ensure!(grown("stored_total") >= 1.0 && grown("publish_duration_seconds_count") >= 1.0, "nothing is stored");
        // The gateway itself listens.
        ensure!(now("subscribers") >= 1.0 && now("disk_bytes") > 0.0 && now("last_id") >= 3.0, "they make no sense");
        ensure!(grown("events_out_total") >= 3.0, "{} out", grown("events_out_total"));
        Ok(())
    })
}

/// What was published before anybody asked is there for whoever asks for the past, also on another machine.
pub fn what_the_bus_keeps_is_read_from_afar(world: &World) -> Outcome {
    for number in 1..=3 {
        world.publish("app:past", &json!({ "n": number }))?;
    }
    let address = world.stack.url().replace("http://", "");
    let mut sprbus = Command::new(binary("sprbus"));
    sprbus.args(["-addr", &address, "-t", "app:past", "-j", "-raw", "-timeout", "20", "-since", "1h"]);
    let mut follower = sprbus
        .env_clear()
        .env("SPR_API_TOKEN", world.stack.token())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(follower.stdout.take().context("no output")?).lines();
    for number in 1..=4 {
        if number == 4 {
            world.publish("app:past", &json!({ "n": number }))?;
        }
        let line = lines.next().transpose()?.unwrap_or_default();
        ensure!(line == format!(r#"{{"Topic": "app:past", "Value": {{"n":{number}}}}}"#), "{number}: {line}");
    }
    follower.kill()?;
    follower.wait()?;
    let (status, answer) = world.get("/events?since=yesterday")?;
    ensure!(status == 400 && answer.to_string().contains("90s"), "{status} {answer}");
    let (status, answer) = world.get(&format!("/events?since=1h&t={}", ["a"; 65].join(",")))?;
    ensure!(status == 400 && answer.to_string().contains("64"), "{status} {answer}");
    Ok(())
}

/// Each figure of the bus by its name.
fn figures(world: &World) -> anyhow::Result<impl Fn(&str) -> f64 + use<>> {
    let (status, text) = world.get("/metrics")?;
    let text = text.as_str().with_context(|| format!("{status} {text}"))?.to_owned();
    for name in ["dropped_total", "oversize_total", "denied_total", "queue_depth", "not_stored_total"] {
        ensure!(text.contains(&format!("\nhomeport_bus_{name} ")), "{name} is missing");
    }
    Ok(move |name: &str| {
        let of_name = format!("homeport_bus_{name}");
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        // Of a figure with labels, all of them together.
        let values = lines.filter(|(key, _)| key.split('{').next() == Some(&of_name));
        values.filter_map(|(_, value)| value.parse::<f64>().ok()).sum()
    })
}

/// Whoever wants the second factor always is asked for it inside the websocket, in the words that clients know.
pub fn a_websocket_asks_for_the_second_factor(world: &World) -> Outcome {
    runtime()?.block_on(async {
        let auth = connect(&world.stack.directory().join("state/auth/auth.sock"));
        let proof = enrol(&auth).await?;
        let mut told = follow(world, "auth:").await?;
        for wrong in ["ws:another horse battery", "ws:another horse battery:e30.e30.c2ln", "ws:another horse battery:x"]
        {
            let mut socket = open(world, "/ws_events_all", wrong).await?;
            ensure!(said(&mut socket).await? == "Invalid JWT OTP", "{wrong}");
            let Message::Close(Some(frame)) = next(&mut socket).await? else { anyhow::bail!("no close frame") };
            ensure!(frame.code == CloseCode::Policy, "{frame:?}");
        }
        let failure = event(&mut told, "auth:failure").await?;
        ensure!(failure["username"] == "ws" && failure["reason"] == "second factor missing", "{failure}");
        let mut socket = open(world, "/ws_events_all", &format!("ws:{PASSWORD}:{proof}")).await?;
        ensure!(said(&mut socket).await? == "success", "the right proof");
        let success = event(&mut told, "auth:success").await?;
        let ip = success["ip"].as_str().context("no ip")?;
        ensure!(ip.parse::<std::net::SocketAddr>().is_ok_and(|ip| ip.port() > 0), "{success}");
        ensure!(success["reason"] == format!("{ip}:websocket") && success["username"] == "ws", "{success}");
        timeout(PATIENCE, refusals(&auth, 3)).await.context("refusals are missing in the record")?
    })
}

/// Waits until the record has so many refusals of websockets to the user `ws`.
async fn refusals(auth: &Client, count: usize) -> Outcome {
    let mut audit = AuditServiceClient::new(auth.clone());
    let (mut after, mut found) = (0, 0);
    while found < count {
        let action = "GET /ws_events_all".to_owned();
        let request = ListAuditRequest { after: Some(after), wait_ms: 1000, action, ..ListAuditRequest::default() };
        for row in audit.list_audit(request).await?.into_inner().rows {
            after = row.number;
            found += usize::from(row.entry.is_some_and(|entry| entry.principal_name == "ws"));
        }
    }
    Ok(())
}

/// A token whose scopes do not name the websocket fails, and is told to have failed, without any success before.
pub fn a_token_that_may_not_have_all_events_is_told_to_fail(world: &World) -> Outcome {
    runtime()?.block_on(async {
        let auth = connect(&world.stack.directory().join("state/auth/auth.sock"));
        let wanted = CreateTokenRequest {
            name: "wide".to_owned(),
            scopes: vec!["/:r".to_owned()],
            role: Role::Viewer.into(),
            ..CreateTokenRequest::default()
        };
        let secret = TokenServiceClient::new(auth).create_token(wanted).await?.into_inner().secret;
        let mut told = follow(world, "auth:").await?;
        let mut socket = open(world, "/ws_events_all", &secret).await?;
        ensure!(said(&mut socket).await? == "Authentication failure", "its scopes are wider than that path");
        loop {
            let message = timeout(PATIENCE, told.message()).await??.context("the stream ended")?;
            let payload: Value = serde_json::from_str(&message.value)?;
            if payload["name"] == "wide" && message.topic != "auth:token:create" {
                ensure!(message.topic == "auth:failure" && payload["reason"] == "out of scope", "{message:?}");
                return Ok(());
            }
        }
    })
}

/// Makes somebody who wants the second factor always, and returns a proof of it.
async fn enrol(auth: &Client) -> anyhow::Result<String> {
    let wanted = CreateUserRequest {
        name: "ws".to_owned(),
        password: PASSWORD.to_owned(),
        email: String::new(),
        role: Role::Viewer.into(),
    };
    let user = UserServiceClient::new(auth.clone()).create_user(wanted).await?.into_inner().user.context("no user")?;
    let mut factors = FactorServiceClient::new(auth.clone());
    let register = RegisterFactorRequest { user_id: user.id.clone(), ..RegisterFactorRequest::default() };
    let secret = factors.register_factor(register).await?.into_inner().secret;
    let secret = Secret::try_from_base32(&secret).map_err(|error| anyhow::anyhow!("{error}"))?;
    let telephone = Builder::new().with_secret(secret).build().map_err(|error| anyhow::anyhow!("{error}"))?;
    let validate = ValidateFactorRequest {
        user_id: user.id,
        code: telephone.generate_current().to_string(),
        always_on: Some(true),
        ..ValidateFactorRequest::default()
    };
    Ok(factors.validate_factor(validate).await?.into_inner().token)
}

type Events = tonic::Streaming<pubservice::String>;

/// Events of a prefix. The subscription stands when this returns.
async fn follow(world: &World, prefix: &str) -> anyhow::Result<Events> {
    let socket = world.stack.directory().join("state/api/eventbus.sock");
    let wanted = pubservice::String { topic: prefix.to_owned(), value: String::new() };
    Ok(PubsubServiceClient::new(connect_streaming(&socket)).subscribe_topic(wanted).await?.into_inner())
}

/// The payload of the next event of a topic that is about the user `ws`.
async fn event(events: &mut Events, topic: &str) -> anyhow::Result<Value> {
    loop {
        let message = timeout(PATIENCE, events.message()).await??.context("the stream ended")?;
        let payload: Value = serde_json::from_str(&message.value)?;
        if message.topic == topic && payload["username"] == "ws" {
            return Ok(payload);
        }
    }
}

type Socket = WebSocketStream<TcpStream>;

/// Opens a websocket and shows a credential.
async fn open(world: &World, path: &str, credential: &str) -> anyhow::Result<Socket> {
    let address = world.stack.url().replace("http://", "");
    let stream = TcpStream::connect(&address).await?;
    let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{address}{path}"), stream).await?;
    socket.send(Message::text(credential)).await?;
    Ok(socket)
}

async fn next(socket: &mut Socket) -> anyhow::Result<Message> {
    Ok(timeout(PATIENCE, socket.next()).await?.context("the connection ended")??)
}

async fn said(socket: &mut Socket) -> anyhow::Result<String> {
    match next(socket).await? {
        Message::Text(text) => Ok(text.to_string()),
        other => anyhow::bail!("{other:?} is no text"),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
