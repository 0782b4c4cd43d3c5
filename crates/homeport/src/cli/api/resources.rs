//! The documents of what the engine has, as far as tables are made of them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Everything; of it the containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Explorer {
    pub(crate) containers: Vec<Item>,
}

/// A container.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) stack: Option<String>,
    pub(crate) image: String,
    pub(crate) state: String,
    pub(crate) health_status: String,
    /// Unix seconds.
    pub(crate) created: i64,
    pub(crate) networks: Vec<String>,
}

/// An image.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) tags: Vec<String>,
    pub(crate) size: u64,
    pub(crate) in_use: bool,
    pub(crate) kept: bool,
}

/// A network.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Network {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) scope: String,
    pub(crate) containers: Vec<String>,
    pub(crate) is_default: bool,
}

/// A volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) containers: Vec<String>,
    /// -1: not known.
    pub(crate) size: i64,
    pub(crate) kept: bool,
}

/// What a container uses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stats {
    pub(crate) cpu_percent: f64,
    pub(crate) memory_usage: u64,
    pub(crate) memory_limit: u64,
    pub(crate) memory_percent: f64,
    pub(crate) network_rx: u64,
    pub(crate) network_tx: u64,
}

/// What a container is labelled with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Labels {
    pub(crate) labels: BTreeMap<String, String>,
}

/// What came of something that was done to several containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Acted {
    pub(crate) results: Vec<ActedOne>,
}

/// What came of it for one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActedOne {
    pub(crate) container: String,
    pub(crate) success: bool,
    pub(crate) error: Option<String>,
    pub(crate) operation_id: Option<String>,
}

/// What went, or would.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pruned {
    pub(crate) items: Vec<PrunedItem>,
    pub(crate) space_reclaimed: u64,
}

/// One of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PrunedItem {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) size: u64,
}
