//! What generic tools find.

use futures::StreamExt as _;
use homeport_service::rpc;
use tonic_reflection::pb::{v1, v1alpha};

use crate::{bus::Bus, soon};

macro_rules! services_listed {
    ($bus:expr, $version:ident) => {{
        use $version::{
            server_reflection_client::ServerReflectionClient, server_reflection_request::MessageRequest,
            server_reflection_response::MessageResponse,
        };
        let mut client = ServerReflectionClient::new(rpc::connect(&$bus.socket()));
        let request = $version::ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..Default::default()
        };
        let requests = futures::stream::iter([request]);
        let mut answers = soon(client.server_reflection_info(requests)).await.unwrap().into_inner();
        match soon(answers.next()).await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_list_the_service() {
    let bus = Bus::start();
    for services in [services_listed!(bus, v1), services_listed!(bus, v1alpha)] {
        assert!(services.contains(&"pubservice.PubsubService".to_owned()), "{services:?}");
        assert!(services.contains(&"homeport.bus.v1.BusService".to_owned()), "{services:?}");
        assert!(!services.iter().any(|name| name.starts_with("homeport.auth")), "another process's: {services:?}");
    }
}
