//! Sockets for one client each.

use homeport_proto::{
    bus::v1::{GetStatisticsRequest, PublishRequest, SubscribeRequest},
    pubservice::{self, pubsub_service_client::PubsubServiceClient},
};
use homeport_service::rpc;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use crate::{
    bus::{Bus, next, publish, replay},
    soon,
};

const SETTINGS: &str = r#"
[[client]]
socket = "clients/plugin/eventbus.sock"
publish = ["plugin:one:"]
subscribe = ["plugin:", "dns:serve:"]
"#;

#[tokio::test]
async fn a_client_has_its_topics_and_no_others() {
    let bus = Bus::start_with_file(SETTINGS);
    let socket = bus.state("clients/plugin/eventbus.sock");
    let (mut all, mut refusals) = (bus.subscribe("plugin:").await, bus.subscribe("bus:denied").await);
    let mut own = PubsubServiceClient::new(rpc::connect_streaming(&socket));
    publish(&mut own, "plugin:one:a", "1").await.unwrap();
    assert_eq!(next(&mut all).await.0, "plugin:one:a");

    let forged = publish(&mut own, "auth:success", "{}").await.unwrap_err();
    assert_eq!(forged.code(), Code::PermissionDenied);
    let refusal = next(&mut refusals).await.1;
    assert!(refusal.contains(r#""action":"publish","topic":"auth:success","count":1"#), "{refusal}");

    let ask = |prefix: &str| pubservice::String { topic: prefix.to_owned(), value: String::new() };
    assert_eq!(soon(own.subscribe_topic(ask("auth:"))).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(soon(own.subscribe(ask(""))).await.unwrap_err().code(), Code::PermissionDenied);
    soon(own.subscribe_topic(ask("dns:serve:"))).await.unwrap();

    let mut own = replay(&socket);
    let forged = PublishRequest { topic: "auth:success".to_owned(), value: String::new() };
    assert_eq!(soon(own.publish(forged)).await.unwrap_err().code(), Code::PermissionDenied);
    let everything = SubscribeRequest::default();
    assert_eq!(soon(own.subscribe(everything)).await.unwrap_err().code(), Code::PermissionDenied);
    let statistics = soon(own.get_statistics(GetStatisticsRequest {})).await;
    assert_eq!(statistics.unwrap_err().code(), Code::PermissionDenied);

    let statistics = soon(bus.replay().get_statistics(GetStatisticsRequest {})).await.unwrap().into_inner();
    assert_eq!(statistics.denied, 5);
}

#[tokio::test]
async fn a_subscription_that_reaches_into_values_reaches_no_other_topic() {
    let bus = Bus::start_with_file(SETTINGS);
    let mut own = PubsubServiceClient::new(rpc::connect_streaming(&bus.state("clients/plugin/eventbus.sock")));
    let prefix = pubservice::String { topic: "dns:serve:1".to_owned(), value: String::new() };
    let mut events = soon(own.subscribe_topic(prefix)).await.unwrap().into_inner();
    let mut all = bus.subscribe("dns:serve:1").await;
    for (topic, value) in [("dns", "serve:1"), ("dns:serve:1", "{}")] {
        bus.publish(topic, value).await;
        assert_eq!(next(&mut all).await, (topic.to_owned(), value.to_owned()), "on the common socket");
    }
    assert_eq!(next(&mut events).await, ("dns:serve:1".to_owned(), "{}".to_owned()));
}

#[tokio::test]
async fn a_line_that_is_refused_is_dropped_and_the_next_goes_through() {
    let bus = Bus::start_with_file(SETTINGS);
    let mut all = bus.subscribe("").await;
    let mut own = tokio::net::UnixStream::connect(bus.state("clients/plugin/eventbus.sock")).await.unwrap();
    own.write_all(b"{\"topic\":\"auth:success\"}\n{\"topic\":\"plugin:one:b\"}\n").await.unwrap();
    loop {
        let (topic, _) = next(&mut all).await;
        assert_ne!(topic, "auth:success");
        if topic == "plugin:one:b" {
            return;
        }
    }
}
