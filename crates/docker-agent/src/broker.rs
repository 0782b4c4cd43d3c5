//! The engine broker: the engine's API for one plugin, as far as its manifest goes.
//!
//! A plugin whose entry in `api.json` has an `Engine` object gets the socket `plugins/<Name>/engine.sock` in the state
//! directory. What arrives there is taken apart by [`request`], judged by rules that know every field ([`container`],
//! [`resource`]), put together anew from what was understood, and only then sent to the engine; nothing that nobody here
//! knows gets through, and nothing is sent in the plugin's own spelling. Whom an object belongs to is told by the label
//! [`LABEL`], which the broker sets and nobody else may. What is refused is told on the bus, see [`report`].

mod answer;
mod container;
mod filter;
mod forward;
mod made;
mod manifest;
mod ownership;
mod query;
mod report;
mod request;
mod resource;
mod rules;
mod serve;
mod socket;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    time::Duration,
};

use homeport_bus_client::Publisher;
use homeport_service::{Context, telemetry::chain};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
pub(crate) use made::Made;
use manifest::Grant;
pub(crate) use manifest::engine_of;
use serve::Server;

/// The label by which a plugin's objects are known; its value is the plugin's name.
pub(crate) const LABEL: &str = "homeport.plugin";

/// How often `api.json` is looked at. A plugin's rights must change within a second, and a look costs a microsecond.
const PERIOD: Duration = Duration::from_millis(500);

/// All plugins' sockets.
pub(crate) struct Broker {
    pub(crate) engine: Engine,
    pub(crate) publisher: Publisher,
    /// The list of plugins.
    pub(crate) list: PathBuf,
    /// The directory of the plugins' directories.
    pub(crate) plugins: PathBuf,
}

/// A socket that is being served.
struct Door {
    grant: Grant,
    stop: CancellationToken,
    bound: socket::Bound,
}

impl Broker {
    /// Opens and closes sockets as the list says, until the context drains.
    pub(crate) async fn run(self, context: Context) {
        let drain = context.drain().clone();
        drain.run_until_cancelled(self.follow(&context)).await;
    }

    async fn follow(&self, context: &Context) {
        let mut doors: HashMap<String, Door> = HashMap::new();
        // Said once, not twice a second.
        let mut complained = HashSet::new();
        let mut seen = None;
        let mut grants = Vec::new();
        loop {
            let version = manifest::version(&self.list);
            if version != seen {
                seen = version;
                match manifest::read(&self.list) {
                    Ok(found) => grants = found,
                    // The rights stay as they were: half a file must not take a running plugin's engine away.
                    Err(error) => {
                        tracing::warn!(error = chain(&error), "the plugins' rights on the engine stay as they were");
                    }
                }
            }
            self.arrange(context, &mut doors, &grants, &mut complained);
            tokio::time::sleep(PERIOD).await;
        }
    }

    fn arrange(
        &self,
        context: &Context,
        doors: &mut HashMap<String, Door>,
        grants: &[Grant],
        complained: &mut HashSet<String>,
    ) {
        doors.retain(|name, door| {
            let is_good = grants.contains(&door.grant) && door.bound.is_there();
            if !is_good {
                // Requests under way end too: what is allowed no longer must not go on.
                door.stop.cancel();
                tracing::info!(plugin.name = name, "a plugin's engine socket is closed");
            }
            is_good
        });
        for grant in grants {
            if doors.contains_key(&grant.plugin) {
                continue;
            }
            match self.open(context, grant) {
                Ok(door) => {
                    tracing::info!(plugin.name = grant.plugin, images = ?grant.images, "a plugin has an engine socket");
                    complained.remove(&grant.plugin);
                    doors.insert(grant.plugin.clone(), door);
                }
                Err(error) if complained.insert(grant.plugin.clone()) => {
                    tracing::warn!(
                        plugin.name = grant.plugin,
                        error = chain(&error),
                        "a plugin's engine socket cannot be opened"
                    );
                }
                Err(_) => {}
            }
        }
    }

    fn open(&self, context: &Context, grant: &Grant) -> Result<Door, socket::BindError> {
        let (listener, bound) = socket::bind(&self.plugins, &grant.plugin)?;
        let stop = context.drain().child_token();
        let server = Server::new(self.engine.clone(), grant.clone(), self.publisher.clone(), bound.owner);
        let (stopped, serving) = (stop.clone(), context.clone());
        context.spawn("engine broker", async move { server.serve(listener, &serving, &stopped).await });
        Ok(Door { grant: grant.clone(), stop, bound })
    }
}
