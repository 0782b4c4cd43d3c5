//! Copies of volume data, kept in labelled volumes of the engine, so that they are where the data is and survive docker-agent.

mod fork;

use std::{collections::HashMap, sync::Arc};

use bollard::query_parameters::RemoveVolumeOptionsBuilder;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    config::Settings,
    container::encoded,
    document::Document as _,
    engine::Engine,
    error::EngineError,
    helper::sync::{Direction, Measure, Report},
    locks::Locks,
    name,
    workshop::{Job, Workshop},
};

/// The label that a snapshot's volume is found by, with its id.
pub(crate) const ID_LABEL: &str = "homeport.snapshot";
/// The label that says what a snapshot is of.
const SOURCES_LABEL: &str = "homeport.snapshot.sources";
/// Beginning of the volumes' names.
const VOLUME_PREFIX: &str = "homeport-snapshot-";
/// Where the helper finds the snapshot and the sources.
const SNAPSHOT: &str = "/snapshot";
const SOURCES: &str = "/sources";
/// What a faithful copy takes: reading and writing whatever the owner, and setting owner, mode, devices and capabilities.
const CAPABILITIES: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"];

/// What it takes to look at everything, whoever owns it.
const READING: [&str; 1] = ["DAC_OVERRIDE"];

/// What data is copied of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Source {
    /// A volume, and how to make it again should it be gone.
    Volume {
        name: String,
        #[serde(default)]
        driver: String,
        #[serde(default)]
        options: HashMap<String, String>,
        #[serde(default)]
        labels: HashMap<String, String>,
    },
    /// A directory or file of the host.
    Bind { path: String },
}

impl Source {
    /// As in `HostConfig.Mounts`.
    pub(crate) fn mount(&self, target: &str, read_only: bool) -> Value {
        match self {
            Self::Volume { name, .. } => mount("volume", name, target, read_only),
            Self::Bind { path } => mount("bind", path, target, read_only),
        }
    }
}

/// A snapshot that is there.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) sources: Vec<Source>,
    /// As the engine writes it.
    pub(crate) created_at: String,
    /// Those it was taken with.
    pub(crate) labels: HashMap<String, String>,
}

/// The snapshots of an engine.
#[derive(Clone)]
pub(crate) struct Snapshots {
    engine: Engine,
    workshop: Workshop,
    settings: Arc<Settings>,
    /// One call a snapshot at a time.
    busy: Locks,
}

impl Snapshots {
    pub(crate) fn new(engine: Engine, workshop: Workshop, settings: Arc<Settings>) -> Self {
        Self { engine, workshop, settings, busy: Locks::default() }
    }

    /// Brings a snapshot to the present contents of its sources; makes it if there is none.
    pub(crate) async fn take(
        &self,
        id: &str,
        sources: &[Source],
        labels: &HashMap<String, String>,
    ) -> Result<Report, EngineError> {
        let volume = volume(id)?;
        let _busy = self.busy.hold(id).await;
        let mut described = Vec::with_capacity(sources.len());
        for source in sources {
            described.push(self.described(source).await?);
        }
        match self.find(id).await {
            Ok(present) if !same_sources(&present.sources, &described) => {
                return Err(EngineError::Precondition(format!("snapshot {id} is of other sources; choose another id")));
            }
            Ok(_) => {}
            Err(error) if error.is_not_found() => self.create(&volume, id, &described, labels).await?,
            Err(error) => return Err(error),
        }
        self.copy(Direction::Take, id, &volume, &described).await
    }

    /// What a snapshot of these would hold.
    pub(crate) async fn measure(&self, sources: &[Source]) -> Result<Measure, EngineError> {
        let mut arguments = vec!["measure".to_owned()];
        let mut mounts = Vec::with_capacity(sources.len());
        for (number, source) in sources.iter().enumerate() {
            self.described(source).await?;
            let target = format!("{SOURCES}/{number}");
            mounts.push(source.mount(&target, true));
            arguments.push(target);
        }
        let job = Job {
            doing: "measuring the data".to_owned(),
            subject: None,
            arguments,
            mounts,
            network_mode: "none".to_owned(),
            capabilities: &READING,
            limit: self.settings.helper_timeout,
        };
        self.workshop.run(&job).await
    }

    /// Brings every source back to the snapshot. A volume that is gone is made again.
    pub(crate) async fn restore(&self, id: &str) -> Result<Report, EngineError> {
        let _busy = self.busy.hold(id).await;
        let snapshot = self.find(id).await?;
        for source in &snapshot.sources {
            self.make_again(source).await?;
        }
        self.copy(Direction::Restore, id, &volume(id)?, &snapshot.sources).await
    }

    /// Deletes a snapshot. One that is not there is deleted.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), EngineError> {
        let volume = volume(id)?;
        let _busy = self.busy.hold(id).await;
        self.workshop.clear(&volume).await?;
        let options = RemoveVolumeOptionsBuilder::default().build();
        let deleted = self
            .engine
            .ask(&format!("deleting snapshot {id}"), |docker| async move {
                docker.remove_volume(&volume, Some(options)).await
            })
            .await;
        match deleted {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    pub(crate) async fn list(&self) -> Result<Vec<Snapshot>, EngineError> {
        let filters = encoded(&json!({ "label": [ID_LABEL] }).to_string());
        let answer = self.engine.get("listing snapshots", &format!("/volumes?filters={filters}")).await?;
        let mut snapshots: Vec<Snapshot> = answer.list("Volumes").iter().filter_map(snapshot).collect();
        snapshots.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(snapshots)
    }

    async fn find(&self, id: &str) -> Result<Snapshot, EngineError> {
        let missing = || EngineError::NotFound(format!("there is no snapshot {id}"));
        match self.engine.get(&format!("looking for snapshot {id}"), &format!("/volumes/{}", volume(id)?)).await {
            Ok(found) => snapshot(&found).ok_or_else(missing),
            Err(error) if error.is_not_found() => Err(missing()),
            Err(error) => Err(error),
        }
    }

    async fn create(
        &self,
        volume: &str,
        id: &str,
        sources: &[Source],
        labels: &HashMap<String, String>,
    ) -> Result<(), EngineError> {
        let sources = serde_json::to_string(sources)
            .map_err(|error| EngineError::Argument(format!("the sources of snapshot {id}: {error}")))?;
        let mut labels = labels.clone();
        labels.insert(ID_LABEL.to_owned(), id.to_owned());
        labels.insert(SOURCES_LABEL.to_owned(), sources);
        let body = json!({ "Name": volume, "Driver": "local", "Labels": labels });
        self.engine.post(&format!("making snapshot {id}"), "/volumes/create", &body).await.map(drop)
    }

    async fn copy(
        &self,
        direction: Direction,
        id: &str,
        volume: &str,
        sources: &[Source],
    ) -> Result<Report, EngineError> {
        let doing = match direction {
            Direction::Take => format!("taking snapshot {id}"),
            Direction::Restore => format!("restoring snapshot {id}"),
        };
        self.help(doing, &["sync", direction.word()], direction, volume, sources).await
    }

    /// Has a helper copy; says what it answered.
    async fn help<T: DeserializeOwned>(
        &self,
        doing: String,
        command: &[&str],
        direction: Direction,
        volume: &str,
        sources: &[Source],
    ) -> Result<T, EngineError> {
        let into_snapshot = direction == Direction::Take;
        let mut arguments: Vec<String> = command.iter().chain([&SNAPSHOT]).map(|word| (*word).to_owned()).collect();
        let mut mounts = vec![mount("volume", volume, SNAPSHOT, !into_snapshot)];
        for (number, source) in sources.iter().enumerate() {
            let target = format!("{SOURCES}/{number}");
            mounts.push(source.mount(&target, into_snapshot));
            arguments.push(target);
        }
        let job = Job {
            doing,
            subject: Some(volume.to_owned()),
            arguments,
            mounts,
            network_mode: "none".to_owned(),
            capabilities: &CAPABILITIES,
            limit: self.settings.helper_timeout,
        };
        match self.workshop.run(&job).await {
            Err(EngineError::Refused { doing, status: 400, message })
                if message.contains("bind source path does not exist") =>
            {
                Err(EngineError::NotFound(format!("{doing} failed: {message}")))
            }
            result => result,
        }
    }

    /// With what it takes to make it again. Mounting a volume that is not there would make an empty one.
    async fn described(&self, source: &Source) -> Result<Source, EngineError> {
        let Source::Volume { name, .. } = source else { return Ok(source.clone()) };
        let doing = format!("looking for volume {name}");
        let found = self.engine.get(&doing, &format!("/volumes/{}", name::volume(name)?)).await?;
        Ok(Source::Volume {
            name: name.clone(),
            driver: found.text("Driver").to_owned(),
            options: found.labels("Options"),
            labels: found.labels("Labels"),
        })
    }

    async fn make_again(&self, source: &Source) -> Result<(), EngineError> {
        let Source::Volume { name, driver, options, labels } = source else { return Ok(()) };
        match self.described(source).await {
            Err(error) if error.is_not_found() => {}
            result => return result.map(drop),
        }
        let body = json!({ "Name": name, "Driver": driver, "DriverOpts": options, "Labels": labels });
        self.engine.post(&format!("making volume {name} again"), "/volumes/create", &body).await.map(drop)
    }
}

/// The name of a snapshot's volume.
fn volume(id: &str) -> Result<String, EngineError> {
    Ok(format!("{VOLUME_PREFIX}{}", name::snapshot(id)?))
}

/// None: the volume is no snapshot.
fn snapshot(volume: &Value) -> Option<Snapshot> {
    let mut labels = volume.labels("Labels");
    let id = labels.remove(ID_LABEL)?;
    let sources = serde_json::from_str(&labels.remove(SOURCES_LABEL)?).ok()?;
    Some(Snapshot { id, sources, created_at: volume.text("CreatedAt").to_owned(), labels })
}

fn same_sources(a: &[Source], b: &[Source]) -> bool {
    let place = |source: &Source| match source {
        Source::Volume { name, .. } => (true, name.clone()),
        Source::Bind { path } => (false, path.clone()),
    };
    a.iter().map(place).eq(b.iter().map(place))
}

fn mount(kind: &str, source: &str, target: &str, read_only: bool) -> Value {
    let mut mount = json!({ "Type": kind, "Source": source, "Target": target, "ReadOnly": read_only });
    if kind == "volume" {
        mount["VolumeOptions"] = json!({ "NoCopy": true });
    }
    mount
}
