//! What the gRPC library of Go puts on the wire, frame by frame.

use homeport_e2e::http2::{ACK, Connection, END_HEADERS, END_STREAM, Frame, kind};
use homeport_proto::pubservice;
use prost::Message as _;

use crate::bus::Bus;

const PUBLISH: &str = "/pubservice.PubsubService/Publish";
const SUBSCRIBE_TOPIC: &str = "/pubservice.PubsubService/SubscribeTopic";
/// Frames of a flood.
const FLOOD: u32 = 10_000;

fn event(topic: &str, value: &str) -> Vec<u8> {
    pubservice::String { topic: topic.to_owned(), value: value.to_owned() }.encode_to_vec()
}

/// Publishes and checks that the answer is what Go's server gives: headers, one empty message, trailers.
fn publish(connection: &mut Connection, value: &str) {
    let stream = connection.request(PUBLISH, &event("go", value)).unwrap();
    let of_stream = |frame: &Frame| frame.stream == stream;
    let headers = connection.receive_until(of_stream).unwrap();
    assert_eq!((headers.kind, headers.flags), (kind::HEADERS, END_HEADERS));
    let body = connection.receive_until(of_stream).unwrap();
    assert_eq!((body.kind, body.payload.as_slice()), (kind::DATA, &[0; 5][..]));
    let trailers = connection.receive_until(of_stream).unwrap();
    assert_eq!((trailers.kind, trailers.flags), (kind::HEADERS, END_HEADERS | END_STREAM));
}

/// The next delivered event, whose message fits into one frame.
fn delivered(connection: &mut Connection) -> pubservice::String {
    let frame = connection.receive_until(|frame| frame.kind == kind::DATA).unwrap();
    pubservice::String::decode(&frame.payload[5..]).unwrap()
}

#[test]
fn an_empty_settings_frame_is_enough() {
    let bus = Bus::start();
    let mut connection = Connection::open(&bus.socket()).unwrap();
    let ours = connection.receive_until(|frame| frame.kind == kind::SETTINGS && frame.flags == 0).unwrap();
    assert_eq!(ours.stream, 0);
    connection.send(&Frame::new(kind::SETTINGS, ACK, 0, [])).unwrap();
    for n in 0..100 {
        publish(&mut connection, &n.to_string());
    }
}

#[test]
fn headers_come_before_the_first_event() {
    let bus = Bus::start();
    let mut subscriber = Connection::open(&bus.socket()).unwrap();
    let stream = subscriber.request(SUBSCRIBE_TOPIC, &event("go", "")).unwrap();
    let headers = subscriber.receive_until(|frame| frame.stream == stream).unwrap();
    assert_eq!((headers.kind, headers.flags), (kind::HEADERS, END_HEADERS));
    let mut publisher = Connection::open(&bus.socket()).unwrap();
    publish(&mut publisher, "after the headers");
    assert_eq!(delivered(&mut subscriber).value, "after the headers");
}

#[test]
fn every_ping_of_a_flood_is_answered_and_none_is_punished() {
    let bus = Bus::start();
    let mut connection = Connection::open(&bus.socket()).unwrap();
    for n in 0..FLOOD {
        let payload = u64::from(n).to_be_bytes();
        connection.send(&Frame::new(kind::PING, 0, 0, payload)).unwrap();
        let pong = connection.receive_until(|frame| frame.kind == kind::PING || frame.kind == kind::GOAWAY).unwrap();
        assert_eq!(pong, Frame::new(kind::PING, ACK, 0, payload));
    }
    publish(&mut connection, "and the connection goes on");
}

#[test]
fn window_updates_after_every_message_are_not_punished() {
    let bus = Bus::start();
    let mut subscriber = Connection::open(&bus.socket()).unwrap();
    let stream = subscriber.request(SUBSCRIBE_TOPIC, &event("go", "")).unwrap();
    subscriber.receive_until(|frame| frame.stream == stream).unwrap();
    let mut publisher = Connection::open(&bus.socket()).unwrap();
    for n in 0..FLOOD {
        subscriber.send(&Frame::window_update(0, 1)).unwrap();
        subscriber.send(&Frame::window_update(stream, 1)).unwrap();
        // The bandwidth estimation of Go's library asks after what it received.
        subscriber.send(&Frame::new(kind::PING, 0, 0, [2, 4, 16, 16, 9, 14, 7, 7])).unwrap();
        if n % 100 == 0 {
            publish(&mut publisher, &n.to_string());
            assert_eq!(delivered(&mut subscriber).value, n.to_string());
        }
    }
}

#[test]
fn a_connection_for_each_message_is_fine() {
    let bus = Bus::start();
    for n in 0..500 {
        let mut connection = Connection::open(&bus.socket()).unwrap();
        publish(&mut connection, &n.to_string());
    }
}

#[test]
fn a_stream_that_is_reset_ends_its_subscription_and_no_other() {
    let bus = Bus::start();
    let mut subscriber = Connection::open(&bus.socket()).unwrap();
    let streams = [0; 2].map(|_| subscriber.request(SUBSCRIBE_TOPIC, &event("go", "")).unwrap());
    for stream in streams {
        subscriber.receive_until(|frame| frame.stream == stream).unwrap();
    }
    // CANCEL, as Go's library says when a context ends.
    subscriber.send(&Frame::new(kind::RST_STREAM, 0, streams[0], 8_u32.to_be_bytes())).unwrap();
    // The answer to a PING shows that what came before it was read.
    subscriber.send(&Frame::new(kind::PING, 0, 0, [0; 8])).unwrap();
    subscriber.receive_until(|frame| frame.kind == kind::PING).unwrap();
    publish(&mut Connection::open(&bus.socket()).unwrap(), "once");
    let frame = subscriber.receive_until(|frame| frame.kind == kind::DATA).unwrap();
    assert_eq!(frame.stream, streams[1]);
}
