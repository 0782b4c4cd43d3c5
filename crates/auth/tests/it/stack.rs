//! Auth on a socket of its own, with a bus beside it that writes down what it is told.

use std::{path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use homeport_proto::{
    auth::v1::{
        AuthorizeRequest, AuthorizeResponse, ChangePasswordRequest, CreateTokenRequest, CreateTokenResponse,
        CreateUserRequest, LoginRequest, LoginResponse, Role, audit_service_client::AuditServiceClient,
        auth_service_client::AuthServiceClient, device_service_client::DeviceServiceClient,
        factor_service_client::FactorServiceClient, oidc_service_client::OidcServiceClient,
        passkey_service_client::PasskeyServiceClient, session_service_client::SessionServiceClient,
        token_service_client::TokenServiceClient, user_service_client::UserServiceClient,
    },
    pubservice::{
        self,
        pubsub_service_server::{PubsubService, PubsubServiceServer},
    },
};
use homeport_service::{
    Context, Entry, Paths,
    config::Environment,
    peer::SocketConfig,
    rpc::{self, Client, Server},
    run_all,
    telemetry::chain,
};
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, async_trait};

/// The first administrator's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Topics of events about those who call.
const CALLERS: [&str; 3] = ["auth:success", "auth:failure", "auth:logout"];

pub(crate) struct Stack {
    directory: TempDir,
    environment: Vec<(String, String)>,
    running: Option<Running>,
    events: Mutex<mpsc::Receiver<pubservice::String>>,
    told: mpsc::Sender<pubservice::String>,
}

struct Running {
    drain: CancellationToken,
    services: tokio::task::JoinHandle<Result<(), homeport_service::StartError>>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::with(&[("HOMEPORT_ADMIN_PASSWORD", PASSWORD)]).await
    }

    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        Self::try_with(variables).await.unwrap_or_else(|error| panic!("it does not start: {error}"))
    }

    /// Starts, or tells why it did not.
    pub(crate) async fn try_with(variables: &[(&str, &str)]) -> Result<Self, String> {
        let cheap =
            [("HOMEPORT_AUTH__PASSWORD__HASH_MEMORY_KIB", "64"), ("HOMEPORT_AUTH__PASSWORD__HASH_ITERATIONS", "1")];
        let (told, events) = mpsc::channel(1000);
        let mut stack = Self {
            directory: tempfile::tempdir().unwrap(),
            environment: cheap.iter().chain(variables).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            running: None,
            events: Mutex::new(events),
            told,
        };
        stack.begin().await?;
        Ok(stack)
    }

    /// Stops and starts again on the same state.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.restart_from_stopped().await;
    }

    pub(crate) async fn restart_from_stopped(&mut self) {
        self.begin().await.unwrap();
    }

    pub(crate) async fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.drain.cancel();
        running.services.await.unwrap().unwrap();
    }

    async fn begin(&mut self) -> Result<(), String> {
        let drain = CancellationToken::new();
        let told = self.told.clone();
        let services = run_all(
            vec![Entry::new("bus", move |context| bus(context, told.clone())), Entry::new("auth", homeport_auth::run)],
            self.paths(),
            self.environment.iter().cloned().collect::<Environment>(),
            drain.clone(),
        );
        #[expect(clippy::disallowed_methods, reason = "the test itself waits for it")]
        let mut services = tokio::spawn(services);
        let socket = self.paths().socket("auth");
        let up = async {
            while std::os::unix::net::UnixStream::connect(&socket).is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = up => {}
            ended = &mut services => return Err(chain(ended.unwrap().unwrap_err().as_ref())),
        }
        self.running = Some(Running { drain, services });
        Ok(())
    }

    fn paths(&self) -> Paths {
        Paths { state: self.directory.path().join("state"), configs: self.directory.path().join("configs") }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.paths().state.join("auth").join(name)
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Client> {
        AuthServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn token_service(&self) -> TokenServiceClient<Client> {
        TokenServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn users(&self) -> UserServiceClient<Client> {
        UserServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Client> {
        SessionServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn factors(&self) -> FactorServiceClient<Client> {
        FactorServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn passkeys(&self) -> PasskeyServiceClient<Client> {
        PasskeyServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn devices(&self) -> DeviceServiceClient<Client> {
        DeviceServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn oidc(&self) -> OidcServiceClient<Client> {
        OidcServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Client> {
        AuditServiceClient::new(rpc::connect(&self.paths().socket("auth")))
    }

    /// Where settings are.
    pub(crate) fn configs(&self) -> PathBuf {
        self.paths().configs
    }

    /// Makes a user with the usual password, and returns its id.
    pub(crate) async fn create_user(&self, name: &str, role: Role) -> String {
        let request = CreateUserRequest {
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            email: String::new(),
            role: role.into(),
        };
        self.users().create_user(request).await.unwrap().into_inner().user.unwrap().id
    }

    pub(crate) async fn login(&self, password: &str, address: &str) -> Result<LoginResponse, Status> {
        self.login_as("admin", password, address).await
    }

    pub(crate) async fn login_as(&self, name: &str, password: &str, address: &str) -> Result<LoginResponse, Status> {
        let request = LoginRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            client_address: address.to_owned(),
            user_agent: "a test".to_owned(),
        };
        self.auth().login(request).await.map(Response::into_inner)
    }

    /// Asks for `METHOD /path` with an Authorization header.
    pub(crate) async fn authorize(&self, header: &str, request: &str) -> Result<AuthorizeResponse, Status> {
        self.authorize_from(header, request, "").await
    }

    pub(crate) async fn authorize_from(
        &self,
        header: &str,
        request: &str,
        address: &str,
    ) -> Result<AuthorizeResponse, Status> {
        let (method, path) = request.split_once(' ').unwrap();
        let request = AuthorizeRequest {
            authorization: header.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            client_address: address.to_owned(),
            ..AuthorizeRequest::default()
        };
        self.auth().authorize(request).await.map(Response::into_inner)
    }

    pub(crate) async fn create_token(
        &self,
        name: &str,
        scopes: &[&str],
        expires_in: Option<i64>,
    ) -> Result<CreateTokenResponse, Status> {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let request = CreateTokenRequest {
            name: name.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: expires_in
                .map(|seconds| prost_types::Timestamp { seconds: i64::try_from(now).unwrap() + seconds, nanos: 0 }),
            ..CreateTokenRequest::default()
        };
        self.token_service().create_token(request).await.map(Response::into_inner)
    }

    pub(crate) async fn change_password(&self, current: &str, new: &str, session: &str) -> Result<(), Status> {
        let request = ChangePasswordRequest {
            username: "admin".to_owned(),
            current_password: current.to_owned(),
            new_password: new.to_owned(),
            session_token: session.to_owned(),
            client_address: String::new(),
        };
        self.auth().change_password(request).await.map(drop)
    }

    /// The administrator wants another password, from an address.
    pub(crate) async fn change_password_from(&self, current: &str, address: &str) -> Result<(), Status> {
        let request = ChangePasswordRequest {
            username: "admin".to_owned(),
            current_password: current.to_owned(),
            new_password: "another horse battery".to_owned(),
            client_address: address.to_owned(),
            ..ChangePasswordRequest::default()
        };
        self.auth().change_password(request).await.map(drop)
    }

    /// The next event that the bus is told, as `topic value`.
    pub(crate) async fn event(&self) -> String {
        let mut events = self.events.lock().await;
        let event = tokio::time::timeout(Duration::from_secs(5), events.recv()).await.expect("an event").unwrap();
        format!("{} {}", event.topic, event.value)
    }

    /// The next event about somebody who calls.
    pub(crate) async fn auth_event(&self) -> String {
        self.event_of(&CALLERS).await
    }

    /// The next event of a topic that begins with one of these.
    pub(crate) async fn event_of(&self, prefixes: &[&str]) -> String {
        loop {
            let event = self.event().await;
            if prefixes.iter().any(|prefix| event.starts_with(prefix)) {
                return event;
            }
        }
    }

    /// Whether nothing about callers was told that was not asked for yet.
    pub(crate) async fn is_quiet(&self) -> bool {
        let mut events = self.events.lock().await;
        std::iter::from_fn(|| events.try_recv().ok()).all(|event| !CALLERS.contains(&event.topic.as_str()))
    }
}

async fn bus(context: Context, told: mpsc::Sender<pubservice::String>) -> Result<(), homeport_service::StartError> {
    let service = PubsubServiceServer::from_arc(Arc::new(Bus(told)));
    Ok(Server::new(&context, SocketConfig::default()).service(service).serve(&context).await?)
}

struct Bus(mpsc::Sender<pubservice::String>);

type Events = Pin<Box<dyn tokio_stream::Stream<Item = Result<pubservice::String, Status>> + Send>>;

#[async_trait]
impl PubsubService for Bus {
    type SubscribeTopicStream = Events;
    type SubscribeStream = Events;

    async fn publish(&self, request: Request<pubservice::String>) -> Result<Response<pubservice::String>, Status> {
        self.0.send(request.into_inner()).await.map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(pubservice::String::default()))
    }

    async fn subscribe_topic(&self, _: Request<pubservice::String>) -> Result<Response<Events>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn subscribe(&self, _: Request<pubservice::String>) -> Result<Response<Events>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}
