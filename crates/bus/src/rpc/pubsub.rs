//! `pubservice.PubsubService`.
//!
//! It stands on tonic's codec and transport but not on the generated server: that one copies each event for each of its
//! subscribers.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use futures::{
    Stream, StreamExt as _,
    future::{self, BoxFuture, Ready},
    stream::BoxStream,
};
use homeport_bus_wire::message;
use homeport_proto::pubservice::pubsub_service_server::SERVICE_NAME;
use homeport_service::status::to_status;
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, ServerStreamingService, UnaryService},
};
use tower::Service;

use crate::{
    MAX_EVENT_BYTES,
    broker::{Broker, Event, Protocol, Subscription},
    door::{Door, peer},
    latency::Latencies,
    rpc::delivery::{Delivery, DeliveryCodec},
};

/// The three methods in front of a broker.
#[derive(Debug, Clone)]
pub(crate) struct Pubsub {
    broker: Broker,
    door: Door,
    latencies: Arc<Latencies>,
}

impl NamedService for Pubsub {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for Pubsub {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let pubsub = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(DeliveryCodec).apply_max_message_size_config(Some(MAX_EVENT_BYTES), None);
            let method = request.uri().path().rsplit('/').next().unwrap_or_default();
            Ok(match method {
                "Publish" => grpc.unary(Publish(pubsub), request).await,
                "SubscribeTopic" => grpc.server_streaming(SubscribeTopic(pubsub), request).await,
                "Subscribe" => grpc.server_streaming(Subscribe(pubsub), request).await,
                _ => Status::unimplemented("there is no such method").into_http(),
            })
        })
    }
}

impl Pubsub {
    pub(crate) const fn new(broker: Broker, door: Door, latencies: Arc<Latencies>) -> Self {
        Self { broker, door, latencies }
    }

    fn publish(&self, event: Event) -> Result<Response<Delivery>, Status> {
        let start = Instant::now();
        self.door.publish(&self.broker, &event.topic)?;
        self.broker.publish(event).map_err(|error| to_status(&error))?;
        self.latencies.pubservice.add(start.elapsed());
        Ok(Response::new(Delivery::Nothing))
    }

    /// The caller's response headers follow this at once, so a client that waits for them misses nothing after.
    fn register<T>(&self, prefix: String, request: &Request<T>) -> Result<Subscription, Status> {
        let filter = self.door.joined(prefix);
        self.door.subscribe(&self.broker, &filter)?;
        let origin = self.door.origin(Protocol::Pubservice, peer(request));
        self.broker.subscribe_as(filter, origin).map_err(|error| to_status(&error))
    }
}

struct Publish(Pubsub);

impl UnaryService<Event> for Publish {
    type Response = Delivery;
    type Future = Ready<Result<Response<Delivery>, Status>>;

    fn call(&mut self, request: Request<Event>) -> Self::Future {
        future::ready(self.0.publish(request.into_inner()))
    }
}

/// Events as they are told to one subscriber.
type Deliveries = BoxStream<'static, Result<Delivery, Status>>;

struct SubscribeTopic(Pubsub);

impl ServerStreamingService<Event> for SubscribeTopic {
    type Response = Delivery;
    type ResponseStream = Deliveries;
    type Future = Ready<Result<Response<Deliveries>, Status>>;

    fn call(&mut self, request: Request<Event>) -> Self::Future {
        let prefix = request.get_ref().topic.clone();
        let subscription = self.0.register(prefix, &request);
        let apart = |subscription: Subscription| subscription.map(|event| Ok(Delivery::Apart(event))).boxed();
        future::ready(subscription.map(|subscription| Response::new(apart(subscription))))
    }
}

struct Subscribe(Pubsub);

impl ServerStreamingService<Event> for Subscribe {
    type Response = Delivery;
    type ResponseStream = Deliveries;
    type Future = Ready<Result<Response<Deliveries>, Status>>;

    fn call(&mut self, request: Request<Event>) -> Self::Future {
        let subscription = self.0.register(String::new(), &request);
        future::ready(subscription.map(|subscription| Response::new(joined(subscription).boxed())))
    }
}

/// Every event with its topic in the value. Joined, an event without a topic is a byte longer than it was published; the
/// one that is too large for its reader then is left out, because it would end the reader's stream.
fn joined(subscription: Subscription) -> impl Stream<Item = Result<Delivery, Status>> + Send {
    futures::stream::unfold(subscription, async |mut subscription| {
        loop {
            let event = subscription.next().await?;
            if message::encoded_joined_len(&event) <= MAX_EVENT_BYTES {
                return Some((Ok(Delivery::Joined(event)), subscription));
            }
            subscription.oversize(&event);
        }
    })
}
