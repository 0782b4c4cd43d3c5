//! What there is: containers, images, networks and volumes of one moment, and who uses what.

mod sizes;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

pub(crate) use sizes::Sizes;

use crate::{document::Document as _, engine::Engine, error::EngineError, own, snapshot, workshop};

/// Repositories that no registry has, for what Homeport keeps.
pub(crate) const KEPT_REPOSITORIES: &str = "homeport.local/";
/// Networks that the engine makes for itself.
const DEFAULT_NETWORKS: [&str; 3] = ["bridge", "host", "none"];

/// Everything of one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inventory {
    /// Ordered by name, helpers included.
    pub(crate) containers: Vec<Container>,
    /// Newest first.
    pub(crate) images: Vec<Image>,
    /// Ordered by name.
    pub(crate) networks: Vec<Network>,
    /// Ordered by name.
    pub(crate) volumes: Vec<Volume>,
}

/// A container as the engine lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) image_id: String,
    /// The engine's word.
    pub(crate) state: String,
    /// healthy, unhealthy, starting, or empty.
    pub(crate) health: &'static str,
    /// Unix seconds.
    pub(crate) created: i64,
    pub(crate) labels: HashMap<String, String>,
    /// Names of its networks.
    pub(crate) networks: BTreeSet<String>,
    /// Names of its volumes.
    pub(crate) volumes: BTreeSet<String>,
    /// One of Homeport's processes.
    pub(crate) is_own: bool,
    /// One of Homeport's helpers.
    pub(crate) is_helper: bool,
}

/// An image as the engine lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) tags: Vec<String>,
    pub(crate) size: u64,
    /// Of `size`, what no other image has. None: the engine did not say.
    pub(crate) unshared: Option<u64>,
    pub(crate) created: i64,
    pub(crate) in_use: bool,
    pub(crate) kept: bool,
}

/// A network as the engine lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) scope: String,
    /// Names of containers.
    pub(crate) users: Vec<String>,
    /// The engine's own, or of a kind that is not used by itself.
    pub(crate) is_default: bool,
    pub(crate) is_special: bool,
    pub(crate) created: String,
}

/// A volume as the engine lists it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) mount_point: String,
    /// Names of containers.
    pub(crate) users: Vec<String>,
    pub(crate) size: Option<u64>,
    pub(crate) created: String,
    /// The engine made it for a container that asked for none by name.
    pub(crate) is_anonymous: bool,
    pub(crate) kept: bool,
}

/// Asks for everything at once. With `unshared`, also for what images share, which takes the engine longer.
pub(crate) async fn take(
    engine: &Engine,
    own_id: Option<&str>,
    sizes: &Sizes,
    unshared: bool,
) -> Result<Inventory, EngineError> {
    let images = format!("/images/json?shared-size={unshared}");
    let (containers, images, networks, volumes) = tokio::try_join!(
        engine.get("listing containers", "/containers/json?all=true"),
        engine.get("listing images", &images),
        engine.get("listing networks", "/networks"),
        engine.get("listing volumes", "/volumes"),
    )?;
    Ok(Inventory::of(&containers, &images, &networks, &volumes, own_id, &sizes.known()))
}

impl Inventory {
    fn of(
        containers: &Value,
        images: &Value,
        networks: &Value,
        volumes: &Value,
        own_id: Option<&str>,
        sizes: &BTreeMap<String, u64>,
    ) -> Self {
        let entries = |list: &Value| list.as_array().cloned().unwrap_or_default();
        let mut containers: Vec<Container> = entries(containers).iter().map(Container::of).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        own::mark(&mut containers, own_id);
        let used: BTreeSet<&str> = containers.iter().map(|container| container.image_id.as_str()).collect();
        let mut images: Vec<Image> = entries(images).iter().map(|image| Image::of(image, &used)).collect();
        images.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
        let mut networks: Vec<Network> =
            entries(networks).iter().map(|network| Network::of(network, &containers)).collect();
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        let volumes = volumes.list("Volumes").iter();
        let mut volumes: Vec<Volume> = volumes.map(|volume| Volume::of(volume, &containers, sizes)).collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Self { containers, images, networks, volumes }
    }
}

impl Container {
    fn of(entry: &Value) -> Self {
        // Further names are links from other containers, `/other/alias`.
        let names = entry.texts("Names");
        let own = names.iter().find(|name| name.matches('/').count() == 1).or_else(|| names.first());
        let labels = entry.labels("Labels");
        let volumes = entry.list("Mounts").iter().filter(|mount| mount.text("Type") == "volume");
        Self {
            id: entry.text("Id").to_owned(),
            name: own.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default(),
            image: entry.text("Image").to_owned(),
            image_id: entry.text("ImageID").to_owned(),
            state: entry.text("State").to_owned(),
            health: health(entry),
            created: entry.number("Created"),
            networks: entry.fields("NetworkSettings.Networks").map(|(name, _)| name.clone()).collect(),
            volumes: volumes.map(|mount| mount.text("Name").to_owned()).collect(),
            is_own: false,
            is_helper: labels.get(workshop::ROLE_LABEL).is_some_and(|role| own::is_helpers_role(role)),
            labels,
        }
    }
}

/// Newer engines say it in a field, all of them in the words for people.
fn health(entry: &Value) -> &'static str {
    let (field, words) = (entry.text("Health.Status"), entry.text("Status"));
    ["unhealthy", "healthy", "starting"]
        .into_iter()
        .find(|state| {
            *state == field || words.ends_with(&format!("({state})")) || words.ends_with(&format!(": {state})"))
        })
        .unwrap_or_default()
}

impl Image {
    fn of(entry: &Value, used: &BTreeSet<&str>) -> Self {
        let tags: Vec<String> = entry.texts("RepoTags").into_iter().filter(|tag| !tag.contains("<none>")).collect();
        let size = u64::try_from(entry.number("Size")).unwrap_or_default();
        let shared = entry.at("SharedSize").as_u64();
        Self {
            id: entry.text("Id").to_owned(),
            unshared: shared.map(|shared| size.saturating_sub(shared)),
            size,
            created: entry.number("Created"),
            in_use: used.contains(entry.text("Id")),
            kept: tags.iter().any(|tag| tag.starts_with(KEPT_REPOSITORIES)),
            tags,
        }
    }
}

impl Network {
    fn of(entry: &Value, containers: &[Container]) -> Self {
        let name = entry.text("Name").to_owned();
        let users = containers.iter().filter(|container| container.networks.contains(&name));
        Self {
            id: entry.text("Id").to_owned(),
            driver: entry.text("Driver").to_owned(),
            scope: entry.text("Scope").to_owned(),
            users: users.map(|container| container.name.clone()).collect(),
            is_default: DEFAULT_NETWORKS.contains(&name.as_str()),
            is_special: entry.flag("Ingress")
                || entry.flag("ConfigOnly")
                || entry.text("Scope") != "local"
                || name == "docker_gwbridge",
            created: entry.text("Created").to_owned(),
            name,
        }
    }
}

impl Volume {
    fn of(entry: &Value, containers: &[Container], sizes: &BTreeMap<String, u64>) -> Self {
        let name = entry.text("Name").to_owned();
        let users = containers.iter().filter(|container| container.volumes.contains(&name));
        let labels = entry.labels("Labels");
        Self {
            driver: entry.text("Driver").to_owned(),
            mount_point: entry.text("Mountpoint").to_owned(),
            users: users.map(|container| container.name.clone()).collect(),
            size: sizes.get(&name).copied(),
            created: entry.text("CreatedAt").to_owned(),
            // Engines before 23.0 set no label.
            is_anonymous: labels.contains_key("com.docker.volume.anonymous")
                || (name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())),
            kept: labels.contains_key(snapshot::ID_LABEL),
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inventory() -> Inventory {
        let containers = json!([
            { "Id": "1", "Names": ["/other/alias", "/web"], "Image": "nginx:1", "ImageID": "sha256:a", "State": "running",
              "Status": "Up 2 hours (healthy)", "Created": 7, "Labels": { "com.docker.compose.project": "site" },
              "NetworkSettings": { "Networks": { "front": {} } },
              "Mounts": [{ "Type": "volume", "Name": "data" }, { "Type": "bind", "Source": "/x" }] },
            { "Id": "2", "Names": ["/agent"], "Labels": { "com.docker.compose.project": "homeport" } },
            { "Id": "3", "Names": ["/gateway"], "Labels": { "com.docker.compose.project": "homeport" } },
            { "Id": "4", "Names": ["/help"], "Labels": { "homeport.role": "helper" } },
        ]);
        let images = json!([
            { "Id": "sha256:a", "RepoTags": ["nginx:1"], "Size": 10, "SharedSize": 4, "Created": 1 },
            { "Id": "sha256:b", "RepoTags": ["<none>:<none>"], "Size": 5, "SharedSize": -1, "Created": 2 },
            { "Id": "sha256:c", "RepoTags": ["homeport.local/rollback/web:x"], "Created": 3 },
        ]);
        let networks = json!([
            { "Id": "n1", "Name": "front", "Driver": "bridge", "Scope": "local" },
            { "Id": "n2", "Name": "bridge", "Driver": "bridge", "Scope": "local" },
            { "Id": "n3", "Name": "ingress", "Scope": "swarm", "Ingress": true },
        ]);
        let volumes = json!({ "Volumes": [
            { "Name": "data", "Driver": "local" },
            { "Name": "homeport-snapshot-1", "Labels": { "homeport.snapshot": "1" } },
            { "Name": "ab".repeat(32) },
        ] });
        let sizes = BTreeMap::from([("data".to_owned(), 99)]);
        Inventory::of(&containers, &images, &networks, &volumes, Some("2"), &sizes)
    }

    #[test]
    fn containers_are_named_by_their_own_names() {
        let inventory = inventory();
        let names: Vec<_> = inventory.containers.iter().map(|c| (c.name.as_str(), c.is_own, c.is_helper)).collect();
        let expected = [("agent", true, false), ("gateway", true, false), ("help", false, true), ("web", false, false)];
        assert_eq!(names, expected, "what runs in our own project is ours");
        assert_eq!(inventory.containers[3].health, "healthy");
    }

    #[test]
    fn s2_7_who_uses_what_is_known() {
        let inventory = inventory();
        let images: Vec<_> = inventory.images.iter().map(|i| (i.id.as_str(), i.in_use, i.kept, i.unshared)).collect();
        let expected =
            [("sha256:c", false, true, None), ("sha256:b", false, false, None), ("sha256:a", true, false, Some(6))];
        assert_eq!(images, expected);
        let networks: Vec<_> =
            inventory.networks.iter().map(|n| (n.name.as_str(), n.users.len(), n.is_default, n.is_special)).collect();
        assert_eq!(networks, [("bridge", 0, true, false), ("front", 1, false, false), ("ingress", 0, false, true)]);
        let volumes: Vec<_> =
            inventory.volumes.iter().map(|v| (v.users.len(), v.is_anonymous, v.kept, v.size)).collect();
        assert_eq!(volumes, [(0, true, false, None), (1, false, false, Some(99)), (0, false, true, None)]);
    }

    #[test]
    fn health_is_read_from_words_or_fields() {
        for (entry, expected) in [
            (json!({ "Status": "Up 3 seconds (health: starting)" }), "starting"),
            (json!({ "Status": "Up 3 seconds (unhealthy)" }), "unhealthy"),
            (json!({ "Status": "Up 3 seconds" }), ""),
            (json!({ "Health": { "Status": "healthy" } }), "healthy"),
            (json!({ "Health": { "Status": "none" }, "Status": "Exited (0) 2 hours ago" }), ""),
        ] {
            assert_eq!(health(&entry), expected, "{entry}");
        }
    }
}
