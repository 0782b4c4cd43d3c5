//! A bus of the test's own.

use std::path::{Path, PathBuf};

use homeport_proto::{
    bus::v1::{GetStatisticsRequest, GetStatisticsResponse, bus_service_client::BusServiceClient},
    pubservice::{self, pubsub_service_client::PubsubServiceClient},
};
use homeport_service::rpc;
use tonic::{Status, Streaming};

use crate::soon;

/// The largest event, encoded; existing clients know this number.
pub(crate) const MAX_EVENT_BYTES: usize = 4_194_304;

pub(crate) type Client = PubsubServiceClient<rpc::Client>;

pub(crate) type Replay = BusServiceClient<rpc::Client>;

/// A connection to `homeport.bus.v1` on a socket. Takes what is a little larger than the largest event.
pub(crate) fn replay(socket: &Path) -> Replay {
    BusServiceClient::new(rpc::connect_streaming(socket)).max_decoding_message_size(5 << 20)
}

/// A running bus in a directory that goes with it.
pub(crate) struct Bus {
    process: homeport_e2e::Bus,
    _directory: tempfile::TempDir,
}

impl Bus {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a bus with settings, such as `("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "4")`.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { process: homeport_e2e::Bus::start(directory.path(), settings).unwrap(), _directory: directory }
    }

    /// Starts a bus with a settings file.
    pub(crate) fn start_with_file(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("configs")).unwrap();
        std::fs::write(directory.path().join("configs/bus.toml"), settings).unwrap();
        Self { process: homeport_e2e::Bus::start(directory.path(), &[]).unwrap(), _directory: directory }
    }

    /// The process.
    pub(crate) const fn process(&mut self) -> &mut homeport_e2e::Bus {
        &mut self.process
    }

    /// Another process in the place of this one, which has ended or is killed.
    pub(crate) fn restart(&mut self) {
        self.process.restart().unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    pub(crate) fn begin_drain(&self) {
        self.process.begin_drain();
    }

    /// Waits until it has ended well, after it was asked to.
    pub(crate) fn wait(&mut self) {
        self.process.wait().unwrap();
    }

    pub(crate) fn stop(&mut self) {
        self.process.stop().unwrap();
    }

    /// A path below the state directory.
    pub(crate) fn state(&self, path: &str) -> PathBuf {
        self.process.state(path)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.process.socket()
    }

    pub(crate) fn replay(&self) -> Replay {
        replay(&self.socket())
    }

    /// A connection of its own.
    pub(crate) fn client(&self) -> Client {
        PubsubServiceClient::new(rpc::connect_streaming(&self.socket()))
    }

    pub(crate) async fn statistics(&self) -> GetStatisticsResponse {
        soon(self.replay().get_statistics(GetStatisticsRequest {})).await.unwrap().into_inner()
    }

    /// A subscription on a connection of its own. It is registered when this returns.
    pub(crate) async fn subscribe(&self, prefix: &str) -> Streaming<pubservice::String> {
        let request = pubservice::String { topic: prefix.to_owned(), value: String::new() };
        soon(self.client().subscribe_topic(request)).await.unwrap().into_inner()
    }

    pub(crate) async fn publish(&self, topic: &str, value: &str) {
        publish(&mut self.client(), topic, value).await.unwrap();
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
