//! The state of the model: containers, images, files and data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    super::{
        Container, EngineError, EngineErrorKind, Health, Image, Mount, MountKind, Namespace, Source, State, TakenLocks,
        Task, UpdateLock,
    },
    refused,
};
use crate::execute::OPERATION_LABEL;

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) containers: BTreeMap<String, Container>,
    /// Id and alias of links to what was removed.
    pub(crate) dead_links: BTreeSet<(String, String)>,
    /// Containers with the restart policy `always`, by name.
    pub(crate) always: BTreeSet<String>,
    pub(crate) images: BTreeSet<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Image by digest.
    pub(crate) registry: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) volumes: BTreeMap<String, String>,
    pub(crate) snapshots: BTreeMap<String, BTreeMap<String, String>>,
    /// The engine loses track of what it stops.
    pub(crate) loses: bool,
    /// Containers that it lost track of.
    pub(crate) lost: BTreeSet<String>,
    /// Images whose containers exit at once.
    pub(crate) exiting: BTreeSet<String>,
    /// The compose file has lost a mount.
    pub(crate) loses_mounts: bool,
    /// What a person changes in a file while compose works: its path, a text and what stands there then.
    pub(crate) on_recreate: Vec<(String, String, String)>,
    /// The container that a person starts while data is copied.
    pub(crate) on_copy: Option<String>,
    /// There is no room for bringing data back.
    pub(crate) is_full: bool,
    /// How often the registry fails yet.
    pub(crate) failing_pulls: usize,
    /// How much data there is.
    pub(crate) measured: u64,
    /// Directories in which the application holds its update lock.
    pub(crate) locks_held: BTreeSet<String>,
    /// Directories in which the lock is ours.
    pub(crate) locks_taken: BTreeSet<String>,
    /// How many of them there were at each act by hand.
    pub(crate) locks_at_acts: Vec<usize>,
    /// Name of the container that docker-agent runs in.
    pub(crate) own: Option<String>,
    /// Jobs for Homeport's own update, and their results, by operation.
    pub(crate) self_updates: BTreeMap<String, (String, Option<String>)>,
    /// How often all containers were listed.
    pub(crate) looks: usize,
    /// How often a container was started.
    pub(crate) starts: usize,
    pub(super) next: usize,
}

impl World {
    /// A container, made but not started. Its inspect document has nothing but its volumes.
    pub(crate) fn create(&mut self, name: &str, image: &str, volumes: &[&str], labels: &[(&str, &str)]) -> String {
        self.next += 1;
        let id = format!("{:064x}", self.next);
        let image_id = self.tags.get(&normal(image)).cloned().unwrap_or_else(|| image.to_owned());
        let digests = self.registry.iter().filter(|(_, id)| **id == image_id);
        let container = Container {
            id: id.clone(),
            name: name.to_owned(),
            image: image.to_owned(),
            repo_digests: digests.map(|(digest, _)| format!("docker.io/library/app@{digest}")).collect(),
            image_id,
            state: State::Created,
            health: Health::None,
            health_output: String::new(),
            health_check: None,
            restart_count: 0,
            exit_code: 0,
            error: String::new(),
            started_at: None,
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            mounts: volumes
                .iter()
                .map(|volume| Mount {
                    kind: MountKind::Volume,
                    source: (*volume).to_owned(),
                    destination: "/data".to_owned(),
                    is_writable: true,
                })
                .collect(),
            published_ports: Vec::new(),
            shares: BTreeMap::new(),
            links: BTreeMap::new(),
            auto_remove: false,
            inspect_json: document(volumes, labels),
            swarm: None,
        };
        self.containers.insert(id.clone(), container);
        id
    }

    /// Tasks of the new version run at once, or fail at once.
    pub(super) fn set_service_image(&mut self, id: &str, image: &str) {
        let fails = image.split_once('@').and_then(|(_, digest)| self.registry.get(digest));
        let fails = fails.is_some_and(|image| self.exiting.contains(image));
        self.next += 1;
        let (next, written) = (self.next, image.split('@').next().unwrap_or_default());
        let Some(service) = self.containers.get_mut(id) else { return };
        let Some(swarm) = service.swarm.as_mut().filter(|swarm| swarm.specified != image) else { return };
        written.clone_into(&mut service.image);
        image.clone_into(&mut swarm.specified);
        swarm.update_state = if fails { "paused" } else { "completed" }.to_owned();
        for task in &mut swarm.tasks {
            (task.desired_state, task.state) = ("shutdown".to_owned(), "shutdown".to_owned());
        }
        let state = if fails { "failed" } else { "running" };
        let task = |number| Task {
            id: format!("task-{next}-{number}"),
            image: image.to_owned(),
            state: state.to_owned(),
            desired_state: if fails { "shutdown" } else { "running" }.to_owned(),
            error: if fails { "task: non-zero exit (1)" } else { "started" }.to_owned(),
        };
        let tasks: Vec<Task> = (0..swarm.desired).map(task).collect();
        swarm.tasks.splice(0..0, tasks);
    }

    /// The volumes of an inspect document.
    pub(super) fn volumes_of(document: &Value) -> Vec<String> {
        let name =
            |mount: &Value| mount.as_str().or(mount["Name"].as_str()).or(mount["Source"].as_str()).map(str::to_owned);
        [document, &document["Volumes"], &document["Mounts"], &document["HostConfig"]["Mounts"]]
            .iter()
            .filter_map(|list| list.as_array())
            .flatten()
            .filter_map(name)
            .collect()
    }

    /// The labels of an inspect document.
    pub(super) fn labels_of(document: &Value) -> BTreeMap<String, String> {
        let labels = document["Config"]["Labels"].as_object().into_iter().flatten();
        labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// Whose namespaces a `HostConfig` names.
    pub(crate) fn shares_of(host: &Value) -> BTreeMap<Namespace, String> {
        let owner = |kind: Namespace| Some((kind, host[kind.field()].as_str()?.strip_prefix("container:")?.to_owned()));
        [Namespace::Network, Namespace::Pid, Namespace::Ipc].into_iter().filter_map(owner).collect()
    }

    /// Aliases and names that a `HostConfig` links to.
    pub(crate) fn links_of(host: &Value) -> BTreeMap<String, String> {
        let links = host["Links"].as_array().into_iter().flatten();
        let pair = |link: &Value| {
            let (other, alias) = link.as_str()?.split_once(':')?;
            Some((alias.rsplit('/').next()?.to_owned(), other.trim_start_matches('/').to_owned()))
        };
        links.filter_map(pair).collect()
    }

    /// Each version writes its own form of data; an older one on the data of a newer one makes a mess of it.
    pub(crate) fn start(&mut self, id: &str) {
        self.starts += 1;
        let Some(container) = self.containers.get_mut(id) else { return };
        let exits = self.exiting.contains(&container.image_id);
        container.state = if exits { State::Exited } else { State::Running };
        container.exit_code = i32::from(exits);
        container.started_at = Some(
            Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(i64::try_from(self.starts).unwrap_or(i64::MAX)),
        );
        for mount in &container.mounts {
            let data = self.volumes.entry(mount.source.clone()).or_default();
            *data = match (container.image_id.as_str(), data.as_str()) {
                ("sha256:old", "written by old") => "written by old".to_owned(),
                ("sha256:old", _) => "a mess".to_owned(),
                _ => "written by new".to_owned(),
            };
        }
    }

    /// What it is linked to, or lives in, and does not run.
    pub(super) fn lacks(&self, id: &str) -> Option<String> {
        let container = self.containers.get(id)?;
        let runs = |of: &String| self.find(of).is_some_and(Container::is_up);
        let dead =
            container.links.iter().find(|(alias, _)| self.dead_links.contains(&(id.to_owned(), (*alias).clone())));
        let lacks = container.shares.values().chain(container.links.values()).find(|of| !runs(of));
        dead.map(|(_, of)| of).or(lacks).cloned()
    }

    /// Links that lead somewhere follow the name of where they lead.
    pub(super) fn rename(&mut self, id: &str, name: &str) -> bool {
        let Some(found) = self.containers.get_mut(id) else { return false };
        let former = std::mem::replace(&mut found.name, name.to_owned());
        for container in self.containers.values_mut() {
            for (alias, of) in container.links.iter_mut().filter(|(_, of)| **of == former) {
                if !self.dead_links.contains(&(container.id.clone(), alias.clone())) {
                    name.clone_into(of);
                }
            }
        }
        true
    }

    /// Links to it lead nowhere, and look as before.
    pub(super) fn remove(&mut self, id: &str) {
        let Some(gone) = self.containers.remove(id) else { return };
        for container in self.containers.values() {
            let links = container.links.iter().filter(|(_, of)| **of == gone.name);
            self.dead_links.extend(links.map(|(alias, _)| (container.id.clone(), alias.clone())));
        }
    }

    /// What was started with --rm is gone with it.
    pub(crate) fn stop(&mut self, id: &str) {
        self.end(id);
        if self.containers.get(id).is_some_and(|container| container.auto_remove) {
            self.remove(id);
        }
    }

    pub(super) fn end(&mut self, id: &str) {
        if let Some(container) = self.containers.get_mut(id).filter(|container| container.is_up()) {
            container.state = State::Exited;
        }
    }

    /// A person changes files.
    pub(super) fn edit_meanwhile(&mut self) {
        for (path, from, to) in std::mem::take(&mut self.on_recreate) {
            let file = self.files.get_mut(&path).unwrap();
            assert!(file.contains(&from), "{file}");
            *file = file.replacen(&from, &to, 1);
        }
    }

    pub(super) fn copy(&mut self, snapshot: &str, volume: &str) {
        let data = self.volumes.get(volume).cloned().unwrap_or_default();
        self.snapshots.entry(snapshot.to_owned()).or_default().insert(volume.to_owned(), data);
        if let Some(id) = self.on_copy.take().and_then(|name| Some(self.find(&name)?.id.clone())) {
            self.start(&id);
        }
    }

    pub(super) fn bring_back(&mut self, volume: String, data: String) -> Result<(), EngineError> {
        let uses = |mount: &Mount| mount.source == volume;
        if self.containers.values().any(|used| used.is_up() && used.mounts.iter().any(uses)) {
            return Err(refused(EngineErrorKind::Refused, "something is using the data"));
        }
        if self.is_full {
            return Err(refused(EngineErrorKind::Refused, "no space is left"));
        }
        self.volumes.insert(volume, data);
        Ok(())
    }

    pub(super) fn take_locks(&mut self, directories: &[Source], force: bool) -> TakenLocks {
        let held = directories.iter().enumerate().filter(|(_, place)| self.locks_held.contains(&place.source));
        let lock = |directory| UpdateLock {
            directory,
            file: "updates.lock".to_owned(),
            uid: 1000,
            since: None,
            content: "copying".to_owned(),
        };
        let held: Vec<UpdateLock> = held.map(|(number, _)| lock(number)).collect();
        if !force && !held.is_empty() {
            return TakenLocks { held, broken: Vec::new() };
        }
        for place in directories {
            self.locks_held.remove(&place.source);
            self.locks_taken.insert(place.source.clone());
        }
        TakenLocks { held: Vec::new(), broken: held }
    }

    pub(super) fn crash(&mut self) {
        let ids: Vec<String> = self.containers.keys().cloned().collect();
        for id in ids {
            self.stop(&id);
            let container = &self.containers[&id];
            let name = container.name.split(".homeport-").next().unwrap_or_default();
            if self.always.contains(name) && container.started_at.is_some() {
                self.start(&id);
            }
        }
    }

    pub(super) fn find(&self, wanted: &str) -> Option<&Container> {
        self.containers.get(wanted).or_else(|| self.containers.values().find(|container| container.name == wanted))
    }

    pub(super) fn image(&self, wanted: &str) -> Option<Image> {
        let id = if self.images.contains(wanted) {
            Some(wanted)
        } else {
            self.tags.get(&normal(wanted)).map(String::as_str)
        };
        let id = id.filter(|id| self.images.contains(*id))?;
        let tags = self.tags.iter().filter(|(_, image)| *image == id).map(|(tag, _)| tag.clone()).collect();
        Some(Image { id: id.to_owned(), tags })
    }

    /// Labels of a service, each a line `- name=value`.
    pub(super) fn compose_labels(&self, path: &str, wanted: &str) -> BTreeMap<String, String> {
        let (mut labels, mut service) = (BTreeMap::new(), "");
        for line in self.files.get(path).map(String::as_str).unwrap_or_default().lines().map(str::trim) {
            if let Some((name, value)) = line.strip_prefix("- ").and_then(|text| text.split_once('=')) {
                if service == wanted {
                    labels.insert(name.to_owned(), value.to_owned());
                }
            } else if let Some(name) = line.strip_suffix(':').filter(|name| *name != "labels") {
                service = name;
            }
        }
        labels
    }

    /// Compose files here are lines of `<service>:` and `image: <reference>`.
    pub(super) fn compose_images(&self, path: &str) -> BTreeMap<String, String> {
        let (mut images, mut service) = (BTreeMap::new(), "");
        for line in self.files.get(path).map(String::as_str).unwrap_or_default().lines().map(str::trim) {
            if let Some(image) = line.strip_prefix("image: ") {
                let image = image.split(" #").next().unwrap_or_default();
                images.insert(service.to_owned(), image.to_owned());
            } else if let Some(name) = line.strip_suffix(':').filter(|name| *name != "labels") {
                service = name;
            }
        }
        images
    }
}

/// `app:1` and `docker.io/library/app:1` are the same.
pub(super) fn normal(reference: &str) -> String {
    reference.parse::<homeport_image_ref::Reference>().map_or_else(|_| reference.to_owned(), |found| found.to_string())
}

/// What a container is made of; the label of the operation that made it is no part of that.
fn document(volumes: &[&str], labels: &[(&str, &str)]) -> String {
    let mount = |name: &&str| json!({ "Type": "volume", "Name": name, "Destination": "/data", "RW": true });
    let labels: BTreeMap<_, _> = labels.iter().filter(|(name, _)| *name != OPERATION_LABEL).copied().collect();
    json!({ "Mounts": volumes.iter().map(mount).collect::<Vec<_>>(), "Config": { "Labels": labels } }).to_string()
}
