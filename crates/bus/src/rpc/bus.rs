//! `homeport.bus.v1.BusService`.

use std::{sync::Arc, time::Instant};

use homeport_proto::bus::v1::{
    self, AcknowledgeRequest, AcknowledgeResponse, Cursor, GetStatisticsRequest, GetStatisticsResponse,
    ListSubscribersRequest, ListSubscribersResponse, ListTopicsRequest, ListTopicsResponse, PublishRequest,
    PublishResponse, SubscribeGroupRequest, SubscribeRequest, SubscribeResponse, bus_service_server::BusService,
    cursor::From as Start,
};
use homeport_service::status::to_status;
use tokio::net::unix::UCred;
use tonic::{Request, Response, Status, codegen::BoxStream};

use crate::{
    broker::{Broker, Event, Filter, Protocol, Subscriber, now_ms},
    door::{Door, peer},
    latency::Latencies,
    log::{Groups, Log, timestamp},
    rpc::replay::{Begin, Reader, milliseconds},
};

/// Prefixes of one subscription.
const PREFIXES_MAX: usize = 64;

/// What the services of all sockets share.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) broker: Broker,
    pub(crate) log: Arc<Log>,
    pub(crate) groups: Arc<Groups>,
    pub(crate) latencies: Arc<Latencies>,
}

pub(crate) struct Bus {
    parts: Parts,
    door: Door,
}

impl Bus {
    pub(crate) const fn new(parts: Parts, door: Door) -> Self {
        Self { parts, door }
    }

    async fn reader(
        &self,
        prefixes: Vec<String>,
        cursor: Option<Cursor>,
        peer: Option<UCred>,
    ) -> Result<Reader, Status> {
        if prefixes.len() > PREFIXES_MAX {
            return Err(Status::invalid_argument(format!(
                "there are more than {PREFIXES_MAX} prefixes; leave some out"
            )));
        }
        let Parts { broker, log, .. } = self.parts.clone();
        self.door.subscribe(&broker, &Filter::Topics(prefixes.clone()))?;
        let origin = self.door.origin(Protocol::Homeport, peer);
        Reader::new(broker, log, prefixes, origin, begin(cursor)).await
    }
}

#[tonic::async_trait]
impl BusService for Bus {
    type SubscribeStream = BoxStream<SubscribeResponse>;
    type SubscribeGroupStream = BoxStream<SubscribeResponse>;

    async fn publish(&self, request: Request<PublishRequest>) -> Result<Response<PublishResponse>, Status> {
        let start = Instant::now();
        let PublishRequest { topic, value } = request.into_inner();
        let broker = &self.parts.broker;
        self.door.publish(broker, &topic)?;
        let (taken, answer) = broker.publish_stored(Event { topic, value }).map_err(|error| to_status(&error))?;
        if taken.stored {
            let not_stored = "the event was delivered but is not on disk yet; make room there, and see the log";
            answer.await.map_err(|_| Status::unavailable(not_stored))?;
        }
        self.parts.latencies.homeport.add(start.elapsed());
        Ok(Response::new(PublishResponse { id: taken.id, stored: taken.stored }))
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        let peer = peer(&request);
        let SubscribeRequest { prefixes, cursor } = request.into_inner();
        let reader = self.reader(prefixes, cursor, peer).await?;
        Ok(Response::new(Box::pin(reader.stream())))
    }

    async fn subscribe_group(
        &self,
        request: Request<SubscribeGroupRequest>,
    ) -> Result<Response<Self::SubscribeGroupStream>, Status> {
        let peer = peer(&request);
        let SubscribeGroupRequest { group, prefixes, cursor } = request.into_inner();
        let mut reader = self.reader(prefixes, cursor, peer).await?;
        let (name, groups) = (self.door.own(&group), Arc::clone(&self.parts.groups));
        groups.join(&name, reader.cursor()).await.map_err(|error| to_status(&error))?;
        reader.wait_for_turn(groups, name);
        Ok(Response::new(Box::pin(reader.stream())))
    }

    async fn acknowledge(&self, request: Request<AcknowledgeRequest>) -> Result<Response<AcknowledgeResponse>, Status> {
        let AcknowledgeRequest { group, id } = request.into_inner();
        let id = id.min(self.parts.broker.last_id());
        let done = self.parts.groups.acknowledge(&self.door.own(&group), id).await;
        done.map_err(|error| to_status(&error))?;
        Ok(Response::new(AcknowledgeResponse {}))
    }

    async fn list_topics(&self, request: Request<ListTopicsRequest>) -> Result<Response<ListTopicsResponse>, Status> {
        self.door.open()?;
        let now_ms = now_ms();
        let topics = self.parts.broker.list_topics(&request.into_inner().prefix).into_iter();
        let topics = topics.map(|(topic, count, stored)| v1::Topic {
            topic,
            events: count.events,
            bytes: count.bytes,
            rate: count.rate(now_ms),
            last_time: Some(timestamp(count.last_ms)),
            stored,
        });
        Ok(Response::new(ListTopicsResponse { topics: topics.collect() }))
    }

    async fn list_subscribers(
        &self,
        _: Request<ListSubscribersRequest>,
    ) -> Result<Response<ListSubscribersResponse>, Status> {
        self.door.open()?;
        let subscribers = self.parts.broker.list_subscribers().into_iter().map(subscriber).collect();
        Ok(Response::new(ListSubscribersResponse { subscribers }))
    }

    async fn get_statistics(
        &self,
        _: Request<GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
        self.door.open()?;
        let figures = self.parts.broker.statistics();
        let (bytes_on_disk, events_stored) = self.parts.log.figures();
        Ok(Response::new(GetStatisticsResponse {
            events_in: figures.events_in,
            events_out: figures.events_out,
            subscribers: figures.subscribers as u64,
            queue_depth: figures.queue_depth as u64,
            dropped: figures.dropped,
            oversize: figures.oversize,
            denied: figures.denied,
            bytes_on_disk,
            events_stored,
            store_queue_depth: figures.pending as u64,
            events_not_stored: figures.not_stored,
            last_id: figures.last_id,
            unknown_protocol: figures.unknown_protocol,
            publish_latencies: self.parts.latencies.list(),
        }))
    }
}

fn begin(cursor: Option<Cursor>) -> Begin {
    match cursor.and_then(|cursor| cursor.from) {
        Some(Start::AfterId(id)) => Begin::After(id),
        Some(Start::Time(time)) => Begin::Time(milliseconds(Some(time))),
        Some(Start::Earliest(_)) => Begin::Earliest,
        Some(Start::Live(_)) | None => Begin::Live,
    }
}

fn subscriber(subscriber: Subscriber) -> v1::Subscriber {
    let protocol = match subscriber.origin.protocol {
        Protocol::None => v1::Protocol::Unspecified,
        Protocol::Pubservice => v1::Protocol::Pubservice,
        Protocol::JsonLines => v1::Protocol::JsonLines,
        Protocol::Homeport => v1::Protocol::Homeport,
    };
    v1::Subscriber {
        id: subscriber.id,
        protocol: protocol.into(),
        prefixes: subscriber.prefixes,
        pid: subscriber.origin.pid,
        uid: subscriber.origin.uid,
        queued_events: subscriber.queued_events as u64,
        queued_bytes: subscriber.queued_bytes as u64,
        dropped: subscriber.dropped,
        socket: subscriber.origin.socket.to_string(),
    }
}
