//! `homeport healthcheck`: asks a running service whether it serves.

use std::path::Path;

use anyhow::{Context as _, bail};
use homeport_service::{
    config::{self, Environment},
    health::{self, TIME_LIMIT},
};

use crate::services::Service;

/// Succeeds if the service serves.
pub(crate) fn check(service: Service, environment: &Environment) -> anyhow::Result<()> {
    match service {
        Service::Gateway => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let answer = async { tokio::time::timeout(TIME_LIMIT, gateway(environment)).await };
            runtime.block_on(answer).with_context(|| format!("the gateway does not answer within {TIME_LIMIT:?}"))?
        }
        other => Ok(health::check(other.name(), environment)?),
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
