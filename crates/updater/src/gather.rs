//! Finding out everything that a plan needs to know.

use std::{collections::BTreeMap, time::Duration};

use homeport_compose_file::Sources;

use crate::{
    engine::{
        Container, Engine, EngineError, EngineErrorKind, MountKind, Port, PortAnswer, Project, Source, WantedPort,
    },
    error::UpdateError,
    inventory::ComposePlace,
    plan::{Facts, LockPlace, ProjectFacts, Shared, followers},
    sight::Sight,
};

/// How long a port may take to answer the question what it answers now.
const PROBE_LIMIT: Duration = Duration::from_secs(3);

/// Label of containers that `docker compose run` made, which belong to no service.
const ONEOFF: &str = "com.docker.compose.oneoff";

/// Finds out everything about a container, given by its name or the beginning of its id.
pub async fn gather(engine: &dyn Engine, container: &str) -> Result<Facts, UpdateError> {
    gather_in(engine, container, &Sight::take(engine).await?).await
}

/// The same, of one of many that are looked at together.
pub async fn gather_in(engine: &dyn Engine, container: &str, sight: &Sight) -> Result<Facts, UpdateError> {
    let (all, own_container) = (sight.all(), sight.own_container().map(str::to_owned));
    let subject = find(all, container).ok_or_else(|| UpdateError::NoContainer { container: container.to_owned() })?;
    // The list has no tasks, and a service is no part of a compose project, whatever its labels say.
    if subject.swarm.is_some() {
        return service(engine, subject, own_container).await;
    }
    let project = match ComposePlace::of_labels(&subject.labels) {
        Some(place) => Some(project(engine, place, subject, sight).await?),
        None => None,
    };
    let ports = ports(engine, subject).await?;
    // What does not run takes nothing away from others, and gives them nothing to follow.
    let (followers, warnings) =
        if subject.is_up() { followers(subject, sight.own_container(), all) } else { Default::default() };
    let peers = project.as_ref().map_or(&[][..], |project| &project.peers);
    let following: Vec<&Container> = followers.iter().map(|(_, container)| *container).collect();
    let (shared, locks) = (shared(subject, peers, all), locks(subject, &following, all));
    let followers = followers.into_iter().map(|(follower, _)| follower).collect();
    Ok(Facts { shared, locks, container: subject.clone(), own_container, project, followers, warnings, ports })
}

async fn service(
    engine: &dyn Engine,
    subject: &Container,
    own_container: Option<String>,
) -> Result<Facts, UpdateError> {
    let container = engine.container(&subject.id).await?;
    let container = container.ok_or_else(|| UpdateError::NoContainer { container: subject.name.clone() })?;
    Ok(Facts {
        container,
        own_container,
        project: None,
        shared: Vec::new(),
        followers: Vec::new(),
        warnings: Vec::new(),
        locks: Vec::new(),
        ports: Vec::new(),
    })
}

/// A container by its name, else by the beginning of its id if that is unambiguous.
pub fn find<'a>(all: &'a [Container], wanted: &str) -> Option<&'a Container> {
    let wanted = wanted.strip_prefix('/').unwrap_or(wanted);
    all.iter().find(|container| container.name == wanted).or_else(|| {
        let mut matching = all.iter().filter(|container| wanted.len() >= 4 && container.id.starts_with(wanted));
        matching.next().filter(|_| matching.next().is_none())
    })
}

/// Containers of a compose service, without those of `docker compose run`.
pub async fn of_service(engine: &dyn Engine, project: &str, service: &str) -> Result<Vec<Container>, EngineError> {
    let labels = [("com.docker.compose.project", project), ("com.docker.compose.service", service)];
    let found = engine.containers(&labels).await?;
    Ok(found.into_iter().filter(|container| !is_oneoff(container)).collect())
}

fn is_oneoff(container: &Container) -> bool {
    container.label(ONEOFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

async fn project(
    engine: &dyn Engine,
    place: ComposePlace,
    subject: &Container,
    sight: &Sight,
) -> Result<ProjectFacts, UpdateError> {
    let ComposePlace { project: name, service, config_files, working_dir, environment_files, .. } = place;
    if config_files.is_empty() {
        return Err(UpdateError::NoComposeFile { service, path: "(its labels name none)".to_owned() });
    }
    let project = Project { name, config_files, working_dir, environment_files };
    let (files, resolved) = sight.project(engine, &project, &service).await?;
    let belongs = |container: &&Container| {
        container.id != subject.id
            && container.label("com.docker.compose.project") == Some(&project.name)
            && container.label("com.docker.compose.service") == Some(&service)
            && !is_oneoff(container)
    };
    Ok(ProjectFacts {
        peers: sight.all().iter().filter(belongs).cloned().collect(),
        files,
        image: resolved.images.get(&service).cloned(),
        config_hash: resolved.config_hashes.get(&service).cloned(),
        project,
        service,
    })
}

/// Reads the files that say which image a service has.
pub async fn files(engine: &dyn Engine, project: &Project, service: &str) -> Result<Sources, UpdateError> {
    let mut sources = Sources {
        config_files: project.config_files.clone(),
        directory: project.working_dir.clone(),
        env_files: project.environment_files.clone(),
        texts: BTreeMap::new(),
    };
    loop {
        // Files that are no YAML are left to compose, whose message says where and why.
        let missing = sources.missing().unwrap_or_default();
        if missing.is_empty() {
            return Ok(sources);
        }
        for path in missing {
            let text = if sources.config_files.contains(&path) {
                let text = read(engine, &path).await?;
                Some(
                    text.ok_or_else(|| UpdateError::NoComposeFile { service: service.to_owned(), path: path.clone() })?,
                )
            } else {
                read_if_possible(engine, &path).await?
            };
            sources.texts.insert(path, text);
        }
    }
}

/// What no label leads to may not be read. Then the image cannot be changed there, which the edit says.
async fn read_if_possible(engine: &dyn Engine, path: &str) -> Result<Option<String>, UpdateError> {
    match read(engine, path).await {
        Err(UpdateError::Engine(error)) if error.kind == EngineErrorKind::Away => Err(error.into()),
        result => Ok(result.unwrap_or_default()),
    }
}

async fn read(engine: &dyn Engine, path: &str) -> Result<Option<String>, UpdateError> {
    let Some(content) = engine.read_file(path).await? else { return Ok(None) };
    let text = String::from_utf8(content).map_err(|_| UpdateError::NotText { path: path.to_owned() })?;
    Ok(Some(text))
}

async fn ports(engine: &dyn Engine, container: &Container) -> Result<Vec<Port>, UpdateError> {
    if !container.is_up() || container.published_ports.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<_> =
        container.published_ports.iter().map(|port| WantedPort { port: *port, answer: None, path: None }).collect();
    match engine.probe_ports(&container.id, &wanted, PROBE_LIMIT).await {
        // A page that is moved or wants a password by now is no failure; that it is served is all there is to go by.
        Ok(ports) => {
            Ok(ports.iter().map(|port| Port { port: port.port, answer: port.answer.min(PortAnswer::Http) }).collect())
        }
        Err(error) if error.kind == EngineErrorKind::Away => Err(error.into()),
        Err(error) => {
            // Without it the new version has less to prove; that is no reason not to update.
            tracing::warn!(container.name = container.name, error = %error, "cannot tell what the ports answer");
            Ok(Vec::new())
        }
    }
}

/// Applications hold their locks in a directory that is mounted at these paths of their containers.
const LOCK_DIRECTORIES: [&str; 2] = ["/tmp/balena", "/tmp/resin"];

/// Where the running containers of a container's project, or it alone, and those that follow it keep their update locks. One
/// that does not run holds nothing.
pub(crate) fn locks(subject: &Container, following: &[&Container], all: &[Container]) -> Vec<LockPlace> {
    let project = |container: &Container| container.labels.get("com.docker.compose.project").cloned();
    let is_concerned = |container: &&Container| {
        container.is_up()
            && (container.id == subject.id
                || project(subject).is_some_and(|own| project(container) == Some(own))
                || following.iter().any(|follower| follower.id == container.id))
    };
    lock_places(all.iter().filter(is_concerned))
}

/// Where containers keep their update locks, each place once.
pub(crate) fn lock_places<'a>(containers: impl Iterator<Item = &'a Container>) -> Vec<LockPlace> {
    let mut found: Vec<LockPlace> = Vec::new();
    for container in containers {
        for mount in &container.mounts {
            let directory = Source { kind: mount.kind, source: mount.source.clone() };
            let is_lock =
                LOCK_DIRECTORIES.contains(&mount.destination.trim_end_matches('/')) && mount.kind != MountKind::Other;
            if is_lock && found.iter().all(|known| known.directory != directory) {
                found.push(LockPlace { container: container.name.clone(), directory });
            }
        }
    }
    found
}

fn shared(subject: &Container, peers: &[Container], all: &[Container]) -> Vec<Shared> {
    all.iter()
        .filter(|other| other.id != subject.id && other.is_up())
        .filter(|other| peers.iter().all(|peer| peer.id != other.id))
        .filter_map(|other| {
            let mounts = subject.mounts.iter().chain(peers.iter().flat_map(|peer| &peer.mounts));
            let sources: Vec<String> = mounts
                .filter(|mount| {
                    other
                        .mounts
                        .iter()
                        .any(|theirs| theirs.is_writable && theirs.kind == mount.kind && theirs.source == mount.source)
                })
                .map(|mount| mount.source.clone())
                .collect();
            (!sources.is_empty()).then(|| Shared { container: other.name.clone(), sources })
        })
        .collect()
}
