//! Asking a running service whether it serves.

use std::{path::PathBuf, time::Duration};

use tonic::Status;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{Paths, config::Environment, rpc};

/// Below the 3 s that the compose file gives a check, so that the reason still gets out.
pub const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Why a service does not pass for healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// There is no answer at all.
    #[error("{service} does not answer on {socket}")]
    Silent {
        /// The service.
        service: &'static str,
        /// Its socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: Box<Status>,
    },
    /// It took too long.
    #[error("{service} does not answer within {TIME_LIMIT:?}")]
    Slow {
        /// The service.
        service: &'static str,
    },
    /// It answers that it does not serve, as while it drains.
    #[error("{service} says {status}")]
    NotServing {
        /// The service.
        service: &'static str,
        /// What it says, as the protocol spells it.
        status: &'static str,
    },
    /// The check itself could not be made.
    #[error("cannot begin to ask {service}")]
    Io {
        /// The service.
        service: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Succeeds if the service says on its socket that it serves.
pub fn check(service: &'static str, environment: &Environment) -> Result<(), HealthError> {
    let io = |source| HealthError::Io { service, source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
    let state = std::path::absolute(Paths::from_environment(environment).state).map_err(io)?;
    let socket = Paths { state, configs: PathBuf::new() }.socket(service);
    let asking = async {
        let mut client = HealthClient::new(rpc::connect(&socket));
        client.check(HealthCheckRequest::default()).await
    };
    let answer = runtime.block_on(async { tokio::time::timeout(TIME_LIMIT, asking).await });
    match answer {
        Err(_) => Err(HealthError::Slow { service }),
        Ok(Err(status)) => Err(HealthError::Silent { service, socket, source: Box::new(status) }),
        Ok(Ok(answer)) => match answer.into_inner().status() {
            ServingStatus::Serving => Ok(()),
            status => Err(HealthError::NotServing { service, status: status.as_str_name() }),
        },
    }
}
