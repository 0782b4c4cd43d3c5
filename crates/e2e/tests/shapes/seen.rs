//! What the engine says of a project's containers, as far as an update may not change it.

use std::collections::BTreeMap;

use homeport_e2e::{Engine, Project};
use serde_json::Value;

/// A container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) is_running: bool,
    /// Values by path, without those that every container has for itself or from its image.
    values: BTreeMap<String, Value>,
}

/// What the image gives, what is written down about the making.
const OWN: [&str; 6] = [
    "/Config/Image",
    "/Config/Labels/com.docker.compose.config-hash",
    "/Config/Labels/com.docker.compose.depends_on",
    "/Config/Labels/com.docker.compose.image",
    "/Config/Labels/com.docker.compose.replace",
    "/Config/Labels/homeport.operation",
];

/// What the engine gives each container of a network, below [`NETWORKS`].
const OF_A_NETWORK: [&str; 5] = ["/EndpointID", "/Gateway", "/IPAddress", "/MacAddress", "/NetworkID"];

/// The networks of a container.
const NETWORKS: &str = "/NetworkSettings/Networks";

/// The project's containers, ordered by name.
pub(crate) fn containers(engine: &Engine, project: &Project) -> anyhow::Result<Vec<Seen>> {
    let directory = project.directory.display();
    let mut names = engine.containers(&format!("label=com.docker.compose.project.working_dir={directory}"))?;
    names.sort();
    names.into_iter().map(|name| seen(engine, name)).collect()
}

fn seen(engine: &Engine, name: String) -> anyhow::Result<Seen> {
    let document = engine.inspect(&name)?;
    let text = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = text("/Id");
    let mut values = BTreeMap::new();
    for part in ["/Config", "/HostConfig", "/Mounts", NETWORKS] {
        gather(document.pointer(part).unwrap_or(&Value::Null), part, &id, &mut values);
    }
    Ok(Seen {
        service: document["Config"]["Labels"]["com.docker.compose.service"].as_str().unwrap_or_default().to_owned(),
        image: text("/Config/Image"),
        is_running: document["State"]["Running"] == true,
        name,
        id,
        values,
    })
}

/// All values below one, by path; lists whose order means nothing are sorted.
fn gather(value: &Value, path: &str, id: &str, values: &mut BTreeMap<String, Value>) {
    if OWN.contains(&path) || path.starts_with(NETWORKS) && OF_A_NETWORK.iter().any(|own| path.ends_with(own)) {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                gather(value, &format!("{path}/{key}"), id, values);
            }
        }
        Value::Array(items) => {
            let items = items.iter().filter(|item| !is_made_on_the_way(item)).map(|item| named(item, id));
            let mut items: Vec<Value> = items.filter(|item| item != OWN_NAME).collect();
            items.sort_by_key(Value::to_string);
            // A list of nothing is no list.
            if !items.is_empty() {
                values.insert(path.to_owned(), Value::Array(items));
            }
        }
        value => {
            values.insert(path.to_owned(), named(value, id));
        }
    }
}

/// Whether an item is a volume that nobody named, among the mounts that were asked for: a successor is given that of the
/// container before, and [`Seen`] has it among the mounts that there are.
fn is_made_on_the_way(item: &Value) -> bool {
    let is_volume = item["Type"] == "volume" && item.get("Target").is_some();
    is_volume && item["Source"].as_str().is_none_or(is_id)
}

/// What stands for a container's own id.
const OWN_NAME: &str = "…";

/// A value without the part that names the container itself, or another by its id.
fn named(value: &Value, id: &str) -> Value {
    let short = id.get(..12).unwrap_or(id);
    match value {
        Value::String(text) if text.starts_with("container:") => "container:…".into(),
        // The name of a host is the id of a container, if nobody gave it one: of this one, or of the one it lives in.
        Value::String(text) if is_id(text) && text.len() == 12 => OWN_NAME.into(),
        Value::String(text) if text.contains(short) => text.replace(id, OWN_NAME).replace(short, OWN_NAME).into(),
        // How a volume was asked for, for which there are several words.
        Value::Object(fields) if fields.get("Type").is_some_and(|kind| kind == "volume") => {
            fields.iter().filter(|(key, _)| *key != "Mode").map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        value => value.clone(),
    }
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 12 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Seen {
    /// What is different in another, `path: this → that`.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let paths = self.values.keys().chain(other.values.keys()).collect::<std::collections::BTreeSet<_>>();
        let of = |seen: &Self, path: &str| seen.values.get(path).cloned().unwrap_or_default();
        paths
            .into_iter()
            .filter(|path| of(self, path) != of(other, path))
            .map(|path| format!("{path}: {} → {}", of(self, path), of(other, path)))
            .collect()
    }
}
