//! The engine is away.

use homeport_proto::docker::v1::{GetEngineRequest, engine_service_client::EngineServiceClient};
use homeport_service::{Context, Paths, config::Environment, rpc::connect};
use tokio_util::sync::CancellationToken;
use tonic::Code;

#[tokio::test]
async fn docker_agent_stays_up_and_says_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
    let environment: Environment = [("DOCKER_HOST", "unix:///nonexistent/engine.sock")].into_iter().collect();
    let drain = CancellationToken::new();
    let context = Context::new("docker-agent", paths, environment, drain.clone());
    let serving = homeport_docker_agent::run(context.clone());
    let asking = async {
        let mut client = EngineServiceClient::new(connect(&context.socket()));
        let status = loop {
            let status = client.get_engine(GetEngineRequest {}).await.unwrap_err();
            if status.message().contains("engine") {
                break status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        drain.cancel();
        status
    };
    let (served, status) = tokio::join!(serving, asking);
    served.unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    let expected = "the container engine at /nonexistent/engine.sock does not answer; is it running?";
    assert!(status.message().starts_with(expected), "{}", status.message());
}
