//! `pubservice.PubsubService`.

use futures::{Stream, StreamExt as _};
use homeport_proto::pubservice::{self, pubsub_service_server::PubsubService};
use homeport_service::status::to_status;
use prost::Message as _;
use tonic::{Request, Response, Status, codegen::BoxStream};

use crate::{
    MAX_EVENT_BYTES,
    broker::{Broker, Event, Filter, Subscription},
};

pub(crate) struct Pubsub {
    broker: Broker,
}

impl Pubsub {
    pub(crate) const fn new(broker: Broker) -> Self {
        Self { broker }
    }

    /// The caller's response headers follow this at once, so a client that waits for them misses nothing after.
    fn register(&self, prefix: String) -> Result<Subscription, Status> {
        self.broker.subscribe(Filter::Joined(prefix)).map_err(|error| to_status(&error))
    }
}

#[tonic::async_trait]
impl PubsubService for Pubsub {
    type SubscribeTopicStream = BoxStream<pubservice::String>;
    type SubscribeStream = BoxStream<pubservice::String>;

    async fn publish(&self, request: Request<pubservice::String>) -> Result<Response<pubservice::String>, Status> {
        let pubservice::String { topic, value } = request.into_inner();
        self.broker.publish(Event { topic, value }).map_err(|error| to_status(&error))?;
        Ok(Response::new(pubservice::String::default()))
    }

    async fn subscribe_topic(
        &self,
        request: Request<pubservice::String>,
    ) -> Result<Response<Self::SubscribeTopicStream>, Status> {
        let subscription = self.register(request.into_inner().topic)?;
        Ok(Response::new(Box::pin(subscription.map(|event| Ok(apart(&event))))))
    }

    async fn subscribe(&self, _: Request<pubservice::String>) -> Result<Response<Self::SubscribeStream>, Status> {
        Ok(Response::new(Box::pin(joined_stream(self.register(String::new())?))))
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
