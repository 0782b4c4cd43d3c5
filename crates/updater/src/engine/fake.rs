//! A model of the engine, of compose and of docker-agent's files and snapshots, which fails at every instant it is told
//! to.

mod by_hand;
mod world;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;

pub(crate) use world::World;
use world::normal;

use super::{
    Container, Difference, Engine, EngineError, EngineErrorKind, Image, Measure, OnProgress, Port, PortAnswer, Project,
    Pull, Resolved, SelfUpdateState, Source, TakenLocks, Unlike, Up, WantedPort,
};
use crate::{execute::OPERATION_LABEL, operations::Action};

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The updater: the call never returns, and whoever waits for it is dropped.
    Updater,
    /// docker-agent: the call fails, and so do the next ones until it is back.
    Agent,
    /// The engine: as docker-agent, and every container stops; those that are always restarted start again.
    Engine,
}

/// Calls that fail before whoever died is back.
const CALLS_AWAY: usize = 3;

struct Fuse {
    fault: Fault,
    left: usize,
    away: usize,
}

pub(crate) struct FakeEngine {
    world: Mutex<World>,
    fuse: Mutex<Fuse>,
    pub(crate) blown: Notify,
}

impl FakeEngine {
    /// A world in which nothing fails.
    pub(crate) fn new(world: World) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            fuse: Mutex::new(Fuse { fault: Fault::Updater, left: usize::MAX, away: 0 }),
            blown: Notify::new(),
        })
    }

    /// From now on, someone dies after this many instants.
    pub(crate) fn arm(&self, fault: Fault, instants: usize) {
        *self.fuse.lock().unwrap_or_else(PoisonError::into_inner) = Fuse { fault, left: instants, away: 0 };
    }

    /// Whether the fault has happened.
    pub(crate) fn is_blown(&self) -> bool {
        self.fuse.lock().unwrap_or_else(PoisonError::into_inner).left == usize::MAX
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Anything may die here.
    async fn instant(&self) -> Result<(), EngineError> {
        let fault = {
            let mut fuse = self.fuse.lock().unwrap_or_else(PoisonError::into_inner);
            if fuse.away > 0 {
                fuse.away -= 1;
                return Err(away());
            }
            if fuse.left == 0 {
                fuse.left = usize::MAX;
                fuse.away = if fuse.fault == Fault::Updater { 0 } else { CALLS_AWAY };
                Some(fuse.fault)
            } else {
                fuse.left -= usize::from(fuse.left != usize::MAX);
                None
            }
        };
        match fault {
            None => Ok(()),
            Some(Fault::Agent) => Err(away()),
            Some(Fault::Engine) => {
                self.world().crash();
                Err(away())
            }
            Some(Fault::Updater) => {
                self.blown.notify_one();
                std::future::pending().await
            }
        }
    }
}

impl FakeEngine {
    /// As compose does it: the new one under a name of its own, then the old one goes, then the new one gets its name.
    async fn recreate(
        &self,
        old: &Container,
        image: &str,
        said: &BTreeMap<String, String>,
        start: bool,
    ) -> Result<(), EngineError> {
        let volumes: Vec<&str> = old.mounts.iter().map(|mount| mount.source.as_str()).collect();
        let kept = old.labels.iter().filter(|(name, _)| !name.starts_with("docksmith."));
        let copied: Vec<(&str, &str)> = kept.chain(said).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let new = self.world().create(&format!("{}_{}", old.short_id(), old.name), image, &volumes, &copied);
        self.instant().await?;
        self.world().stop(&old.id);
        self.instant().await?;
        self.world().remove(&old.id);
        self.instant().await?;
        if let Some(container) = self.world().containers.get_mut(&new) {
            container.name.clone_from(&old.name);
        }
        self.instant().await?;
        if start {
            self.world().start(&new);
            self.instant().await?;
        }
        Ok(())
    }
}

fn away() -> EngineError {
    EngineError { action: "calling".to_owned(), kind: EngineErrorKind::Away, message: "nobody is there".to_owned() }
}

fn refused(kind: EngineErrorKind, message: &str) -> EngineError {
    EngineError { action: "doing it".to_owned(), kind, message: message.to_owned() }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn own_container(&self) -> Result<Option<String>, EngineError> {
        self.instant().await?;
        let world = self.world();
        Ok(world.own.as_ref().and_then(|name| world.find(name)).map(|own| own.id.clone()))
    }

    async fn containers(&self, labels: &[(&str, &str)]) -> Result<Vec<Container>, EngineError> {
        self.instant().await?;
        self.world().looks += usize::from(labels.is_empty());
        let matches = |container: &&Container| {
            labels.iter().all(|(name, value)| container.labels.get(*name).is_some_and(|found| found == value))
        };
        Ok(self.world().containers.values().filter(matches).cloned().collect())
    }

    async fn container(&self, container: &str) -> Result<Option<Container>, EngineError> {
        self.instant().await?;
        Ok(self.world().find(container).cloned())
    }

    async fn act(&self, container: &str, action: &Action) -> Result<(), EngineError> {
        by_hand::act(self, container, action).await
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        self.instant().await?;
        {
            let mut world = self.world();
            let found = world.find(container).map(|found| (found.id.clone(), found.is_up()));
            let (id, is_up) = found.ok_or_else(|| refused(EngineErrorKind::NotFound, "no such container"))?;
            if world.lost.contains(&id) {
                return Err(refused(EngineErrorKind::Lost, "task 1: already exists"));
            }
            if let Some(other) = world.lacks(&id) {
                return Err(refused(EngineErrorKind::Refused, &format!("it needs {other}, which does not run")));
            }
            if !is_up {
                world.start(&id);
            }
        }
        self.instant().await
    }

    async fn stop(&self, container: &str) -> Result<(), EngineError> {
        self.instant().await?;
        {
            let mut world = self.world();
            world.stop(container);
            if world.loses {
                world.lost.insert(container.to_owned());
            }
        }
        self.instant().await
    }

    async fn remove(&self, container: &str) -> Result<(), EngineError> {
        self.instant().await?;
        self.world().remove(container);
        self.instant().await
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        self.instant().await?;
        {
            let mut world = self.world();
            if world.find(name).is_some_and(|found| found.id != container) {
                return Err(refused(EngineErrorKind::Refused, "the name is taken"));
            }
            if !world.rename(container, name) {
                return Err(refused(EngineErrorKind::NotFound, "no such container"));
            }
        }
        self.instant().await
    }

    async fn create_replacement(
        &self,
        inspect_json: &str,
        image: &str,
        name: &str,
        operation: &str,
    ) -> Result<(String, Vec<Difference>), EngineError> {
        self.instant().await?;
        let id = {
            let mut world = self.world();
            if let Some(found) = world.find(name).cloned() {
                if found.label(OPERATION_LABEL) != Some(operation) {
                    return Err(refused(EngineErrorKind::Refused, "the name is taken"));
                }
                world.remove(&found.id);
            }
            if world.image(image).is_none() {
                return Err(refused(EngineErrorKind::NotFound, "no such image"));
            }
            let document: serde_json::Value = serde_json::from_str(inspect_json).unwrap();
            let volumes = World::volumes_of(&document);
            let volumes: Vec<&str> = volumes.iter().map(String::as_str).collect();
            let labels = World::labels_of(&document);
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let labels: Vec<_> = labels.chain([(OPERATION_LABEL, operation)]).collect();
            let id = world.create(name, image, &volumes, &labels);
            if let (Some(host), Some(made)) = (document.get("HostConfig"), world.containers.get_mut(&id)) {
                made.shares = World::shares_of(host);
                made.links = World::links_of(host);
                made.inspect_json = inspect_json.to_owned();
            }
            id
        };
        self.instant().await?;
        Ok((id, Vec::new()))
    }

    async fn compare(&self, before: &str, after: &str) -> Result<Vec<Difference>, EngineError> {
        self.instant().await?;
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (old, new) = (World::labels_of(&parsed(before)), World::labels_of(&parsed(after)));
        let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let side = |labels: &BTreeMap<String, String>, name: &String| labels.get(name).cloned().unwrap_or_default();
        let mut found: Vec<Difference> = names
            .into_iter()
            .filter(|name| old.get(*name) != new.get(*name))
            .map(|name| Difference {
                field: format!("Config.Labels.{name}"),
                before: side(&old, name),
                after: side(&new, name),
            })
            .collect();
        if parsed(before)["Mounts"] != parsed(after)["Mounts"] {
            let (before, after) = (before.to_owned(), after.to_owned());
            found.push(Difference { field: "Mounts".to_owned(), before, after });
        }
        Ok(found)
    }

    async fn probe_ports(&self, _: &str, ports: &[WantedPort], _: Duration) -> Result<Vec<Port>, EngineError> {
        self.instant().await?;
        Ok(ports.iter().map(|port| Port { port: port.port, answer: PortAnswer::Http }).collect())
    }

    async fn set_service_image(&self, service: &str, image: &str) -> Result<(), EngineError> {
        self.instant().await?;
        self.world().set_service_image(service, image);
        self.instant().await
    }

    async fn image(&self, image: &str) -> Result<Option<Image>, EngineError> {
        self.instant().await?;
        Ok(self.world().image(image))
    }

    async fn pull(&self, pull: &Pull, on_progress: OnProgress<'_>) -> Result<Image, EngineError> {
        self.instant().await?;
        on_progress(50, "Downloading");
        let image = {
            let mut world = self.world();
            if let Some(left) = world.failing_pulls.checked_sub(1) {
                world.failing_pulls = left;
                return Err(refused(EngineErrorKind::Other, "the registry failed"));
            }
            let id = world.registry.get(&pull.digest).cloned();
            let id = id.ok_or_else(|| refused(EngineErrorKind::NotFound, "manifest unknown"))?;
            world.images.insert(id.clone());
            world.image(&id).unwrap()
        };
        self.instant().await?;
        Ok(image)
    }

    async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        self.instant().await?;
        {
            let mut world = self.world();
            let found = world.image(image).ok_or_else(|| refused(EngineErrorKind::NotFound, "no such image"))?;
            world.tags.insert(format!("{repository}:{tag}"), found.id);
        }
        self.instant().await
    }

    async fn untag(&self, reference: &str) -> Result<(), EngineError> {
        self.instant().await?;
        {
            let mut world = self.world();
            if let Some(id) = world.tags.remove(&normal(reference)) {
                let is_used = world.containers.values().any(|container| container.image_id == id);
                if !is_used && !world.tags.values().any(|image| *image == id) {
                    world.images.remove(&id);
                }
            }
        }
        self.instant().await
    }

    async fn resolve(&self, project: &Project) -> Result<Resolved, EngineError> {
        self.instant().await?;
        let images = self.world().compose_images(&project.config_files[0]);
        Ok(Resolved { images, config_hashes: BTreeMap::new() })
    }

    async fn up_service(&self, project: &Project, service: &str, up: Up<'_>) -> Result<Unlike, EngineError> {
        self.instant().await?;
        let labels = [("com.docker.compose.project", project.name.as_str()), ("com.docker.compose.service", service)];
        let present = self.containers(&labels).await?;
        let image = self.world().compose_images(&project.config_files[0]).remove(service).unwrap();
        let said = self.world().compose_labels(&project.config_files[0], service);
        let image_id =
            self.world().image(&image).ok_or_else(|| refused(EngineErrorKind::NotFound, "no such image"))?.id;
        if present.is_empty() {
            return Err(refused(EngineErrorKind::Other, "the model only recreates"));
        }
        let mut unlike = Unlike::default();
        if self.world().loses_mounts && !up.guards.is_empty() {
            let (before, after) = (up.guards[0].inspect_json.to_owned(), String::new());
            let lost = Difference { field: "Mounts".to_owned(), before, after };
            if !up.accepts {
                return Ok(Unlike { refused: vec![lost], ..unlike });
            }
            unlike.accepted.push(lost);
        }
        self.world().edit_meanwhile();
        for old in present {
            if old.image_id != image_id || up.recreate {
                self.recreate(&old, &image, &said, up.start).await?;
            }
        }
        Ok(unlike)
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        self.instant().await?;
        Ok(self.world().files.get(path).map(|text| text.as_bytes().to_vec()))
    }

    async fn write_file(&self, path: &str, content: &[u8], expected: &[u8]) -> Result<(), EngineError> {
        self.instant().await?;
        {
            let mut world = self.world();
            let file = world.files.get_mut(path).ok_or_else(|| refused(EngineErrorKind::NotFound, "no such file"))?;
            if file.as_bytes() != expected {
                return Err(refused(EngineErrorKind::Changed, "the file has changed"));
            }
            *file = String::from_utf8(content.to_vec()).unwrap();
        }
        self.instant().await
    }

    async fn take_snapshot(&self, id: &str, sources: &[Source], _: &[(&str, &str)]) -> Result<(), EngineError> {
        self.instant().await?;
        for source in sources {
            self.world().copy(id, &source.source);
            self.instant().await?;
        }
        Ok(())
    }

    async fn restore_snapshot(&self, id: &str) -> Result<(), EngineError> {
        self.instant().await?;
        let copy = self.world().snapshots.get(id).cloned();
        for (source, data) in copy.ok_or_else(|| refused(EngineErrorKind::NotFound, "no such snapshot"))? {
            self.world().bring_back(source, data)?;
            self.instant().await?;
        }
        Ok(())
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), EngineError> {
        self.instant().await?;
        self.world().snapshots.remove(id);
        self.instant().await
    }

    async fn measure(&self, sources: &[Source]) -> Result<Measure, EngineError> {
        self.instant().await?;
        let bytes = self.world().measured;
        Ok(Measure { files: sources.len() as u64, total_bytes: bytes, needed_bytes: bytes, free_bytes: 1 << 40 })
    }

    async fn fork_snapshot(&self, id: &str, fork: &str) -> Result<Vec<String>, EngineError> {
        self.instant().await?;
        let volumes = {
            let mut world = self.world();
            let copy = world.snapshots.get(id).cloned();
            let copy = copy.ok_or_else(|| refused(EngineErrorKind::NotFound, "no such snapshot"))?;
            let named = |(number, data)| (format!("{fork}-{number}"), data);
            let forks: Vec<(String, String)> = copy.into_values().enumerate().map(named).collect();
            world.volumes.extend(forks.clone());
            forks.into_iter().map(|(name, _)| name).collect()
        };
        self.instant().await?;
        Ok(volumes)
    }

    async fn discard_fork(&self, fork: &str) -> Result<(), EngineError> {
        self.instant().await?;
        self.world().volumes.retain(|name, _| !name.starts_with(fork));
        self.instant().await
    }

    async fn take_locks(&self, directories: &[Source], force: bool) -> Result<TakenLocks, EngineError> {
        self.instant().await?;
        let taken = self.world().take_locks(directories, force);
        self.instant().await?;
        Ok(taken)
    }

    async fn release_locks(&self, directories: &[Source]) -> Result<(), EngineError> {
        self.instant().await?;
        for directory in directories {
            self.world().locks_taken.remove(&directory.source);
        }
        self.instant().await
    }

    async fn start_self_update(&self, id: &str, job_json: &str) -> Result<(), EngineError> {
        self.instant().await?;
        self.world().self_updates.entry(id.to_owned()).or_insert_with(|| (job_json.to_owned(), None));
        self.instant().await
    }

    async fn self_update(&self, id: &str) -> Result<SelfUpdateState, EngineError> {
        self.instant().await?;
        Ok(match self.world().self_updates.get(id) {
            None => SelfUpdateState::None,
            Some((_, None)) => SelfUpdateState::Running,
            Some((_, Some(result))) => SelfUpdateState::Ended(result.clone()),
        })
    }

    async fn forget_self_update(&self, id: &str) -> Result<(), EngineError> {
        self.instant().await?;
        self.world().self_updates.remove(id);
        self.instant().await
    }

    async fn restart_own(&self) -> Result<Vec<String>, EngineError> {
        self.instant().await?;
        Ok(self.world().containers.values().map(|container| container.name.clone()).collect())
    }

    async fn snapshots(&self) -> Result<Vec<String>, EngineError> {
        self.instant().await?;
        Ok(self.world().snapshots.keys().cloned().collect())
    }
}
