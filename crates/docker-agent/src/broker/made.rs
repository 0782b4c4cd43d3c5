//! What plugins made through their sockets: stopped and removed once they may have it no longer.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde_json::json;

use super::{LABEL, PERIOD, query::escape};
use crate::{container::Containers, document::Document as _, engine::Engine, error::EngineError, image::ImageCache};

/// Containers that are stopped at the same time; each may take its grace period.
const AT_ONCE: usize = 8;
/// By then a socket is closed whose entry has changed, so that nothing is made behind our back.
const CLOSED_AFTER: Duration = PERIOD.saturating_mul(2);

/// The objects that carry a plugin's label.
#[derive(Clone)]
pub(crate) struct Made {
    engine: Engine,
    containers: Containers,
}

impl Made {
    pub(crate) fn new(engine: Engine) -> Self {
        let containers = Containers::new(engine.clone(), ImageCache::new(engine.clone()));
        Self { engine, containers }
    }

    /// Stops a plugin's containers, whose rights must have ended in `api.json` before.
    pub(crate) async fn stop(&self, plugin: &str) -> Result<(), EngineError> {
        let ids = self.containers_of(plugin).await?;
        let stopping = stream::iter(ids).map(|id| async move { self.containers.stop(&id, None).await });
        all(stopping.buffer_unordered(AT_ONCE).collect().await)
    }

    /// Stops and removes a plugin's containers, and then its networks. Volumes that have a name hold data, and stay.
    pub(crate) async fn remove(&self, plugin: &str) -> Result<(), EngineError> {
        let ids = self.containers_of(plugin).await?;
        let removing = stream::iter(ids).map(|id| async move {
            self.containers.stop(&id, None).await?;
            self.containers.remove(&id, true, true).await
        });
        all(removing.buffer_unordered(AT_ONCE).collect().await)?;
        self.remove_networks(plugin).await
    }

    /// Ids of its containers, once no more are made.
    async fn containers_of(&self, plugin: &str) -> Result<Vec<String>, EngineError> {
        // Without a value the engine would be asked for the containers of all plugins.
        if plugin.is_empty() {
            return Ok(Vec::new());
        }
        tokio::time::sleep(CLOSED_AFTER).await;
        self.containers.ids(true, &[(LABEL.to_owned(), plugin.to_owned())].into()).await
    }

    async fn remove_networks(&self, plugin: &str) -> Result<(), EngineError> {
        if plugin.is_empty() {
            return Ok(());
        }
        let filters = json!({ "label": [format!("{LABEL}={plugin}")] }).to_string();
        let networks = self.engine.get("listing networks", &format!("/networks?filters={}", escape(&filters))).await?;
        for network in networks.as_array().into_iter().flatten() {
            let doing = format!("removing network {}", network.text("Name"));
            match self.engine.delete(&doing, &format!("/networks/{}", escape(network.text("Id")))).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The first failure of work that was done to its end.
fn all(done: Vec<Result<(), EngineError>>) -> Result<(), EngineError> {
    done.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::double::{Double, answer};

    #[tokio::test]
    async fn containers_are_stopped_and_go_with_the_networks() {
        let double = Double::start(|method, path| match (method, path) {
            ("GET", path) if path.contains("/containers/json") && path.contains("homeport.plugin=a\"") => {
                answer(200, &json!([{ "Id": "c1" }, { "Id": "c2" }]))
            }
            ("GET", path) if path.contains("/containers/") => answer(200, &json!({ "Id": "c" })),
            ("GET", path) if path.starts_with("/networks?") => answer(200, &json!([{ "Id": "n1", "Name": "n" }])),
            ("POST", path) if path.contains("/c1/stop") => answer(404, &json!({ "message": "gone" })),
            _ => answer(204, &json!(null)),
        });
        let made = Made::new(double.engine());
        made.stop("a").await.unwrap();
        assert!(double.changes().iter().all(|change| change.contains("/stop")), "{:?}", double.changes());
        made.remove("a").await.unwrap();
        let changes = double.changes();
        for removed in ["/containers/c1?", "/containers/c2?", "/networks/n1"] {
            let is_there = changes.iter().any(|change| change.starts_with("DELETE ") && change.contains(removed));
            assert!(is_there, "{removed}: {changes:?}");
        }
        assert!(changes.last().unwrap().contains("/networks/"), "networks last: {changes:?}");
    }

    #[tokio::test]
    async fn a_plugin_without_a_name_made_nothing() {
        let double = Double::start(|_, _| answer(500, &json!({ "message": "asked" })));
        Made::new(double.engine()).remove("").await.unwrap();
        assert!(double.requests().is_empty());
    }
}
