//! The services that the gateway calls.

mod health;

use std::time::Duration;

use homeport_proto::{
    auth::v1::{
        audit_service_client::AuditServiceClient, auth_service_client::AuthServiceClient,
        device_service_client::DeviceServiceClient, factor_service_client::FactorServiceClient,
        oidc_service_client::OidcServiceClient, passkey_service_client::PasskeyServiceClient,
        session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
        user_service_client::UserServiceClient,
    },
    bus::v1::bus_service_client::BusServiceClient,
    docker::v1::{
        container_service_client::ContainerServiceClient, credential_service_client::CredentialServiceClient,
        engine_service_client::EngineServiceClient, observe_service_client::ObserveServiceClient,
        plugin_service_client::PluginServiceClient, upkeep_service_client::UpkeepServiceClient,
    },
    updater::v1::{
        check_service_client::CheckServiceClient, container_action_service_client::ContainerActionServiceClient,
        history_service_client::HistoryServiceClient, operation_service_client::OperationServiceClient,
        pipeline_service_client::PipelineServiceClient, release_service_client::ReleaseServiceClient,
        script_service_client::ScriptServiceClient, setting_service_client::SettingServiceClient,
        update_service_client::UpdateServiceClient,
    },
};
use homeport_service::{
    Paths,
    rpc::{self, Client, MAX_MESSAGE_BYTES},
};
use tonic::{Request, Status};

pub(crate) use health::{Health, ServiceHealth};

use crate::problem::Problem;

/// The services whose health is reported, by name.
pub(crate) const SERVICES: [&str; 4] = ["bus", "auth", "docker-agent", "updater"];

/// One connection to each service, shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    auth: Client,
    /// The same for the stream of revocations, which has no deadline.
    auth_stream: Client,
    bus: Client,
    updater: Client,
    /// The same for streams, which have no deadline.
    updater_stream: Client,
    docker: Client,
    /// For what goes on for as long as somebody listens.
    endless_docker: Client,
    health: Health,
}

impl Upstream {
    /// Connections to the sockets below the state directory. They are opened when they are first used.
    pub(crate) fn new(paths: &Paths) -> Self {
        let connect = |service| rpc::connect(&paths.socket(service));
        let health = Health::new(SERVICES.map(|service| (service, connect(service))));
        Self {
            auth: connect("auth"),
            auth_stream: rpc::connect_streaming(&paths.socket("auth")),
            bus: connect("bus"),
            updater: connect("updater"),
            updater_stream: rpc::connect_streaming(&paths.socket("updater")),
            docker: connect("docker-agent"),
            endless_docker: rpc::connect_streaming(&paths.socket("docker-agent")),
            health,
        }
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Client> {
        AuthServiceClient::new(self.auth.clone())
    }

    pub(crate) fn auth_stream(&self) -> AuthServiceClient<Client> {
        AuthServiceClient::new(self.auth_stream.clone())
    }

    pub(crate) fn users(&self) -> UserServiceClient<Client> {
        UserServiceClient::new(self.auth.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Client> {
        SessionServiceClient::new(self.auth.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Client> {
        AuditServiceClient::new(self.auth.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn tokens(&self) -> TokenServiceClient<Client> {
        TokenServiceClient::new(self.auth.clone())
    }

    pub(crate) fn factors(&self) -> FactorServiceClient<Client> {
        FactorServiceClient::new(self.auth.clone())
    }

    pub(crate) fn passkeys(&self) -> PasskeyServiceClient<Client> {
        PasskeyServiceClient::new(self.auth.clone())
    }

    pub(crate) fn devices(&self) -> DeviceServiceClient<Client> {
        DeviceServiceClient::new(self.auth.clone())
    }

    pub(crate) fn oidc(&self) -> OidcServiceClient<Client> {
        OidcServiceClient::new(self.auth.clone())
    }

    pub(crate) fn bus(&self) -> BusServiceClient<Client> {
        BusServiceClient::new(self.bus.clone())
    }

    pub(crate) fn checks(&self) -> CheckServiceClient<Client> {
        CheckServiceClient::new(self.updater.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn check_stream(&self) -> CheckServiceClient<Client> {
        CheckServiceClient::new(self.updater_stream.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn updates(&self) -> UpdateServiceClient<Client> {
        UpdateServiceClient::new(self.updater.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn operations(&self) -> OperationServiceClient<Client> {
        OperationServiceClient::new(self.updater.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn engine(&self) -> EngineServiceClient<Client> {
        EngineServiceClient::new(self.docker.clone())
    }

    pub(crate) fn credentials(&self) -> CredentialServiceClient<Client> {
        CredentialServiceClient::new(self.docker.clone())
    }

    pub(crate) fn actions(&self) -> ContainerActionServiceClient<Client> {
        ContainerActionServiceClient::new(self.updater.clone())
    }

    pub(crate) fn pipelines(&self) -> PipelineServiceClient<Client> {
        PipelineServiceClient::new(self.updater.clone())
    }

    pub(crate) fn history(&self) -> HistoryServiceClient<Client> {
        HistoryServiceClient::new(self.updater.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn scripts(&self) -> ScriptServiceClient<Client> {
        ScriptServiceClient::new(self.updater.clone())
    }

    pub(crate) fn releases(&self) -> ReleaseServiceClient<Client> {
        ReleaseServiceClient::new(self.updater.clone())
    }

    /// As [`Upstream::releases`], without a deadline.
    pub(crate) fn endless_releases(&self) -> ReleaseServiceClient<Client> {
        ReleaseServiceClient::new(self.updater_stream.clone())
    }

    pub(crate) fn settings(&self) -> SettingServiceClient<Client> {
        SettingServiceClient::new(self.updater.clone())
    }

    pub(crate) fn containers(&self) -> ContainerServiceClient<Client> {
        ContainerServiceClient::new(self.docker.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn observe(&self) -> ObserveServiceClient<Client> {
        ObserveServiceClient::new(self.docker.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// As [`Upstream::observe`], without a deadline.
    pub(crate) fn endless_observe(&self) -> ObserveServiceClient<Client> {
        ObserveServiceClient::new(self.endless_docker.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn upkeep(&self) -> UpkeepServiceClient<Client> {
        UpkeepServiceClient::new(self.docker.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) fn plugins(&self) -> PluginServiceClient<Client> {
        PluginServiceClient::new(self.endless_docker.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    pub(crate) const fn health(&self) -> &Health {
        &self.health
    }
}

/// How long it may take until something is begun. What it is, is decided with looks at the engine, which is slow where the
/// machine has much to do, and after a script that may take 30 s.
const BEGIN_LIMIT: Duration = Duration::from_mins(2);

/// A request that begins something.
pub(crate) fn beginning<T>(message: T) -> Request<T> {
    within(BEGIN_LIMIT, message)
}

/// A request with a deadline other than the usual 10 s.
pub(crate) fn within<T>(limit: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// Turns an answer of auth into its message or the problem to report.
pub(crate) fn of_auth<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T, Problem> {
    of("auth", answer)
}

/// Turns an answer of the updater into its message or the problem to report.
pub(crate) fn of_updater<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T, Problem> {
    of("updater", answer)
}

/// Turns an answer of docker-agent into its message or the problem to report.
pub(crate) fn of_docker<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T, Problem> {
    of("docker-agent", answer)
}

fn of<T>(service: &'static str, answer: Result<tonic::Response<T>, Status>) -> Result<T, Problem> {
    answer.map(tonic::Response::into_inner).map_err(|status| {
        tracing::debug!(service, code = ?status.code(), message = status.message(), "a call was not served");
        Problem::of_status(service, &status)
    })
}
