//! The real gateway, auth and bus in one process, in a directory of their own.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
    time::Duration,
};

use homeport_service::{Entry, Paths, config::Environment, run_all};
use reqwest::{Client, StatusCode, redirect::Policy};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The first administrator's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Stack {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) directory: TempDir,
    drain: CancellationToken,
    services: tokio::task::JoinHandle<Result<(), homeport_service::StartError>>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let variables = [
            ("HOMEPORT_HTTP", address.as_str()),
            ("HOMEPORT_ADMIN_PASSWORD", PASSWORD),
            ("HOMEPORT_AUTH__PASSWORD__HASH_MEMORY_KIB", "64"),
            ("HOMEPORT_AUTH__PASSWORD__HASH_ITERATIONS", "1"),
        ];
        let drain = CancellationToken::new();
        let entries = vec![
            Entry::new("bus", homeport_bus::run),
            Entry::new("auth", homeport_auth::run),
            Entry::new("gateway", homeport_api_gateway::run),
        ];
        let environment = variables.into_iter().collect::<Environment>();
        #[expect(clippy::disallowed_methods, reason = "the test itself waits for it")]
        let services = tokio::spawn(run_all(entries, paths, environment, drain.clone()));
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        let stack = Self { client, url: format!("http://{address}"), directory, drain, services };
        tokio::time::timeout(Duration::from_secs(20), stack.serves()).await.expect("it does not start");
        stack
    }

    /// Auth may come last; the gateway alone lets nobody in.
    async fn serves(&self) {
        loop {
            let request = self.client.get(format!("{}/auth/me", self.url)).basic_auth("admin", Some(PASSWORD));
            if request.send().await.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a command line in an environment of its own, with words on standard input. Off the runtime's thread.
    pub(crate) fn run(&self, environment: &[(&str, &str)], line: &str, input: &str) -> Output {
        tokio::task::block_in_place(|| {
            let mut child = Command::new(env!("CARGO_BIN_EXE_homeport"))
                .args(line.split_whitespace())
                .env_clear()
                .env("HOMEPORT_URL", &self.url)
                .envs(environment.iter().copied())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // A command that reads nothing may be gone before all is written.
            drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
            child.wait_with_output().unwrap()
        })
    }

    /// Stops the services, and returns where their state is.
    pub(crate) async fn stop(self) -> TempDir {
        self.drain.cancel();
        self.services.await.unwrap().unwrap();
        self.directory
    }
}
