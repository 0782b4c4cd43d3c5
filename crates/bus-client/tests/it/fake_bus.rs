//! The bus's gRPC service without a bus behind it.

use std::{path::Path, time::Duration};

use futures::StreamExt as _;
use homeport_bus_client::Event;
use homeport_proto::pubservice::{
    self,
    pubsub_service_server::{PubsubService, PubsubServiceServer},
};
use homeport_service::{peer::SocketConfig, rpc::bind};
use tokio::{
    sync::{broadcast, mpsc},
    task::JoinHandle,
};
use tokio_stream::wrappers::{BroadcastStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, codegen::BoxStream};

pub(crate) struct FakeBus {
    published: mpsc::Receiver<Event>,
    events: broadcast::Sender<pubservice::String>,
    subscribed: broadcast::Sender<String>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

struct Service {
    published: mpsc::Sender<Event>,
    events: broadcast::Sender<pubservice::String>,
    subscribed: broadcast::Sender<String>,
    stop: CancellationToken,
}

#[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
impl FakeBus {
    pub(crate) fn start(socket: &Path) -> Self {
        let (published, received) = mpsc::channel(4096);
        let (events, subscribed) = (broadcast::channel(16).0, broadcast::channel(16).0);
        let stop = CancellationToken::new();
        let service = Service { published, events: events.clone(), subscribed: subscribed.clone(), stop: stop.clone() };
        let incoming = UnixListenerStream::new(bind(socket, &SocketConfig::default()).unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(PubsubServiceServer::new(service))
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move { server.await.unwrap() });
        Self { published: received, events, subscribed, stop, serving }
    }

    pub(crate) async fn published(&mut self) -> Event {
        self.published.recv().await.unwrap()
    }

    pub(crate) fn send(&self, event: Event) {
        self.events.send(pubservice::String { topic: event.topic, value: event.value }).unwrap();
    }

    /// Sends an event as soon as someone has subscribed to this prefix.
    pub(crate) fn send_when_subscribed(&self, prefix: &'static str, event: Event) {
        let (mut subscribed, events) = (self.subscribed.subscribe(), self.events.clone());
        tokio::spawn(async move {
            while subscribed.recv().await.unwrap() != prefix {}
            events.send(pubservice::String { topic: event.topic, value: event.value }).unwrap();
        });
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.serving).await.unwrap().unwrap();
    }
}

#[tonic::async_trait]
impl PubsubService for Service {
    type SubscribeTopicStream = BoxStream<pubservice::String>;
    type SubscribeStream = BoxStream<pubservice::String>;

    async fn publish(&self, request: Request<pubservice::String>) -> Result<Response<pubservice::String>, Status> {
        self.published.send(request.into_inner().into()).await.unwrap();
        Ok(Response::new(pubservice::String::default()))
    }

    async fn subscribe_topic(
        &self,
        request: Request<pubservice::String>,
    ) -> Result<Response<Self::SubscribeTopicStream>, Status> {
        let events = BroadcastStream::new(self.events.subscribe()).map(|event| Ok(event.unwrap()));
        drop(self.subscribed.send(request.into_inner().topic));
        Ok(Response::new(Box::pin(events.take_until(self.stop.clone().cancelled_owned()))))
    }

    async fn subscribe(&self, _: Request<pubservice::String>) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(Status::unimplemented("not needed here"))
    }
}
