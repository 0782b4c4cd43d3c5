//! Finds what is newer, plans and carries out updates, and brings the old version back.

pub mod check;
pub mod config;
pub mod engine;
pub mod error;
pub mod events;
pub mod execute;
pub mod gather;
pub mod health;
pub mod history;
pub mod inventory;
pub mod operations;
pub mod plan;
pub mod policy;
pub mod registry;
pub mod release;
pub mod rpc;
pub mod schedule;
pub mod script;
pub mod self_update;
pub mod sight;
pub mod store;
pub mod targets;

use std::sync::Arc;

use homeport_bus_client::{Publisher, publish_log};
use homeport_operation::Retry;
use homeport_proto::updater::v1::{
    check_service_server::CheckServiceServer, container_action_service_server::ContainerActionServiceServer,
    history_service_server::HistoryServiceServer, operation_service_server::OperationServiceServer,
    pipeline_service_server::PipelineServiceServer, release_service_server::ReleaseServiceServer,
    script_service_server::ScriptServiceServer, setting_service_server::SettingServiceServer,
    update_service_server::UpdateServiceServer,
};
use homeport_service::{
    Context, Secret, StartError,
    clock::SystemClock,
    rpc::{Server, connect},
    telemetry::chain,
};
use homeport_store::{Store, outbox};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{Checker, ScriptPrechecks},
    config::Config,
    engine::AgentEngine,
    operations::{Operations, Parts},
    registry::{AgentCredentials, Client, WithGithub},
    release::Releases,
    rpc::{Actions, Checks, History, LookBack, Pipelines, ReleaseRpc, ScriptRpc, Update},
    script::Scripts,
    targets::CheckedTargets,
};

/// Runs the updater until the context drains. Work that a crash interrupted goes on before anything new begins.
pub async fn run(context: Context) -> Result<(), StartError> {
    let config = context.config::<Config>()?.with_docksmith_names(context.environment());
    let agent = context.paths().socket("docker-agent");
    let schemas = vec![homeport_operation::schema(), store::schema(), registry::schema()];
    let store = Store::open(&context.state_dir().join("updater.db"), schemas).await?;
    let publisher = Publisher::new(context.paths().socket("bus"), &context);
    publish_log(&context, module_path!());
    context.spawn("outbox", relay(store.clone(), publisher.clone(), context.drain().clone()));

    let github = context.environment().get("GITHUB_TOKEN").filter(|token| !token.is_empty());
    let github = github.map(|token| Secret::new(token.to_owned()));
    let credentials = WithGithub::new(Arc::new(AgentCredentials::new(connect(&agent))), github);
    let registry = Client::new(&config.registry, Arc::new(credentials))?;
    let last_refresh_at = registry::load(&store, &registry, &SystemClock).await.unwrap_or_else(|error| {
        tracing::warn!(error = chain(&error), "what registries answered earlier cannot be read; they are asked again");
        None
    });
    let kept = registry::keep(store.clone(), registry.clone(), SystemClock, context.drain().clone());
    context.spawn("registry-answers", kept);
    let scripts = Scripts::new(&config.scripts);
    let history = history::History::new(store.clone(), Arc::new(SystemClock));
    let checker = Checker::new(check::Parts {
        config: config.check.clone(),
        prechecks: Arc::new(ScriptPrechecks::new(scripts.clone(), store.clone())),
        inventory: Arc::new(inventory::AgentInventory::new(connect(&agent))),
        registry: registry.clone(),
        events: Arc::new(history.listener(publisher.clone())),
        clock: Arc::new(SystemClock),
    });
    checker.resume(last_refresh_at);
    let operations = Operations::new(Parts {
        store: store.clone(),
        engine: Arc::new(AgentEngine::new(&agent, config.timeouts)),
        targets: Arc::new(CheckedTargets::new(checker.clone(), registry.clone())),
        ticks: Arc::new(publisher.clone()),
        clock: Arc::new(SystemClock),
        health: config.health.bounded(),
        rollback: config.rollback,
        keep: config.keep,
        limits: config.operations,
        scripts,
        retry: Retry::default(),
        drain: context.drain().clone(),
    });
    let (working, draining) = (operations.clone(), context.clone());
    context.spawn("operations", async move { working.work(&draining).await });
    let (sweeping, draining) = (operations.clone(), context.clone());
    context.spawn("sweep", async move { sweeping.sweep(&draining).await });
    context.spawn("history", history.clone().run(checker.clone(), context.drain().clone()));
    let releases = Releases::new(store.clone(), operations.clone(), Arc::new(checker.clone()));
    checker.set_timed(releases.get().await?.check_updates);
    context.spawn("releases", releases.clone().follow(checker.clone(), context.drain().clone()));
    let (checking, drain) = (checker.clone(), context.drain().clone());
    context.spawn("checks", async move { checking.run(drain).await });

    let checks = Checks::new(checker, registry, config.registry.tags_lifetime(), context.drain().clone());
    Server::new(&context, config.socket)
        .service(CheckServiceServer::new(checks))
        .service(UpdateServiceServer::new(Update(operations.clone())))
        .service(ReleaseServiceServer::new(ReleaseRpc::new(releases, operations.clone(), context.clone())))
        .service(PipelineServiceServer::new(Pipelines(operations.clone())))
        .service(ScriptServiceServer::new(ScriptRpc(operations.clone())))
        .service(OperationServiceServer::new(History(operations.clone())))
        .service(ContainerActionServiceServer::new(Actions::new(operations, &agent, &context)))
        .service(HistoryServiceServer::new(LookBack(history.clone())))
        .service(SettingServiceServer::new(LookBack(history)))
        .serve(&context)
        .await?;
    Ok(())
}

/// Takes events from the outbox to the bus.
async fn relay(store: Store, publisher: Publisher, drain: CancellationToken) {
    outbox::relay(store, drain, async |topic, payload| publisher.relay(topic, &payload).await).await;
}
