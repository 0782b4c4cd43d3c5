//! A gateway with everything around it, in a directory of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use homeport_api_gateway::Gateway;
use homeport_proto::{
    auth::v1::{
        audit_service_server::AuditServiceServer, auth_service_server::AuthServiceServer,
        token_service_server::TokenServiceServer, user_service_server::UserServiceServer,
    },
    docker::v1::{
        container_service_server::ContainerServiceServer, credential_service_server::CredentialServiceServer,
        engine_service_server::EngineServiceServer, observe_service_server::ObserveServiceServer,
        plugin_service_server::PluginServiceServer, upkeep_service_server::UpkeepServiceServer,
    },
    pubservice::pubsub_service_server::PubsubServiceServer,
    updater::v1::{
        check_service_server::CheckServiceServer, container_action_service_server::ContainerActionServiceServer,
        history_service_server::HistoryServiceServer, operation_service_server::OperationServiceServer,
        pipeline_service_server::PipelineServiceServer, release_service_server::ReleaseServiceServer,
        script_service_server::ScriptServiceServer, setting_service_server::SettingServiceServer,
        update_service_server::UpdateServiceServer,
    },
};
use homeport_service::{Context, Paths, config::Environment, peer::SocketConfig, rpc::Server};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    services::{Fake, World},
};

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Stack {
    pub(crate) client: Client,
    pub(crate) world: Arc<World>,
    pub(crate) drain: CancellationToken,
    pub(crate) serving: Option<JoinHandle<()>>,
    /// The gateway stopped serving; tasks of its may still run.
    pub(crate) stopped: Arc<AtomicBool>,
    /// Where HTTPS is, if it is on, and the plain port beside it.
    pub(crate) secure: Option<SocketAddr>,
    pub(crate) redirect: Option<SocketAddr>,
    /// Where clients of the device supervisor are let in.
    pub(crate) supervisor: Vec<SocketAddr>,
    paths: Paths,
    _directory: TempDir,
    _stop_services: tokio_util::sync::DropGuard,
}

impl Stack {
    /// All services, and a gateway with the default settings.
    pub(crate) async fn start() -> Self {
        Self::with(&[], &["auth", "updater", "docker-agent", "bus"]).await
    }

    /// The same with settings, such as `HOMEPORT_GATEWAY__HTTP__MAX_BODY_BYTES`.
    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> Self {
        Self::with(settings, &["auth", "updater", "docker-agent", "bus"]).await
    }

    /// The same with some of the services only.
    pub(crate) async fn with(settings: &[(&str, &str)], services: &[&'static str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
        std::fs::create_dir_all(paths.configs.join("base")).unwrap();
        std::fs::create_dir_all(paths.state.join("plugins")).unwrap();
        let (world, stop) = (Arc::new(World::default()), CancellationToken::new());
        for service in services {
            serve(service, &paths, &world, &stop).await;
        }
        let drain = CancellationToken::new();
        let context = gateway_context(settings, &paths, &drain);
        let gateway = Gateway::bind(context.clone()).await.unwrap();
        let client = Client::new(gateway.address());
        let (secure, redirect) = (gateway.secure_address(), gateway.redirect_address());
        let supervisor = gateway.supervisor_addresses();
        let stopped = Arc::new(AtomicBool::new(false));
        let serving = serve_gateway(gateway, context, Arc::clone(&stopped));
        let stack = Self {
            client,
            world,
            drain,
            serving: Some(serving),
            stopped,
            secure,
            redirect,
            supervisor,
            paths,
            _directory: directory,
            _stop_services: stop.drop_guard(),
        };
        if services.contains(&"bus") {
            eventually(|| stack.world.subscribed.load(Ordering::SeqCst) > 0).await;
        }
        stack
    }

    /// Ends the gateway and starts another one in its place.
    pub(crate) async fn restart(&mut self, settings: &[(&str, &str)]) {
        self.drain.cancel();
        self.serving.take().unwrap().await.unwrap();
        self.drain = CancellationToken::new();
        let context = gateway_context(settings, &self.paths, &self.drain);
        let gateway = Gateway::bind(context.clone()).await.unwrap();
        self.client = Client::new(gateway.address());
        (self.secure, self.redirect) = (gateway.secure_address(), gateway.redirect_address());
        self.serving = Some(serve_gateway(gateway, context, Arc::clone(&self.stopped)));
    }

    /// What a gateway says that does not start with these settings.
    pub(crate) async fn refused(settings: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths { state: directory.path().join("state"), configs: directory.path().join("configs") };
        let context = gateway_context(settings, &paths, &CancellationToken::new());
        let error = Gateway::bind(context).await.expect_err("it started all the same");
        homeport_service::telemetry::chain(&*error)
    }

    /// Where a plugin's socket goes, and how `api.json` names that place.
    pub(crate) fn plugin_socket(&self, name: &str) -> (PathBuf, String) {
        (self.paths.state.join("plugins").join(name), format!("/state/plugins/{name}"))
    }

    pub(crate) fn api_json(&self) -> PathBuf {
        self.paths.configs.join("base/api.json")
    }

    pub(crate) fn state(&self) -> &Path {
        &self.paths.state
    }

    /// Lists plugins in `api.json` as `(URI, UnixPath)`, and waits until the last one is served.
    pub(crate) async fn list_plugins(&self, plugins: &[(&str, &str)]) {
        let entries: Vec<_> = plugins
            .iter()
            .map(|(uri, path)| serde_json::json!({ "Name": uri, "URI": uri, "UnixPath": path, "Enabled": true }))
            .collect();
        std::fs::write(self.api_json(), serde_json::json!({ "Plugins": entries }).to_string()).unwrap();
        if let Some((uri, _)) = plugins.last() {
            self.until_served(uri).await;
        }
    }

    /// Waits until the gateway knows a plugin, running or not.
    pub(crate) async fn until_served(&self, uri: &str) {
        let path = format!("/plugins/{uri}");
        let known = async {
            while self.client.get(&path).await.status != http::StatusCode::MOVED_PERMANENTLY {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, known).await.expect("the plugin was not taken over");
    }
}

fn gateway_context(settings: &[(&str, &str)], paths: &Paths, drain: &CancellationToken) -> Context {
    let environment: Environment = settings.iter().copied().chain([("HOMEPORT_HTTP", "127.0.0.1:0")]).collect();
    Context::new("gateway", paths.clone(), environment, drain.clone())
}

fn serve_gateway(gateway: Gateway, context: Context, stopped: Arc<AtomicBool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        gateway.serve().await;
        stopped.store(true, Ordering::SeqCst);
        context.wait_for_tasks().await;
    })
}

async fn serve(service: &'static str, paths: &Paths, world: &Arc<World>, stop: &CancellationToken) {
    let context = Context::new(service, paths.clone(), Environment::default(), stop.clone());
    let fake = Fake(Arc::clone(world));
    let server = Server::new(&context, SocketConfig::default());
    let server = match service {
        "auth" => server
            .service(AuthServiceServer::new(fake.clone()))
            .service(AuditServiceServer::new(fake.clone()))
            .service(UserServiceServer::new(fake.clone()))
            .service(TokenServiceServer::new(fake)),
        "updater" => server
            .service(CheckServiceServer::new(fake.clone()))
            .service(UpdateServiceServer::new(fake.clone()))
            .service(PipelineServiceServer::new(fake.clone()))
            .service(ContainerActionServiceServer::new(fake.clone()))
            .service(HistoryServiceServer::new(fake.clone()))
            .service(ScriptServiceServer::new(fake.clone()))
            .service(SettingServiceServer::new(fake.clone()))
            .service(ReleaseServiceServer::new(fake.clone()))
            .service(OperationServiceServer::new(fake)),
        "docker-agent" => server
            .service(EngineServiceServer::new(fake.clone()))
            .service(ContainerServiceServer::new(fake.clone()))
            .service(ObserveServiceServer::new(fake.clone()))
            .service(UpkeepServiceServer::new(fake.clone()))
            .service(PluginServiceServer::new(fake.clone()))
            .service(CredentialServiceServer::new(fake)),
        "bus" => server.service(PubsubServiceServer::new(fake)),
        other => panic!("no such service: {other}"),
    };
    let socket = context.socket();
    tokio::spawn(async move { server.serve(&context).await.unwrap() });
    eventually(|| socket.exists()).await;
}

/// Waits until something is so.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("it did not come about");
}
