//! Forks of snapshots: volumes with the same content, for a version that is to show what it makes of it.

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use serde_json::{Value, json};

use super::{Snapshots, Source, volume};
use crate::{
    container::encoded,
    document::Document as _,
    error::EngineError,
    helper::sync::{Direction, Forked},
    name,
};

/// The label that a fork's volumes are found by, with its id.
const FORK_LABEL: &str = "homeport.rehearsal";
/// Beginning of the volumes' names.
const FORK_PREFIX: &str = "homeport-rehearsal-";

impl Snapshots {
    /// Makes a volume for each source of a snapshot, with what the snapshot holds of it. Gives what to mount for each: the
    /// volume's name, or, for a source that is a file, the path on the host that its copy has.
    pub(crate) async fn fork(&self, id: &str, fork: &str) -> Result<Vec<String>, EngineError> {
        let _busy = self.busy.hold(id).await;
        let snapshot = self.find(id).await?;
        let mut volumes = Vec::with_capacity(snapshot.sources.len());
        for number in 0..snapshot.sources.len() {
            let name = format!("{FORK_PREFIX}{}-{number}", name::snapshot(fork)?);
            let body = json!({ "Name": name, "Driver": "local", "Labels": { FORK_LABEL: fork } });
            volumes.push(self.engine.post(&format!("making volume {name}"), "/volumes/create", &body).await?);
        }
        let source = |volume: &Value| Source::Volume {
            name: volume.text("Name").to_owned(),
            driver: String::new(),
            options: [].into(),
            labels: [].into(),
        };
        let sources: Vec<Source> = volumes.iter().map(source).collect();
        let doing = format!("copying snapshot {id}");
        let forked: Forked = self.help(doing, &["fork"], Direction::Restore, &volume(id)?, &sources).await?;
        Ok(volumes.iter().zip(&forked.places).map(|(volume, place)| mounted(volume, place)).collect())
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

/// An engine older than 26 mounts a volume as a whole or not at all, so a file in one is mounted by its path.
fn mounted(volume: &Value, place: &str) -> String {
    if place.is_empty() {
        return volume.text("Name").to_owned();
    }
    format!("{}/{place}", volume.text("Mountpoint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_file_is_mounted_by_its_path() {
        let volume = json!({ "Name": "a", "Mountpoint": "/var/lib/docker/volumes/a/_data" });
        assert_eq!(mounted(&volume, ""), "a");
        assert_eq!(mounted(&volume, "content"), "/var/lib/docker/volumes/a/_data/content");
    }
}
