//! How ports answer.

use homeport_proto::docker::v1::{
    PortAnswer, ProbePortsRequest, probe_ports_request::WantedPort, probe_ports_response::ProbedPort,
};
use tonic::Code;

use crate::world::{OLD, World, docker, patient};

async fn probe(world: &World, container: &str, ports: &[(u32, PortAnswer)]) -> Vec<PortAnswer> {
    let ports = ports.iter().map(|(port, wanted)| WantedPort {
        container_port: *port,
        wanted: (*wanted).into(),
        http_path: String::new(),
    });
    let request = ProbePortsRequest {
        container: container.to_owned(),
        ports: ports.collect(),
        time_limit: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
    };
    let response = world.containers().probe_ports(patient(request)).await.unwrap().into_inner();
    response.ports.iter().map(ProbedPort::answer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_tried_from_inside_the_containers_network() {
    let world = World::new();
    let id = world.run("web", &[OLD]);
    let wanted = [(80, PortAnswer::Http), (81, PortAnswer::Unspecified)];
    assert_eq!(probe(&world, &id, &wanted).await, [PortAnswer::HttpOk, PortAnswer::Closed]);
    let redis = world.run("redis", &["--network", "none", "127.0.0.1:5000/redis:7.0.15"]);
    assert_eq!(probe(&world, &redis, &[(6379, PortAnswer::Talks)]).await, [PortAnswer::Talks]);
    let helpers = docker(&["ps", "-aq", "--filter", &format!("label=homeport.instance={}", world.id)]);
    assert_eq!(helpers, "", "no helper may stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_container_cannot_be_tried() {
    let world = World::new();
    let id = world.run("web", &[OLD]);
    docker(&["stop", &id]);
    let request = ProbePortsRequest { container: id, ports: vec![], time_limit: None };
    let status = world.containers().probe_ports(patient(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}
