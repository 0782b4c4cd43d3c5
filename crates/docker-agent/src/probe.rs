//! How the ports of a running container answer, tried from inside its own network.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde_json::Value;

use crate::{
    container::Containers,
    document::Document as _,
    error::EngineError,
    helper::probe::{Probed, Request, Wanted},
    workshop::{Job, Workshop},
};

/// The longest time limit.
pub(crate) const MAX_LIMIT: Duration = Duration::from_secs(300);
/// Each port is a thread of the helper.
pub(crate) const MAX_PORTS: usize = 64;
/// What it takes to start and remove a helper container on a busy machine.
const HELPER_MARGIN: Duration = Duration::from_secs(30);

/// Tries ports until each answers as wanted, at the latest after the limit.
pub(crate) async fn probe(
    containers: &Containers,
    workshop: &Workshop,
    reference: &str,
    ports: Vec<Wanted>,
    limit: Duration,
) -> Result<Vec<Probed>, EngineError> {
    if ports.len() > MAX_PORTS {
        return Err(EngineError::Argument(format!("at most {MAX_PORTS} ports can be probed at once")));
    }
    let container = containers.document(reference).await?;
    if !container.flag("State.Running") {
        return Err(EngineError::Precondition(format!(
            "container {reference} is not running, so none of its ports answers"
        )));
    }
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let limit = limit.min(MAX_LIMIT);
    let request = Request {
        addresses: addresses(containers, &container).await?,
        ports,
        limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    };
    let request = serde_json::to_string(&request)
        .map_err(|error| EngineError::Argument(format!("the ports of container {reference}: {error}")))?;
    workshop
        .run(&Job {
            doing: format!("probing the ports of container {reference}"),
            subject: None,
            arguments: vec!["probe".to_owned(), request],
            mounts: Vec::new(),
            network_mode: format!("container:{}", container.text("Id")),
            capabilities: &[],
            limit: limit + HELPER_MARGIN,
        })
        .await
}

/// The container's own addresses: what is published is forwarded to them, so what listens on the loopback alone does not
/// count. One that has no address of its own is reached over the loopback.
async fn addresses(containers: &Containers, container: &Value) -> Result<Vec<IpAddr>, EngineError> {
    let own = match container.text("HostConfig.NetworkMode").strip_prefix("container:") {
        Some(owner) => in_networks(&containers.document(owner).await?),
        None => in_networks(container),
    };
    Ok(if own.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { own })
}

fn in_networks(container: &Value) -> Vec<IpAddr> {
    container
        .fields("NetworkSettings.Networks")
        .flat_map(|(_, endpoint)| [endpoint.text("IPAddress"), endpoint.text("GlobalIPv6Address")])
        .filter_map(|address| address.parse().ok())
        .collect()
}
