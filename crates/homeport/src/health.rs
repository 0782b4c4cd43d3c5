//! `homeport healthcheck`: asks a running service whether it serves.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use homeport_service::{Paths, config::Environment, rpc};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::services::Service;

/// Below the 3 s that the compose file gives a check, so that the reason still gets out.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Succeeds if the service serves.
pub(crate) fn check(service: Service, environment: &Environment) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answer = async {
            match service {
                Service::Gateway => gateway(environment.get("HOMEPORT_HTTP")).await,
                other => grpc(other, environment).await,
            }
        };
        tokio::time::timeout(TIME_LIMIT, answer)
            .await
            .with_context(|| format!("{} does not answer within {TIME_LIMIT:?}", service.name()))?
    })
}

async fn grpc(service: Service, environment: &Environment) -> anyhow::Result<()> {
    let paths = Paths {
        state: std::path::absolute(environment.get("HOMEPORT_STATE").unwrap_or("./state"))?,
        configs: PathBuf::new(),
    };
    let socket = paths.socket(service.name());
    let mut client = HealthClient::new(rpc::connect(&socket));
    let answer = client
        .check(HealthCheckRequest::default())
        .await
        .with_context(|| format!("{} does not answer on {}", service.name(), socket.display()))?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        status => bail!("{} says {}", service.name(), status.as_str_name()),
    }
}

/// Asks over loopback whatever the listener's address: the check runs beside the gateway.
async fn gateway(listen: Option<&str>) -> anyhow::Result<()> {
    let port = match listen.map(|address| address.rsplit_once(':').map_or(address, |(_, port)| port)) {
        Some(port) => port.parse::<u16>().with_context(|| format!("HOMEPORT_HTTP names no port: {port:?}"))?,
        None => 8080,
    };
    let host = listen.and_then(|address| address.rsplit_once(':')).map_or("127.0.0.1", |(host, _)| match host {
        "" | "0.0.0.0" | "[::]" => "127.0.0.1",
        host => host,
    });
    // No roots: nothing here speaks TLS, and loading them costs more than the whole check.
    let client = reqwest::Client::builder().tls_certs_only([]).no_proxy().build()?;
    let response = client
        .get(format!("http://{host}:{port}/healthz"))
        .send()
        .await
        .with_context(|| format!("the gateway does not answer on {host}:{port}"))?;
    if !response.status().is_success() {
        bail!("the gateway says {}", response.status());
    }
    Ok(())
}
