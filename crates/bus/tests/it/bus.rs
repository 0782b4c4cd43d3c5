//! A bus of the test's own.

use std::path::{Path, PathBuf};

use homeport_proto::{
    bus::v1::bus_service_client::BusServiceClient,
    pubservice::{self, pubsub_service_client::PubsubServiceClient},
};
use homeport_service::{Context, Entry, Paths, StartError, config::Environment, rpc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::soon;

pub(crate) type Client = PubsubServiceClient<rpc::Client>;

pub(crate) type Replay = BusServiceClient<rpc::Client>;

/// A connection to `homeport.bus.v1` on a socket.
pub(crate) fn replay(socket: &Path) -> Replay {
    BusServiceClient::new(rpc::connect_streaming(socket))
}

/// A running bus; [`Bus::stop`] drains it.
pub(crate) struct Bus {
    directory: tempfile::TempDir,
    drain: CancellationToken,
    running: Option<JoinHandle<Result<(), StartError>>>,
}

impl Bus {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a bus with settings, such as `("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "4")`.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut bus = Self { directory: tempfile::tempdir().unwrap(), drain: CancellationToken::new(), running: None };
        bus.restart_with(settings).await;
        bus
    }

    pub(crate) async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Starts a bus with a settings file.
    pub(crate) async fn start_with_file(settings: &str) -> Self {
        let mut bus = Self { directory: tempfile::tempdir().unwrap(), drain: CancellationToken::new(), running: None };
        std::fs::create_dir_all(bus.paths().configs).unwrap();
        std::fs::write(bus.paths().configs.join("bus.toml"), settings).unwrap();
        bus.restart_with(&[]).await;
        bus
    }

    /// A path below the state directory.
    pub(crate) fn state(&self, path: &str) -> PathBuf {
        self.paths().state.join(path)
    }

    pub(crate) fn replay(&self) -> Replay {
        replay(&self.socket())
    }

    async fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.drain = CancellationToken::new();
        self.running = Some(self.spawn(settings));
        let mut client = self.client();
        let ping = pubservice::String { topic: "test:ping".to_owned(), value: String::new() };
        soon(async { while client.publish(ping.clone()).await.is_err() {} }).await;
    }

    /// Starts one more bus on the same socket.
    #[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> JoinHandle<Result<(), StartError>> {
        let paths = self.paths();
        let environment = settings.iter().copied().collect();
        tokio::spawn(homeport_service::run_all(
            vec![Entry::new("bus", homeport_bus::run)],
            paths,
            environment,
            self.drain.clone(),
        ))
    }

    fn paths(&self) -> Paths {
        Paths { state: self.directory.path().join("state"), configs: self.directory.path().join("configs") }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        let paths = self.paths();
        Context::new("bus", paths, Environment::default(), CancellationToken::new()).socket()
    }

    /// A connection of its own.
    pub(crate) fn client(&self) -> Client {
        PubsubServiceClient::new(rpc::connect_streaming(&self.socket()))
    }

    /// A subscription on a connection of its own. It is registered when this returns.
    pub(crate) async fn subscribe(&self, prefix: &str) -> Streaming<pubservice::String> {
        let request = pubservice::String { topic: prefix.to_owned(), value: String::new() };
        soon(self.client().subscribe_topic(request)).await.unwrap().into_inner()
    }

    pub(crate) async fn publish(&self, topic: &str, value: &str) {
        publish(&mut self.client(), topic, value).await.unwrap();
    }

    pub(crate) fn begin_drain(&self) {
        self.drain.cancel();
    }

    pub(crate) async fn stop(&mut self) {
        self.drain.cancel();
        soon(self.running.take().unwrap()).await.unwrap().unwrap();
    }
}

pub(crate) async fn publish(client: &mut Client, topic: &str, value: &str) -> Result<(), Status> {
    let message = pubservice::String { topic: topic.to_owned(), value: value.to_owned() };
    soon(client.publish(message)).await.map(drop)
}

/// The next event of a subscription, as topic and value.
pub(crate) async fn next(events: &mut Streaming<pubservice::String>) -> (String, String) {
    let message = soon(events.message()).await.unwrap().expect("the stream goes on");
    (message.topic, message.value)
}
