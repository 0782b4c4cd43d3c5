//! docker-agent: the container engine and everything that acts through it.
//!
//! It is the only process that talks to the engine and runs `docker compose`. It keeps no state of its own about
//! containers: each call can be repeated, a caller that goes away cancels its call, and what a crash leaves behind is put
//! right by the next call or the next start. The engine may be away at any time; calls then fail with `UNAVAILABLE`.

mod bound;
mod broker;
mod compose;
mod config;
mod container;
mod document;
mod engine;
mod error;
mod helper;
mod image;
mod inventory;
mod locks;
mod logs;
mod name;
mod own;
mod plugin;
mod probe;
mod rpc;
mod self_update;
mod snapshot;
mod stack_file;
mod stats;
mod swarm;
mod update_lock;
mod upkeep;
mod watch;
mod workshop;

use std::sync::Arc;

use homeport_bus_client::{Publisher, publish_log};
use homeport_service::{Context, StartError, rpc::Server};

pub use bound::bound_main;
pub use config::{ComposeConfig, Config, EngineConfig, HelperConfig, PluginsConfig};
pub use error::EngineError;
pub use helper::helper_main;

use crate::{
    broker::Broker,
    compose::Compose,
    config::Settings,
    container::Containers,
    engine::Engine,
    image::{Credentials, ImageCache},
    inventory::Sizes,
    plugin::Plugins,
    rpc::Agent,
    self_update::SelfUpdates,
    snapshot::Snapshots,
    stack_file::StackFiles,
    swarm::Swarm,
    update_lock::UpdateLocks,
    upkeep::Upkeep,
    watch::Watch,
    workshop::Workshop,
};

/// The service: serves its socket until the context drains.
pub async fn run(context: Context) -> Result<(), StartError> {
    let settings = Arc::new(Settings::of(&context)?);
    let engine = Engine::new(settings.engine_socket.clone(), settings.answer_timeout);
    let images = ImageCache::new(engine.clone());
    let containers = Containers::new(engine.clone(), images.clone());
    let workshop = Workshop::new(engine.clone(), containers.clone(), settings.clone(), context.clone());
    let publisher = Publisher::new(context.paths().socket("bus"), &context);
    publish_log(&context, module_path!());
    publisher.publish("service:docker-agent:started", &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }));
    let watch = Watch {
        engine: engine.clone(),
        images: images.clone(),
        workshop: workshop.clone(),
        publisher: publisher.clone(),
    };
    context.spawn("watch the engine", watch.run(context.clone()));
    let broker = Broker {
        engine: engine.clone(),
        publisher: publisher.clone(),
        list: context.paths().configs.join("base/api.json"),
        plugins: context.paths().state.join("plugins"),
    };
    context.spawn("engine broker", broker.run(context.clone()));
    let compose = Compose::new(containers.clone(), settings.clone(), context.clone());
    let agent = Arc::new(Agent {
        plugins: Plugins::new(compose.clone(), engine.clone(), settings.clone(), &context, publisher.clone()),
        compose,
        credentials: Credentials::new(settings.docker_config.clone()),
        snapshots: Snapshots::new(engine.clone(), workshop.clone(), settings.clone()),
        update_locks: UpdateLocks::new(engine.clone(), workshop.clone(), settings.clone()),
        files: StackFiles::new(engine.clone(), settings.clone(), &context.state_dir()),
        self_updates: SelfUpdates::new(engine.clone(), containers.clone(), settings.clone(), &context.state_dir()),
        upkeep: Upkeep {
            engine: engine.clone(),
            containers: containers.clone(),
            images: images.clone(),
            sizes: Sizes::default(),
            publisher: publisher.clone(),
        },
        context: context.clone(),
        swarm: Swarm::new(engine.clone()),
        engine,
        images,
        containers,
        workshop,
    });
    let server = rpc::register(Server::new(&context, settings.socket.clone()), &agent);
    server.serve(&context).await?;
    publisher.publish("service:docker-agent:stopped", &serde_json::json!({ "version": env!("CARGO_PKG_VERSION") }));
    Ok(())
}
