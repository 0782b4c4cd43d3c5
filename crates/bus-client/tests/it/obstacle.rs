//! Events that cannot be received: a reader gets past them. Only a bus that is broken has such, so this one is none.

use std::path::Path;

use futures::StreamExt as _;
use homeport_bus_client::{Cursor, MAX_EVENT_BYTES, Replay, subscribe_from};
use homeport_proto::bus::v1::{
    self, CaughtUp, GetStatisticsResponse, SubscribeRequest, SubscribeResponse,
    bus_service_server::{BusService, BusServiceServer},
    cursor::From,
    subscribe_response::Message,
};
use homeport_service::{peer::SocketConfig, rpc::bind};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Request, Response, Status, codegen::BoxStream};

use crate::{Place, soon};

/// The id of the newest event.
const LAST: u64 = 40;

/// What happens at the one event that cannot be received.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is larger than a reader takes.
    Large,
    /// The bus fails over it.
    Broken,
}

/// Has the events 10, 11, 12, … 40, of which one cannot be received.
struct Bus {
    bad: u64,
    fault: Fault,
}

#[expect(clippy::disallowed_methods, reason = "a test's tasks end with its runtime")]
fn start(socket: &Path, bad: u64, fault: Fault) {
    let incoming = UnixListenerStream::new(bind(socket, &SocketConfig::default()).unwrap());
    let server = tonic::transport::Server::builder().add_service(BusServiceServer::new(Bus { bad, fault }));
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
}

fn said(message: Message) -> SubscribeResponse {
    SubscribeResponse { message: Some(message) }
}

#[tonic::async_trait]
impl BusService for Bus {
    type SubscribeStream = BoxStream<SubscribeResponse>;
    type SubscribeGroupStream = BoxStream<SubscribeResponse>;

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        let after = match request.into_inner().cursor.and_then(|cursor| cursor.from).unwrap() {
            From::AfterId(id) => id,
            From::Earliest(_) => 0,
            // Event 10 is of second 10 and so on.
            From::Time(time) => u64::try_from(time.seconds).unwrap() - u64::from(time.nanos == 0),
            From::Live(_) => LAST,
        };
        let (bad, fault) = (self.bad, self.fault);
        let events = (after.max(9) + 1..=LAST).map(move |id| match fault {
            Fault::Broken if id == bad => Err(Status::internal("event 17 makes no sense")),
            _ => {
                let value = "x".repeat(if id == bad { MAX_EVENT_BYTES + (65 << 10) } else { 1 });
                Ok(said(Message::Event(v1::Event { id, topic: "a".to_owned(), value, time: None })))
            }
        });
        let caught_up = futures::stream::iter([Ok(said(Message::CaughtUp(CaughtUp { id: LAST })))]);
        let stream = futures::stream::iter(events).chain(caught_up).chain(futures::stream::pending());
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_statistics(
        &self,
        _: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
        Ok(Response::new(GetStatisticsResponse { last_id: LAST, ..GetStatisticsResponse::default() }))
    }

    async fn publish(&self, _: Request<v1::PublishRequest>) -> Result<Response<v1::PublishResponse>, Status> {
        Err(nobody())
    }

    async fn subscribe_group(
        &self,
        _: Request<v1::SubscribeGroupRequest>,
    ) -> Result<Response<Self::SubscribeGroupStream>, Status> {
        Err(nobody())
    }

    async fn acknowledge(
        &self,
        _: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        Err(nobody())
    }

    async fn list_topics(&self, _: Request<v1::ListTopicsRequest>) -> Result<Response<v1::ListTopicsResponse>, Status> {
        Err(nobody())
    }

    async fn list_subscribers(
        &self,
        _: Request<v1::ListSubscribersRequest>,
    ) -> Result<Response<v1::ListSubscribersResponse>, Status> {
        Err(nobody())
    }
}

fn nobody() -> Status {
    Status::unimplemented("nobody asks")
}

async fn check(fault: Fault, bad: u64, cursor: Cursor, first: u64) {
    let place = Place::new();
    start(&place.socket(), bad, fault);
    let mut events = subscribe_from(place.socket(), vec![], cursor);
    let (mut ids, mut gaps) = (Vec::new(), Vec::new());
    loop {
        match soon(events.next()).await.unwrap() {
            Replay::Event(event) => ids.push(event.id),
            Replay::Gap(gap) => gaps.push(gap.last_id),
            Replay::CaughtUp => break,
            Replay::Connected | Replay::Lost(_) => {}
        }
    }
    let expected: Vec<u64> = (first..=LAST).filter(|id| *id != bad).collect();
    assert_eq!(ids, expected, "{fault:?} at {bad} from {cursor:?}: all the others, once");
    let told = if matches!(cursor, Cursor::Time(_)) && bad == first { 0 } else { bad };
    assert_eq!(gaps, [told]);
}

#[tokio::test]
async fn what_cannot_be_received_is_told_as_a_gap_and_the_rest_arrives() {
    futures::join!(
        check(Fault::Large, 17, Cursor::Earliest, 10),
        check(Fault::Broken, 17, Cursor::After(12), 13),
        check(Fault::Broken, 10, Cursor::Earliest, 10),
        check(Fault::Broken, LAST, Cursor::Earliest, 10),
        check(Fault::Broken, 14, Cursor::Time(14_000), 14),
    );
}
