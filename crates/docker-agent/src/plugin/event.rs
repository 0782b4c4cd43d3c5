//! What the bus hears of plugins: SPR's own topics and keys, and Homeport's beside them.

use homeport_bus_client::Publisher;
use serde::Serialize;

/// Topic of [`Docker`]: the containers of a plugin are being started.
pub(super) const STARTING: &str = "plugin:docker:starting";
/// Topic of [`Docker`]: they run.
pub(super) const STARTED: &str = "plugin:docker:started";
/// Topic of [`Docker`]: they were stopped.
pub(super) const STOPPED: &str = "plugin:docker:stopped";
/// Topic of [`Docker`]: containers and networks are gone.
pub(super) const REMOVED: &str = "plugin:docker:removed";
/// Topic of [`Failure`].
const FAILURE: &str = "plugin:docker:failure";
/// Topics of [`Download`].
pub(super) const DOWNLOADED: &str = "plugin:download:success";
pub(super) const EXISTS: &str = "plugin:download:exists";
pub(super) const NOT_DOWNLOADED: &str = "plugin:download:failure";
/// Topics of [`Install`].
pub(super) const INSTALLING: &str = "plugin:install:status";
pub(super) const NOT_INSTALLED: &str = "plugin:install:failure";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Docker<'a> {
    /// The plugin.
    name: &'a str,
    /// Its compose file, relative to where Homeport is installed.
    compose_file: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure<'a> {
    /// What failed.
    reason: &'a str,
    /// In compose's or the engine's words.
    message: &'a str,
    /// The compose file, relative to where Homeport is installed.
    compose_file: &'a str,
}

#[derive(Debug, Serialize)]
struct Download<'a> {
    /// The repository.
    #[serde(rename = "GitURL")]
    git_url: &'a str,
    /// Why not.
    #[serde(rename = "Reason", skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct Install<'a> {
    /// The plugin.
    #[serde(rename = "Name", skip_serializing_if = "str::is_empty")]
    name: &'a str,
    /// The repository.
    #[serde(rename = "GitURL")]
    git_url: &'a str,
    /// How far it is, or why it goes no further.
    #[serde(rename = "Reason")]
    reason: &'a str,
}

/// Tells the bus.
#[derive(Clone)]
pub(super) struct Events(pub(super) Publisher);

impl Events {
    pub(super) fn docker(&self, topic: &'static str, name: &str, compose_file: &str) {
        self.0.publish(topic, &Docker { name, compose_file });
    }

    pub(super) fn docker_failure(&self, reason: &str, message: &str, compose_file: &str) {
        self.0.publish(FAILURE, &Failure { reason, message, compose_file });
    }

    pub(super) fn download(&self, topic: &'static str, git_url: &str, reason: &str) {
        self.0.publish(topic, &Download { git_url, reason });
    }

    pub(super) fn install(&self, topic: &'static str, name: &str, git_url: &str, reason: &str) {
        self.0.publish(topic, &Install { name, git_url, reason });
    }
}
