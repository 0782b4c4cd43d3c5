//! Which services serve.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use homeport_service::rpc::Client;
use tokio::sync::Mutex;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::within;

/// Longer than any answer takes over a local socket; what is slower does not serve well.
const DEADLINE: Duration = Duration::from_secs(1);
/// How long an answer is passed on before the services are asked again, whoever asks.
const FRESH: Duration = Duration::from_millis(500);

/// What is known of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceHealth {
    pub(crate) service: &'static str,
    pub(crate) serving: bool,
}

/// What was known, and when.
type Known = (Instant, Vec<ServiceHealth>);

/// Asks every service's standard health service, at most once in half a second.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    clients: Arc<[(&'static str, Client)]>,
    last: Arc<Mutex<Option<Known>>>,
}

impl Health {
    pub(super) fn new(clients: impl IntoIterator<Item = (&'static str, Client)>) -> Self {
        Self { clients: clients.into_iter().collect(), last: Arc::default() }
    }

    /// The health of every service, in a fixed order.
    pub(crate) async fn all(&self) -> Vec<ServiceHealth> {
        let mut last = self.last.lock().await;
        if let Some((at, known)) = &*last
            && at.elapsed() < FRESH
        {
            return known.clone();
        }
        let known = join_all(self.clients.iter().map(|(service, client)| ask(service, client.clone()))).await;
        *last = Some((Instant::now(), known.clone()));
        known
    }

    /// Whether one service serves.
    pub(crate) async fn serves(&self, service: &str) -> bool {
        self.all().await.iter().any(|health| health.service == service && health.serving)
    }
}

async fn ask(service: &'static str, client: Client) -> ServiceHealth {
    let answer = HealthClient::new(client).check(within(DEADLINE, HealthCheckRequest::default())).await;
    let serving = match answer {
        Ok(answer) => answer.into_inner().status() == ServingStatus::Serving,
        // It answers, and that is what counts; only the health service itself is missing.
        Err(status) => status.code() == Code::Unimplemented,
    };
    ServiceHealth { service, serving }
}
