//! `pubservice.PubsubService`.

use futures::{Stream, StreamExt as _};
use homeport_proto::pubservice::{self, pubsub_service_server::PubsubService};
use homeport_service::status::to_status;
use prost::Message as _;
use tokio::net::unix::UCred;
use tonic::{Request, Response, Status, codegen::BoxStream};

use crate::{
    MAX_EVENT_BYTES,
    broker::{Broker, Event, Filter, Protocol, Subscription},
    door::{Door, peer},
};

pub(crate) struct Pubsub {
    broker: Broker,
    door: Door,
}

impl Pubsub {
    pub(crate) const fn new(broker: Broker, door: Door) -> Self {
        Self { broker, door }
    }

    /// The caller's response headers follow this at once, so a client that waits for them misses nothing after.
    fn register(&self, prefix: String, peer: Option<UCred>) -> Result<Subscription, Status> {
        let filter = Filter::Joined(prefix);
        self.door.subscribe(&self.broker, &filter)?;
        let origin = self.door.origin(Protocol::Pubservice, peer);
        self.broker.subscribe_as(filter, origin).map_err(|error| to_status(&error))
    }
}

#[tonic::async_trait]
impl PubsubService for Pubsub {
    type SubscribeTopicStream = BoxStream<pubservice::String>;
    type SubscribeStream = BoxStream<pubservice::String>;

    async fn publish(&self, request: Request<pubservice::String>) -> Result<Response<pubservice::String>, Status> {
        let pubservice::String { topic, value } = request.into_inner();
        self.door.publish(&self.broker, &topic)?;
        self.broker.publish(Event { topic, value }).map_err(|error| to_status(&error))?;
        Ok(Response::new(pubservice::String::default()))
    }

    async fn subscribe_topic(
        &self,
        request: Request<pubservice::String>,
    ) -> Result<Response<Self::SubscribeTopicStream>, Status> {
        let subscription = {
            let peer = peer(&request);
            self.register(request.into_inner().topic, peer)?
        };
        Ok(Response::new(Box::pin(subscription.map(|event| Ok(apart(&event))))))
    }

    async fn subscribe(&self, request: Request<pubservice::String>) -> Result<Response<Self::SubscribeStream>, Status> {
        Ok(Response::new(Box::pin(joined_stream(self.register(String::new(), peer(&request))?))))
    }
}

fn apart(event: &Event) -> pubservice::String {
    pubservice::String { topic: event.topic.clone(), value: event.value.clone() }
}

fn joined(event: &Event) -> pubservice::String {
    pubservice::String { topic: String::new(), value: format!("{}:{}", event.topic, event.value) }
}

/// Every event with its topic in the value. Joined, an event without a topic is a byte longer than it was published; the
/// one that is too large for its reader then is left out, because it would end the reader's stream.
fn joined_stream(subscription: Subscription) -> impl Stream<Item = Result<pubservice::String, Status>> + Send {
    futures::stream::unfold(subscription, async |mut subscription| {
        loop {
            let event = subscription.next().await?;
            let message = joined(&event);
            if message.encoded_len() <= MAX_EVENT_BYTES {
                return Some((Ok(message), subscription));
            }
            subscription.oversize(&event);
        }
    })
}
