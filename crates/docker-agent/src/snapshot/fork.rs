//! Forks of snapshots: volumes with the same content, for a version that is to show what it makes of it.

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use serde_json::json;

use super::{Snapshots, Source, volume};
use crate::{container::encoded, document::Document as _, error::EngineError, helper::sync::Direction, name};

/// The label that a fork's volumes are found by, with its id.
const FORK_LABEL: &str = "homeport.rehearsal";
/// Beginning of the volumes' names.
const FORK_PREFIX: &str = "homeport-rehearsal-";

impl Snapshots {
    /// Makes a volume for each source of a snapshot, with what the snapshot holds of it.
    pub(crate) async fn fork(&self, id: &str, fork: &str) -> Result<Vec<String>, EngineError> {
        let _busy = self.busy.hold(id).await;
        let snapshot = self.find(id).await?;
        let mut targets = Vec::with_capacity(snapshot.sources.len());
        for number in 0..snapshot.sources.len() {
            let name = format!("{FORK_PREFIX}{}-{number}", name::snapshot(fork)?);
            let body = json!({ "Name": name, "Driver": "local", "Labels": { FORK_LABEL: fork } });
            self.engine.post(&format!("making volume {name}"), "/volumes/create", &body).await?;
            targets.push(name);
        }
        let volumes = |name: &String| Source::Volume {
            name: name.clone(),
            driver: String::new(),
            options: [].into(),
            labels: [].into(),
        };
        let sources: Vec<Source> = targets.iter().map(volumes).collect();
        self.copy(Direction::Restore, id, &volume(id)?, &sources).await?;
        Ok(targets)
    }

    /// Removes the volumes of a fork.
    pub(crate) async fn discard_fork(&self, fork: &str) -> Result<(), EngineError> {
        let label = format!("{FORK_LABEL}={}", name::snapshot(fork)?);
        let filters = encoded(&json!({ "label": [label] }).to_string());
        let doing = format!("looking for the volumes of {fork}");
        let answer = self.engine.get(&doing, &format!("/volumes?filters={filters}")).await?;
        for found in answer.list("Volumes") {
            let name = found.text("Name").to_owned();
            let options = RemoveVolumeOptionsBuilder::default().build();
            let doing = format!("removing volume {name}");
            let removed =
                self.engine.ask(&doing, |docker| async move { docker.remove_volume(&name, Some(options)).await }).await;
            match removed {
                Err(error) if error.is_not_found() => {}
                result => result?,
            }
        }
        Ok(())
    }
}
