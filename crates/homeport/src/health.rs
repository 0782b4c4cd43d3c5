//! `homeport healthcheck`: asks a running service whether it serves.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use homeport_service::{
    Paths,
    config::{self, Environment},
    rpc,
};
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
                Service::Gateway => gateway(environment).await,
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
    let answer = client.check(HealthCheckRequest::default()).await.map_err(|status| {
        anyhow!("{} does not answer on {}: {}", service.name(), socket.display(), status.message())
    })?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        status => bail!("{} says {}", service.name(), status.as_str_name()),
    }
}

/// Asks over loopback whatever the listener's address: the check runs beside the gateway.
async fn gateway(environment: &Environment) -> anyhow::Result<()> {
    let configs = Path::new(environment.get("HOMEPORT_CONFIGS").unwrap_or("./configs"));
    let config: homeport_api_gateway::Config = config::load(Service::Gateway.name(), configs, environment)?;
    let (host, port) = loopback(environment.get("HOMEPORT_HTTP").unwrap_or(&config.http.listen))?;
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

/// Host and port to ask at, of a listener's address.
fn loopback(listen: &str) -> anyhow::Result<(&str, u16)> {
    let (host, port) = listen.rsplit_once(':').unwrap_or(("", listen));
    let port = port.parse().with_context(|| format!("the gateway's address {listen:?} has no port"))?;
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners() {
        for (listen, host, port) in [
            ("127.0.0.1:8080", "127.0.0.1", 8080),
            ("0.0.0.0:80", "127.0.0.1", 80),
            ("[::]:80", "[::1]", 80),
            (":81", "127.0.0.1", 81),
            ("82", "127.0.0.1", 82),
            ("192.0.2.1:83", "192.0.2.1", 83),
        ] {
            assert_eq!(loopback(listen).unwrap(), (host, port));
        }
        assert!(loopback("127.0.0.1:http").is_err());
    }
}
