//! Auth beside the bus: what changes there and what the bus is told are the same, however the two are killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use futures::StreamExt as _;
use homeport_e2e::{binary, until};
use homeport_proto::{
    auth::v1::{
        CreateUserRequest, DeleteUserRequest, ListAuditRequest, ListSessionsRequest, ListUsersRequest, LoginRequest,
        LogoutRequest, Role, audit_service_client::AuditServiceClient, auth_service_client::AuthServiceClient,
        session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
    },
    bus::v1::{Earliest, Event, cursor::From},
};
use homeport_service::rpc;
use serde_json::Value;
use tonic::Code;

use crate::{
    bus::Bus,
    replay::{event, follow, store},
    soon,
};

const PASSWORD: &str = "correct horse battery";

/// A process of auth beside a bus. Dropping it kills it.
struct Auth {
    directory: PathBuf,
    child: Child,
}

impl Auth {
    fn start(bus: &Bus) -> Self {
        let directory = bus.state("..");
        let mut auth = Self { child: spawn(&directory), directory };
        auth.wait();
        auth
    }

    fn wait(&mut self) {
        let socket = self.socket();
        until("auth listens", Duration::from_secs(20), || std::os::unix::net::UnixStream::connect(&socket).is_ok())
            .unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn restart(&mut self) {
        self.child = spawn(&self.directory);
        self.wait();
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("state/auth/auth.sock")
    }

    fn users(&self) -> UserServiceClient<rpc::Client> {
        UserServiceClient::new(rpc::connect(&self.socket()))
    }
}

impl Drop for Auth {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(directory: &std::path::Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(directory.join("auth.log")).unwrap();
    Command::new(binary("homeport"))
        .args(["run", "auth"])
        .env("HOMEPORT_STATE", directory.join("state"))
        .env("HOMEPORT_CONFIGS", directory.join("configs"))
        // Passwords are not what this is about.
        .env("HOMEPORT_AUTH__PASSWORD__HASH_MEMORY_KIB", "64")
        .env("HOMEPORT_AUTH__PASSWORD__HASH_ITERATIONS", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// What a person does: comes, signs in, and leaves in one of three ways, or stays. Ends early where a service is away.
async fn live(socket: &std::path::Path, number: usize, done: &AtomicUsize) -> Option<()> {
    let name = format!("user{number}");
    let password = PASSWORD.to_owned();
    let made = CreateUserRequest {
        name: name.clone(),
        password: password.clone(),
        email: String::new(),
        role: Role::Operator.into(),
    };
    let mut users = UserServiceClient::new(rpc::connect(socket));
    let id = users.create_user(made).await.ok()?.into_inner().user?.id;
    let mut auth = AuthServiceClient::new(rpc::connect(socket));
    let login = LoginRequest { username: name, password, ..LoginRequest::default() };
    let token = auth.login(login).await.ok()?.into_inner().token;
    match number % 3 {
        0 => drop(auth.logout(LogoutRequest { token, ..LogoutRequest::default() }).await.ok()?),
        1 => drop(users.delete_user(DeleteUserRequest { id }).await.ok()?),
        _ => {}
    }
    done.fetch_add(1, SeqCst);
    Some(())
}

/// What the events say: who is there, and who left. Each may be told twice where something was killed.
fn told(events: &[Event]) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (mut users, mut left) = (BTreeMap::new(), BTreeSet::new());
    for event in events {
        let payload: Value = serde_json::from_str(&event.value).unwrap();
        let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        match event.topic.as_str() {
            "auth:user:create" => {
                users.insert(text("id"), text("username"));
            }
            "auth:user:delete" => {
                users.remove(&text("id"));
            }
            "auth:logout" => {
                left.insert(text("name"));
            }
            _ => {}
        }
    }
    (users, left)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_and_its_event_are_never_one_without_the_other() {
    const ROUNDS: usize = 6;
    const EACH: usize = 40;
    let mut bus = Bus::start();
    let mut auth = Auth::start(&bus);
    for round in 0..ROUNDS {
        let (socket, done) = (auth.socket(), AtomicUsize::new(0));
        let people = futures::stream::iter(round * EACH..(round + 1) * EACH);
        let living = people.map(|number| live(&socket, number, &done)).buffer_unordered(8).for_each(async |_| {});
        let killing = async {
            // By turns: auth while it tells, the bus and then auth while what changed waits, the bus alone.
            let enough = async |count| {
                while done.load(SeqCst) < count {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            soon(enough(EACH / 4)).await;
            if round % 3 > 0 {
                bus.kill();
                soon(enough(EACH / 2)).await;
            }
            if round % 3 < 2 {
                auth.kill();
            }
        };
        futures::join!(living, killing);
        if round % 3 > 0 {
            bus.restart();
        }
        if round % 3 < 2 {
            auth.restart();
        }
    }
    let last = CreateUserRequest {
        name: "last".to_owned(),
        password: PASSWORD.to_owned(),
        email: String::new(),
        role: Role::Viewer.into(),
    };
    soon(auth.users().create_user(last)).await.unwrap();

    // In order, so that all is told when the last one is.
    let mut stream = follow(&mut bus.replay(), "auth:", From::Earliest(Earliest {})).await;
    let mut events = Vec::new();
    while !events
        .last()
        .is_some_and(|event: &Event| event.topic == "auth:user:create" && event.value.contains("\"last\""))
    {
        events.push(event(&mut stream).await);
    }
    let (users, left) = told(&events);
    let there = soon(auth.users().list_users(ListUsersRequest {})).await.unwrap().into_inner().users;
    let there: BTreeMap<_, _> = there.into_iter().map(|user| (user.id, user.name)).collect();
    assert!(there.len() > ROUNDS * EACH / 8, "too few came through: {}", there.len());
    assert_eq!(users, there);
    let mut sessions = SessionServiceClient::new(rpc::connect(&auth.socket()));
    for (user_id, name) in there {
        let listed = soon(sessions.list_sessions(ListSessionsRequest { user_id })).await.unwrap().into_inner();
        assert!(
            listed.sessions.is_empty() || !left.contains(&name),
            "{name} left, says an event, and is still signed in"
        );
        let number: Option<usize> = name.strip_prefix("user").and_then(|number| number.parse().ok());
        if let Some(0) = number.map(|number| number % 3)
            && listed.sessions.is_empty()
            && signed_in(&events, &name)
        {
            assert!(left.contains(&name), "{name} is signed out, and no event says so");
        }
    }
    // At most the one that was on its way is told again by each kill.
    let changes = events.iter().filter(|event| event.topic.starts_with("auth:user:")).map(|event| &event.value);
    let unique: BTreeSet<_> = events.iter().map(|event| (&event.topic, &event.value)).collect();
    let unique = unique.iter().filter(|(topic, _)| topic.starts_with("auth:user:")).count();
    assert!(changes.count() - unique <= 2 * ROUNDS, "too many are told twice");
}

/// Whether an event tells that somebody signed in. Such events may get lost, so they prove only one way.
fn signed_in(events: &[Event], name: &str) -> bool {
    let reason = ":login\"";
    let of_name = format!("\"name\":\"{name}\"");
    events
        .iter()
        .any(|event| event.topic == "auth:success" && event.value.contains(&of_name) && event.value.contains(reason))
}

#[tokio::test]
async fn the_record_has_each_refusal_of_the_engine_once() {
    let mut bus = Bus::start();
    let mut auth = Auth::start(&bus);
    let denied =
        |path: &str| format!(r#"{{"plugin":"knocker","method":"POST","path":"{path}","reason":"no","untold":0}}"#);
    for round in 0..4 {
        for number in 0..5 {
            store(&mut bus.replay(), "docker:broker:denied", &denied(&format!("/{round}/{number}"))).await;
        }
        match round {
            0 => auth.kill(),
            1 => auth.restart(),
            2 => {
                bus.kill();
                bus.restart();
            }
            _ => {}
        }
    }
    // Nobody can make sense of this one, which must not hold up the next.
    store(&mut bus.replay(), "docker:broker:denied", "nonsense").await;
    store(&mut bus.replay(), "docker:broker:denied", &denied("/last")).await;
    let mut audit = AuditServiceClient::new(rpc::connect(&auth.socket()));
    let mut paths: Vec<String> = Vec::new();
    let all = async {
        while paths.last().is_none_or(|path| path != "/last") {
            let request = ListAuditRequest {
                action: "engine_denied".to_owned(),
                after: Some(0),
                wait_ms: 1000,
                limit: 100,
                ..ListAuditRequest::default()
            };
            let rows = audit.list_audit(request).await.unwrap().into_inner().rows;
            paths = rows.into_iter().filter_map(|row| row.entry).map(|entry| entry.path).collect();
        }
    };
    soon(all).await;
    let expected = (0..4).flat_map(|round| (0..5).map(move |number| format!("/{round}/{number}")));
    assert_eq!(paths, expected.chain(["/last".to_owned()]).collect::<Vec<_>>(), "each once, in order");
}

#[tokio::test]
async fn warnings_are_on_the_bus_and_the_first_password_is_not() {
    let bus = Bus::start();
    let mut events = bus.subscribe("").await;
    let auth = Auth::start(&bus);
    let password = std::fs::read_to_string(auth.directory.join("state/auth/initial-admin-password")).unwrap();
    let log = std::fs::read_to_string(auth.directory.join("auth.log")).unwrap();
    assert!(log.contains(password.trim()), "whoever starts it reads it there: {log}");
    let login = LoginRequest {
        username: "admin".to_owned(),
        password: "a wrong one".to_owned(),
        client_address: "192.0.2.1:7".to_owned(),
        ..LoginRequest::default()
    };
    let refused = AuthServiceClient::new(rpc::connect(&auth.socket())).login(login).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let record: Value = loop {
        let event = soon(events.message()).await.unwrap().unwrap();
        assert!(!event.value.contains(password.trim()), "{} tells the password to all who read the bus", event.topic);
        if event.topic == "log:auth" && event.value.contains("credentials refused") {
            break serde_json::from_str(&event.value).unwrap();
        }
    };
    assert_eq!((&record["level"], &record["func"]), (&"warning".into(), &"homeport_auth::events".into()), "{record}");
    assert!(record["msg"].as_str().unwrap().contains("192.0.2.1:7"), "{record}");
    assert!(record["file"].as_str().unwrap().contains("events.rs:") && record["time"].is_string(), "{record}");
}
