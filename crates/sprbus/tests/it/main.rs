//! The built program against a bus in this process, and against the double of an API.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod remote;
mod replay;

use std::{path::Path, process::Stdio, time::Duration};

use homeport_service::{Context, Entry, Paths, config::Environment};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};
use tokio_util::sync::CancellationToken;

struct Bus {
    directory: tempfile::TempDir,
    drain: CancellationToken,
}

impl Bus {
    async fn start() -> Self {
        let mut bus = Self { directory: tempfile::tempdir().unwrap(), drain: CancellationToken::new() };
        bus.run().await;
        bus
    }

    #[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
    async fn run(&mut self) {
        self.drain = CancellationToken::new();
        let paths = Paths { state: self.state().to_owned(), configs: self.state().join("configs") };
        let socket = Context::new("bus", paths.clone(), Environment::default(), self.drain.clone()).socket();
        let services = vec![Entry::new("bus", homeport_bus::run)];
        tokio::spawn(homeport_service::run_all(services, paths, Environment::default(), self.drain.clone()));
        while tokio::net::UnixStream::connect(&socket).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn state(&self) -> &Path {
        self.directory.path()
    }

    fn sprbus(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sprbus"));
        command.args(arguments).env_clear().env("HOMEPORT_STATE", self.state());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn publish(&self, topic: &str, value: &str) {
        let output = soon(self.sprbus(&["-t", topic, "-p", value]).output()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }

    /// A follower that has its subscription: it has printed a first event, which is read already.
    async fn follow(&self, arguments: &[&str]) -> Follower {
        let mut child = self.sprbus(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut follower = Follower { child, lines, errors };
        loop {
            self.publish("test:ready", "0").await;
            if tokio::time::timeout(Duration::from_millis(50), follower.lines.next_line()).await.is_ok() {
                break;
            }
        }
        follower
    }
}

struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Follower {
    /// The next line that does not come from waiting for the subscription.
    async fn line(&mut self) -> String {
        loop {
            let line = soon(self.lines.next_line()).await.unwrap().expect("the program goes on");
            if !line.is_empty() && !line.contains("test:ready") {
                return line;
            }
        }
    }

    async fn error(&mut self) -> String {
        soon(self.errors.next_line()).await.unwrap().expect("the program goes on")
    }
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("this takes far less than 20 s")
}

#[tokio::test]
async fn json_events_of_the_chosen_topics_are_printed() {
    let bus = Bus::start().await;
    let mut follower = bus.follow(&["-t", "a:,test:", "-j", "-timeout", "0"]).await;
    bus.publish("b:c", "{}").await;
    bus.publish("a:b", r#"{"k":[1,2]}"#).await;
    bus.publish("a:b", "no json").await;
    assert_eq!(follower.line().await, r#"{"Topic": "a:b", "Value": {"k":[1,2]}}"#);
    assert_eq!(soon(follower.lines.next_line()).await.unwrap().as_deref(), Some(""), "an empty line follows");
    assert_eq!(follower.line().await, r#"{"Topic": "a:b", "Value": "no json"}"#);
}

#[tokio::test]
async fn plain_lines_leave_out_what_is_hidden() {
    let bus = Bus::start().await;
    let mut follower = bus.follow(&["--nogui", "--e=secret:,b", "-raw", "-timeout=0"]).await;
    bus.publish("secret:x", "{}").await;
    bus.publish("b", "{}").await;
    bus.publish("a", r#"{"name":"web","progress":50}"#).await;
    assert_eq!(follower.line().await, r#"a ["web",50]"#);
}

#[tokio::test]
async fn the_log_file_has_one_object_a_line() {
    let bus = Bus::start().await;
    let path = bus.state().join("events.log");
    std::fs::write(&path, "from before").unwrap();
    let mut follower = bus.follow(&["-o", path.to_str().unwrap(), "-timeout", "0"]).await;
    bus.publish("a", "{\n}").await;
    follower.line().await;
    bus.publish("b", "1").await;
    follower.line().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.contains("test:ready")).collect();
    assert_eq!(lines[0], r#"{"Topic": "a", "Value": {}}"#);
}

#[tokio::test]
async fn a_follower_survives_a_restart_and_says_so() {
    let mut bus = Bus::start().await;
    let mut follower = bus.follow(&["-j", "-timeout", "0"]).await;
    bus.drain.cancel();
    assert!(follower.error().await.starts_with("sprbus: the bus is away"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    bus.run().await;
    assert!(follower.error().await.starts_with("sprbus: connected again"));
    bus.publish("a", "1").await;
    let line = follower.line().await;
    assert!(line.contains("service:bus:stopped"), "{line}");
    assert_eq!(follower.line().await, r#"{"Topic": "a", "Value": 1}"#);
    follower.child.kill().await.unwrap();
}

#[tokio::test]
async fn the_time_is_up_with_success() {
    let bus = Bus::start().await;
    let output = soon(bus.sprbus(&["-timeout", "1"]).output()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test]
async fn a_reader_that_went_away_ends_it_with_success() {
    let bus = Bus::start().await;
    let mut child = bus.sprbus(&["-timeout", "0"]).spawn().unwrap();
    drop(child.stdout.take());
    let ended = async {
        while child.try_wait().unwrap().is_none() {
            bus.publish("a", "1").await;
        }
    };
    soon(ended).await;
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
    assert_eq!((child.wait().await.unwrap().code(), errors.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn publishing_verbosely_shows_and_checks_the_value() {
    let bus = Bus::start().await;
    let good = soon(bus.sprbus(&["-t", "a", "-p", "{}", "-v"]).output()).await.unwrap();
    assert_eq!((good.status.code(), good.stdout.as_slice()), (Some(0), b"a {}\n".as_slice()));
    let bad = soon(bus.sprbus(&["-t", "a", "-p", "no json", "-v"]).output()).await.unwrap();
    assert_eq!(bad.status.code(), Some(1));
}

#[tokio::test]
async fn failures_have_codes_and_sentences() {
    let bus = Bus::start().await;
    let wrong = soon(bus.sprbus(&["-what"]).output()).await.unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let help = soon(bus.sprbus(&["-help"]).output()).await.unwrap();
    assert_eq!(help.status.code(), Some(0));
    for arguments in [&["-t", "a"][..], &["-t", "a", "-p", "{}"]] {
        let absent = soon(bus.sprbus(arguments).env("TEST_PREFIX", "/nonexistent").output()).await.unwrap();
        assert_eq!(absent.status.code(), Some(1));
        let message = String::from_utf8(absent.stderr).unwrap();
        assert!(message.contains("there is no bus at /nonexistent/state/api/eventbus.sock"), "{message}");
    }
}

#[tokio::test]
async fn a_socket_that_nobody_serves_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("api")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(directory.path().join("api/eventbus.sock")).unwrap());
    let bus = Bus { directory, drain: CancellationToken::new() };
    for arguments in [&["-t", "a"][..], &["-t", "a", "-p", "{}"]] {
        let output = soon(bus.sprbus(arguments).output()).await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}
