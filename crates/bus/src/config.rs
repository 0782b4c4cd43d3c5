//! Settings: `configs/bus.toml` and `HOMEPORT_BUS__<SECTION>__<KEY>`.

use std::time::Duration;

use homeport_service::peer::SocketConfig;
use serde::Deserialize;

use crate::broker::Limits;

/// The settings of the bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long subscribers may go on reading what is queued for them once the bus stops, in milliseconds. Default 500:
    /// clients whose bus is away for a second or more wait longer than that before they come back.
    pub drain_limit_ms: u64,
    /// Who may connect.
    pub socket: SocketSection,
    /// What one subscriber may cost.
    pub subscriber: SubscriberSection,
    /// What is kept for those who come later.
    pub store: StoreSection,
    /// Sockets for one client each, which has only some topics there. Default: none.
    pub client: Vec<ClientSection>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            drain_limit_ms: 500,
            socket: SocketSection::default(),
            subscriber: SubscriberSection::default(),
            store: StoreSection::default(),
            client: Vec::new(),
        }
    }
}

impl Config {
    /// How long subscribers may go on reading once the bus stops.
    pub const fn drain_limit(&self) -> Duration {
        Duration::from_millis(self.drain_limit_ms)
    }
}

/// The `[socket]` section.
///
/// Unlike the other services' sockets this one is open to every user: plugins run as whoever they like, and may use the
/// bus exactly if its directory is mounted into their container.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocketSection {
    /// Permission bits of the socket file, octal text. Default `0666`.
    pub mode: String,
    /// Id of the group that the socket file belongs to. Default: the group of the process.
    pub gid: Option<u32>,
    /// User ids that may connect besides the service's own and root, if `allow_any_uid` is off. Default: none.
    pub allowed_uids: Vec<u32>,
    /// Let every user id connect that the permission bits let through. Default: yes.
    pub allow_any_uid: bool,
}

impl Default for SocketSection {
    fn default() -> Self {
        Self { mode: "0666".to_owned(), gid: None, allowed_uids: Vec::new(), allow_any_uid: true }
    }
}

impl From<SocketSection> for SocketConfig {
    fn from(section: SocketSection) -> Self {
        let SocketSection { mode, gid, allowed_uids, allow_any_uid } = section;
        Self { mode, gid, allowed_uids, allow_any_uid }
    }
}

/// The `[store]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// Events whose topic begins with one of these are kept on disk. Default: the platform's own, `update:`, `docker:`,
    /// `app:`, `backup:`, `host:`, `service:`, `bus:`, `auth:`, `plugin:`, `alert:`.
    pub prefixes: Vec<String>,
    /// How long, in hours. Default 168, a week.
    pub hours: u32,
    /// How much of them, in bytes; the oldest go first. Default 268435456.
    pub bytes: u64,
    /// Other events that stay in memory, the newest. Default 4096.
    pub ring_events: usize,
    /// Bytes of them. Default 4194304.
    pub ring_bytes: usize,
}

impl Default for StoreSection {
    fn default() -> Self {
        let platform =
            ["update:", "docker:", "app:", "backup:", "host:", "service:", "bus:", "auth:", "plugin:", "alert:"];
        Self {
            prefixes: platform.map(str::to_owned).to_vec(),
            hours: 7 * 24,
            bytes: 256 << 20,
            ring_events: 4096,
            ring_bytes: 4 << 20,
        }
    }
}

/// A `[[client]]` section: a socket for one client, to be mounted into its container alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSection {
    /// Path of the socket, `<directory>/eventbus.sock`; a relative one begins at the state directory.
    pub socket: std::path::PathBuf,
    /// The client may publish topics that begin with one of these. Default: none.
    #[serde(default)]
    pub publish: Vec<String>,
    /// The client may subscribe to prefixes that begin with one of these. Default: none.
    #[serde(default)]
    pub subscribe: Vec<String>,
}

/// The `[subscriber]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubscriberSection {
    /// Events that wait for one subscriber at most; then it misses the newest. Default 4096.
    pub queue_events: usize,
    /// Bytes that wait for one subscriber at most; then it misses the newest. An empty queue takes an event of any size.
    /// Default 8388608, two of the largest events.
    pub queue_bytes: usize,
    /// How long a subscriber on the JSON-lines protocol may leave its full queue alone before it is cut off, in
    /// milliseconds. Default 5000. (On gRPC a subscriber stays and misses events.)
    pub stall_limit_ms: u64,
    /// Subscriptions at a time; more are refused: RESOURCE_EXHAUSTED, or a closed connection. Default 4096.
    pub count_max: usize,
}

impl Default for SubscriberSection {
    fn default() -> Self {
        Self { queue_events: 4096, queue_bytes: 2 * crate::MAX_EVENT_BYTES, stall_limit_ms: 5000, count_max: 4096 }
    }
}

impl SubscriberSection {
    pub(crate) const fn stall_limit(&self) -> Duration {
        Duration::from_millis(self.stall_limit_ms)
    }

    pub(crate) const fn limits(&self) -> Limits {
        Limits { queue_events: self.queue_events, queue_bytes: self.queue_bytes, subscribers: self.count_max }
    }
}

#[cfg(test)]
mod tests {
    use homeport_service::config::{Environment, load};

    use super::*;

    #[test]
    fn a_mode_of_ones_own_does_not_close_the_socket_to_other_users() {
        let environment = Environment::from_iter([("HOMEPORT_BUS__SOCKET__MODE", "\"0600\"")]);
        let config: Config = load("bus", std::path::Path::new("/nonexistent"), &environment).unwrap();
        assert_eq!((config.socket.mode.as_str(), config.socket.allow_any_uid), ("0600", true));
    }
}
