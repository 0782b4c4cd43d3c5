//! How a plugin's containers stop and go, those of its compose file and those that it made itself.

use homeport_plugin_manifest::Entry;
use homeport_service::telemetry::chain;

use super::{Plugins, event, project, unknown};
use crate::{broker, error::EngineError};

impl Plugins {
    /// Removes containers, networks and the entry, and gives it. What fails is done by asking again: the entry, without
    /// which nobody can, goes last.
    pub(crate) async fn delete(&self, name: &str) -> Result<Entry, EngineError> {
        let _changing = self.changing.lock().await;
        let mut list = self.files.list().await?;
        let entry = list.find(name).ok_or_else(|| unknown(name))?;
        if entry.enabled() {
            // Its route and its engine socket go first, so that nobody is sent to a plugin that is being taken away.
            list.put(entry.name(), &entry.clone().with_enabled(false));
            self.files.set_list(&list).await?;
        }
        self.take_away(&entry).await?;
        self.forget(&entry).await?;
        // By now nobody may use it any more; what is left is a file that looks like a token.
        if let Ok(place) = entry.token_file()
            && let Err(error) = self.files.remove_token(&place).await
        {
            tracing::warn!(plugin.name = entry.name(), error = chain(&error), "the plugin's token stays where it is");
        }
        list.remove(entry.name());
        self.files.set_list(&list).await?;
        Ok(entry)
    }

    /// Stops the containers of a plugin's compose file.
    pub(super) async fn stop(&self, entry: &Entry) -> Result<(), EngineError> {
        let path = entry.compose_file_path();
        if !path.is_empty() {
            self.compose.stop_whole(&project::name(path)).await.map_err(|error| self.failed(entry, error))?;
            self.events.docker(event::STOPPED, entry.name(), path);
        }
        Ok(())
    }

    /// Stops what a plugin made through its engine socket, if it no longer has one. Under another name it could not reach
    /// what it made, so that is removed.
    pub(super) async fn end_engine(&self, former: &Entry, entry: &Entry) -> Result<(), EngineError> {
        if !has_engine(former) {
            return Ok(());
        }
        let ended = if former.name() != entry.name() {
            self.made.remove(former.name()).await
        } else if !entry.enabled() || !has_engine(entry) {
            self.made.stop(former.name()).await
        } else {
            Ok(())
        };
        ended.map_err(|error| self.failed(former, error))
    }

    async fn take_away(&self, entry: &Entry) -> Result<(), EngineError> {
        let path = entry.compose_file_path();
        if !path.is_empty() {
            let down = self.compose.down_whole(&self.engine, &project::name(path)).await;
            down.map_err(|error| self.failed(entry, error))?;
        }
        // It may have had an engine socket before its last change.
        match self.made.remove(entry.name()).await {
            Err(error) if path.is_empty() && !has_engine(entry) => {
                tracing::warn!(
                    plugin.name = entry.name(),
                    error = chain(&error),
                    "what a plugin made with the engine was not looked for"
                );
            }
            removed => removed.map_err(|error| self.failed(entry, error))?,
        }
        if !path.is_empty() {
            self.events.docker(event::REMOVED, entry.name(), path);
        }
        Ok(())
    }
}

fn has_engine(entry: &Entry) -> bool {
    broker::engine_of(&entry.to_json()).is_some()
}
