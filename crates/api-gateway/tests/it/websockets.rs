//! `/ws` and `/ws_events_all`, over real sockets.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use homeport_proto::auth::v1::{Way, audit_entry::Outcome};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest as _, protocol::frame::coding::CloseCode},
};

use crate::stack::{PATIENCE, Stack, eventually};

struct Client(WebSocketStream<TcpStream>);

fn request(stack: &Stack, path: &str) -> Request<()> {
    format!("ws://{}{path}", stack.client.address()).into_client_request().unwrap()
}

async fn connect(stack: &Stack, request: Request<()>) -> Result<Client, tungstenite::Error> {
    let stream = TcpStream::connect(stack.client.address()).await.unwrap();
    tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| Client(socket))
}

/// The status that a handshake is refused with.
async fn refused(stack: &Stack, request: Request<()>) -> StatusCode {
    match connect(stack, request).await {
        Err(tungstenite::Error::Http(response)) => response.status(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was let in"),
    }
}

impl Client {
    async fn open(stack: &Stack, path: &str) -> Self {
        connect(stack, request(stack, path)).await.unwrap()
    }

    /// A client that was let in.
    async fn of(stack: &Stack, path: &str, credential: &str) -> Self {
        let mut client = Self::open(stack, path).await;
        client.say(credential).await;
        assert_eq!(client.text().await, "success", "{credential}");
        client
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn message(&mut self) -> Message {
        let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("silence");
        message.expect("the connection ended").unwrap()
    }

    async fn text(&mut self) -> String {
        match self.message().await {
            Message::Text(text) => text.to_string(),
            other => panic!("{other:?} is no text"),
        }
    }

    /// The next event that a test published.
    async fn event(&mut self) -> Value {
        loop {
            let event: Value = serde_json::from_str(&self.text().await).unwrap();
            let kind = event["Type"].as_str().unwrap();
            if !kind.starts_with("auth:") && !kind.starts_with("service:") {
                return event;
            }
        }
    }

    /// The code of the close frame, past everything before it.
    async fn close_code(&mut self) -> CloseCode {
        loop {
            if let Message::Close(frame) = self.message().await {
                return frame.expect("a reason").code;
            }
        }
    }
}

#[tokio::test]
async fn every_form_of_a_credential_is_taken() {
    let stack = Stack::start().await;
    for credential in
        ["good", "admin:right", "admin:with:colons", "otp:right:e30.e30.c2ln", "otp:with:colons:e30.e30.c2ln"]
    {
        for path in ["/ws", "/ws_events_all", "/ws_events_all?t=a"] {
            Client::of(&stack, path, credential).await;
        }
    }
}

#[tokio::test]
async fn others_are_refused_in_words_and_with_a_close_frame() {
    let stack = Stack::start().await;
    let long = "x".repeat(9 << 10);
    for (path, credential) in [
        ("/ws", "bad"),
        ("/ws", ""),
        ("/ws_events_all", "admin:wrong"),
        ("/ws_events_all", &long),
        ("/ws_events_all", "scoped"),
        ("/ws_events_all", "root"),
        ("/ws", "follower"),
    ] {
        let mut client = Client::open(&stack, path).await;
        client.say(credential).await;
        assert_eq!(client.text().await, "Authentication failure", "{credential}");
        assert_eq!(client.close_code().await, CloseCode::Policy, "{credential}");
    }
    let mut client = Client::open(&stack, "/ws").await;
    client.0.send(Message::binary("good")).await.unwrap();
    assert_eq!(client.text().await, "Authentication failure", "a credential is a text");
}

#[tokio::test]
async fn the_second_factor_is_asked_for_in_words() {
    let stack = Stack::start().await;
    let bad = "e30.e30.bm8";
    for credential in ["otp:right", "otp:right:", "otp:right:no proof", &format!("otp:right:{bad}"), "otp:with:colons"]
    {
        stack.world.passwords.lock().unwrap().clear();
        let mut client = Client::open(&stack, "/ws").await;
        client.say(credential).await;
        assert_eq!(client.text().await, "Invalid JWT OTP", "{credential}");
        assert_eq!(client.close_code().await, CloseCode::Policy, "{credential}");
        let tried = stack.world.passwords.lock().unwrap().clone();
        let right = tried.last().unwrap().as_str();
        assert!(["Basic b3RwOnJpZ2h0", "Basic b3RwOndpdGg6Y29sb25z"].contains(&right), "{credential}: {tried:?}");
    }
    // A wrong proof says nothing about the password, which is tried once and not together with the proof.
    assert_eq!(of(&stack, &format!("otp:right:{bad}")).await, ["Basic b3RwOnJpZ2h0"]);
    let refusals = || stack.world.audit.lock().unwrap().iter().filter(|entry| entry.path == "/ws").count();
    eventually(|| refusals() == 6).await;
    let entry = stack.world.audit.lock().unwrap().iter().find(|entry| entry.path == "/ws").cloned().unwrap();
    assert_eq!((entry.status, entry.outcome()), (401, Outcome::Refused));
}

/// The passwords that auth is asked about for a refused credential.
async fn of(stack: &Stack, credential: &str) -> Vec<String> {
    stack.world.passwords.lock().unwrap().clear();
    let mut client = Client::open(stack, "/ws").await;
    client.say(credential).await;
    client.close_code().await;
    stack.world.passwords.lock().unwrap().clone()
}

#[tokio::test]
async fn a_scope_that_names_the_websocket_is_enough() {
    let stack = Stack::start().await;
    Client::of(&stack, "/ws_events_all", "follower").await;
}

#[tokio::test]
async fn everything_or_what_is_for_people() {
    let stack = Stack::start().await;
    let mut all = Client::of(&stack, "/ws_events_all", "good").await;
    let mut people = Client::of(&stack, "/ws", "good").await;
    stack.world.publish("test:a", r#"{"b":1,"a":"<é>"}"#);
    stack.world.publish("plugin:install:failure", r#"{"Reason":"no"}"#);
    stack.world.publish("test:b", "[1]");
    stack.world.publish("test:c", "no json");
    let frame = |kind: &str, data: &str, notification: bool| json!({ "Type": kind, "Data": data, "Notification": notification, "WildcardAll": !notification });
    let plugin = frame("plugin:install:failure", r#"{"Reason":"no"}"#, true);
    assert_eq!(all.event().await, frame("test:a", r#"{"a":"<é>","b":1}"#, false));
    assert_eq!(all.event().await, plugin, "and it comes once");
    assert_eq!(all.event().await, frame("test:b", "[1]", false));
    assert_eq!(all.event().await, frame("test:c", r#""no json""#, false));
    assert_eq!(people.event().await, plugin, "nothing else");
}

#[tokio::test]
async fn topics_can_be_chosen() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack, "/ws_events_all?t=b:,c", "good").await;
    for topic in ["a", "b", "b:x", "cd"] {
        stack.world.publish(topic, "{}");
    }
    assert_eq!(client.event().await["Type"], "b:x");
    assert_eq!(client.event().await["Type"], "cd");
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let stack = Stack::start().await;
    let host = stack.client.address().to_string();
    for (origin, expected) in [
        ("http://evil.example".to_owned(), Some(StatusCode::FORBIDDEN)),
        ("http://localhost:5173".to_owned(), Some(StatusCode::FORBIDDEN)),
        ("null".to_owned(), Some(StatusCode::FORBIDDEN)),
        (format!("http://{host}"), None),
    ] {
        let mut request = request(&stack, "/ws");
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match expected {
            Some(status) => assert_eq!(refused(&stack, request).await, status, "{origin}"),
            None => drop(connect(&stack, request).await.unwrap()),
        }
    }
}

#[tokio::test]
async fn a_header_does_no_harm_and_no_good() {
    let stack = Stack::start().await;
    for value in ["Bearer good", "Bearer bad"] {
        let mut request = request(&stack, "/ws");
        request.headers_mut().insert("authorization", value.parse().unwrap());
        let mut client = connect(&stack, request).await.unwrap();
        client.say("bad").await;
        assert_eq!(client.text().await, "Authentication failure");
    }
    assert_eq!(stack.client.get("/ws").await.status, StatusCode::BAD_REQUEST, "no websocket, no answer");
}

#[tokio::test]
async fn only_so_many_may_be_unknown_and_not_for_long() {
    let settings =
        [("HOMEPORT_GATEWAY__EVENTS__MAX_HANDSHAKES", "2"), ("HOMEPORT_GATEWAY__EVENTS__HANDSHAKE_MS", "300")];
    let stack = Stack::with_settings(&settings).await;
    let known = Client::of(&stack, "/ws", "good").await;
    let mut first = Client::open(&stack, "/ws").await;
    let _second = Client::open(&stack, "/ws_events_all").await;
    assert_eq!(refused(&stack, request(&stack, "/ws")).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(first.text().await, "Authentication failure");
    assert_eq!(first.close_code().await, CloseCode::Policy);
    drop(first);
    let room = async {
        while connect(&stack, request(&stack, "/ws")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, room).await.expect("whoever is gone still counts");
    drop(known);
}

#[tokio::test]
async fn a_revoked_credential_closes_its_own_sockets_alone() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__AUTH__RECHECK_MS", "100")]).await;
    let mut revoked = Client::of(&stack, "/ws_events_all", "follower").await;
    let mut other = Client::of(&stack, "/ws_events_all", "good").await;
    stack.world.revoked_credentials.lock().unwrap().push("Bearer follower".to_owned());
    assert_eq!(revoked.close_code().await, CloseCode::Policy);
    stack.world.publish("test:a", "{}");
    assert_eq!(other.event().await["Type"], "test:a");
}

#[tokio::test]
async fn a_deleted_token_closes_its_sockets_at_once() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack, "/ws_events_all", "follower").await;
    stack.client.call(http::Method::PUT, "/tokens").body(r#"{"Name":"follower"}"#).send().await;
    stack.world.revoked_credentials.lock().unwrap().push("Bearer follower".to_owned());
    let deleted = stack.client.call(http::Method::DELETE, "/tokens").body(r#"{"Name":"follower"}"#).send().await;
    assert_eq!(deleted.status, StatusCode::OK);
    assert_eq!(client.close_code().await, CloseCode::Policy);
}

#[tokio::test]
async fn pings_go_out_and_whoever_is_silent_is_left() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__EVENTS__PING_MS", "100")]).await;
    let mut client = Client::of(&stack, "/ws", "good").await;
    for _ in 0..3 {
        // Reading answers the ping before.
        assert!(matches!(client.message().await, Message::Ping(_)));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ended = async { while let Some(Ok(_)) = client.0.next().await {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the connection is kept for nobody");
}

#[tokio::test]
async fn pings_and_goodbyes_of_the_client_are_answered() {
    let stack = Stack::start().await;
    let mut client = Client::of(&stack, "/ws", "good").await;
    client.0.send(Message::Ping("x".into())).await.unwrap();
    assert_eq!(client.message().await, Message::Pong("x".into()));
    client.0.close(None).await.unwrap();
    assert!(matches!(client.message().await, Message::Close(_)));
}

#[tokio::test]
async fn a_socket_ends_with_the_gateway() {
    let mut stack = Stack::start().await;
    let mut known = Client::of(&stack, "/ws_events_all", "good").await;
    let mut unknown = Client::open(&stack, "/ws").await;
    stack.drain.cancel();
    assert_eq!(known.close_code().await, CloseCode::Away);
    assert_eq!(unknown.close_code().await, CloseCode::Away);
    let serving = stack.serving.take().unwrap();
    tokio::time::timeout(PATIENCE, serving).await.expect("the gateway did not end").unwrap();
}

#[tokio::test]
async fn auth_that_is_away_is_no_refusal() {
    let stack = Stack::with(&[], &["bus"]).await;
    let mut client = Client::open(&stack, "/ws").await;
    client.say("good").await;
    assert_eq!(client.close_code().await, CloseCode::Again);
}

#[tokio::test]
async fn clients_are_bounded_and_counted() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__EVENTS__MAX_CLIENTS", "1")]).await;
    let _first = Client::of(&stack, "/ws_events_all", "good").await;
    let mut second = Client::open(&stack, "/ws_events_all").await;
    second.say("good").await;
    assert_eq!(second.close_code().await, CloseCode::Again);
    assert!(stack.client.get("/metrics").await.text().contains("homeport_websocket_clients"));
}

#[tokio::test]
async fn auth_is_asked_about_each_visit_and_told_that_it_is_one() {
    let stack = Stack::start().await;
    for credential in ["good", "follower", "follower"] {
        stack.world.ways.lock().unwrap().clear();
        stack.world.clients.lock().unwrap().clear();
        Client::of(&stack, "/ws_events_all", credential).await;
        assert_eq!(stack.world.ways.lock().unwrap().first(), Some(&Way::Websocket), "none is remembered");
        let asked = stack.world.clients.lock().unwrap().first().cloned().unwrap();
        let address: std::net::SocketAddr = asked.parse().unwrap_or_else(|_| panic!("{asked} has no port"));
        assert!(address.ip().is_loopback() && address.port() > 0, "{address}");
    }
}

#[tokio::test]
async fn an_open_websocket_is_no_new_one() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__AUTH__RECHECK_MS", "100")]).await;
    let _client = Client::of(&stack, "/ws", "good").await;
    let asked = |way| stack.world.ways.lock().unwrap().iter().filter(|asked| **asked == way).count();
    eventually(|| asked(Way::OpenWebsocket) >= 2).await;
    assert_eq!(asked(Way::Websocket), 1, "it is told once");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody() {
    let stack = Stack::with_settings(&[("HOMEPORT_GATEWAY__EVENTS__QUEUE", "8")]).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let stream = socket.connect(stack.client.address()).await.unwrap();
    let mut slow = Client(tokio_tungstenite::client_async(request(&stack, "/ws_events_all"), stream).await.unwrap().0);
    slow.say("good").await;
    assert_eq!(slow.text().await, "success");
    let mut quick = Client::of(&stack, "/ws_events_all", "good").await;
    let filling = "x".repeat(64 << 10);
    for number in 0..200 {
        stack.world.publish("test:a", &json!({ "number": number, "filling": filling }).to_string());
        let data = quick.event().await["Data"].as_str().unwrap().to_owned();
        assert_eq!(serde_json::from_str::<Value>(&data).unwrap()["number"], number, "the quick one misses nothing");
    }
    let (mut last, mut dropped) = (0, 0);
    while last < 199 {
        let event = slow.event().await;
        let data: Value = serde_json::from_str(event["Data"].as_str().unwrap()).unwrap();
        match event["Type"].as_str().unwrap() {
            "bus:dropped" => dropped += data["dropped"].as_u64().unwrap(),
            _ => last = data["number"].as_u64().unwrap(),
        }
    }
    assert!(dropped > 0, "the slow one is told how many it missed");
}
