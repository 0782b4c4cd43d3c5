//! The settings of the gateway: `gateway.toml`, overlaid with `HOMEPORT_GATEWAY__<SECTION>__<KEY>`.

mod proxies;
mod tls;

use std::{path::PathBuf, time::Duration};

use homeport_service::config::Environment;
use serde::Deserialize;

pub use proxies::{Network, ProxyHeader};
pub use tls::{AcmeConfig, TlsConfig};

/// All settings of the gateway.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The listener and what it takes from a client.
    pub http: HttpConfig,
    /// HTTPS.
    pub tls: TlsConfig,
    /// Certificates from an authority that gives them out by itself.
    pub acme: AcmeConfig,
    /// How credentials are checked.
    pub auth: AuthConfig,
    /// Clients of Docksmith.
    pub docksmith: DocksmithConfig,
    /// Event streams.
    pub events: EventsConfig,
    /// What is proxied to plugins.
    pub plugins: PluginsConfig,
    /// The device supervisor's API.
    pub supervisor: SupervisorConfig,
}

impl Config {
    /// Takes `STATIC_DIR`, which Docksmith's users have set, where Homeport's own name says nothing.
    pub(crate) fn with_docksmith_names(mut self, environment: &Environment) -> Self {
        let named = environment.get("STATIC_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        self.http.static_dir = self.http.static_dir.or(named);
        self
    }
}

/// The `[http]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to serve HTTP on. The variable `HOMEPORT_HTTP` wins over it. Default `127.0.0.1:8080`.
    pub listen: String,
    /// Threads that serve requests. 0, the default: one for each core, 16 at most.
    pub workers: usize,
    /// Connections at the same time; further ones wait in the kernel's queue until one ends. Default 1024.
    pub max_connections: usize,
    /// Connections of one client's address at the same time, of IPv6 those that begin with the same 64 bits; further ones
    /// are closed. This machine and `trusted_proxies` have as many as they like. Default: half of `max_connections`.
    pub max_connections_per_address: Option<usize>,
    /// Bytes of a request's line and headers together, at least 8192; more is answered with 431. Default 65536.
    pub max_header_bytes: usize,
    /// Milliseconds that a client may take to send a request's headers, waiting for it on a kept-alive connection
    /// included; then the connection is closed. Default 60000.
    pub header_timeout_ms: u64,
    /// Milliseconds in which a client has to take something of what it is sent; then the connection is closed. A stream that
    /// has nothing to say waits for nothing. Default 30000.
    pub write_timeout_ms: u64,
    /// Bytes of a request body that the gateway itself reads; more is answered with 413. Default 1048576 (1 MiB).
    pub max_body_bytes: usize,
    /// Milliseconds that a client may take to send such a body; then the answer is 408. Default 30000.
    pub body_timeout_ms: u64,
    /// Milliseconds that requests may go on after the drain began; then they are cut. Default 8000.
    pub drain_limit_ms: u64,
    /// Reverse proxies that are believed when they say on whose behalf they ask, as addresses or networks
    /// (`["10.0.0.2", "fd00::/8"]`). Default: none.
    pub trusted_proxies: Vec<Network>,
    /// The header in which they say it, `x-forwarded-for` (with `x-forwarded-proto`) or `forwarded`. The other one is
    /// not looked at: it may be the client's own. Default `x-forwarded-for`.
    pub proxy_header: ProxyHeader,
    /// Folder of a web page, such as Docksmith's, that everybody is shown at every path that is none of an API's. The
    /// variable `STATIC_DIR` is taken where this says nothing. Default: none.
    pub static_dir: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            workers: 0,
            max_connections: 1024,
            max_connections_per_address: None,
            max_header_bytes: 64 << 10,
            header_timeout_ms: 60_000,
            write_timeout_ms: 30_000,
            max_body_bytes: 1 << 20,
            body_timeout_ms: 30_000,
            drain_limit_ms: 8_000,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            static_dir: None,
        }
    }
}

/// The `[auth]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Milliseconds for which a credential that was good for a path is not asked about again. Auth tells at once when it
    /// ends; while auth cannot be heard, every request asks. 0 turns it off. Default 30000.
    pub cache_ms: u64,
    /// Milliseconds between two looks at whether the credential behind an open stream is still good, besides those when
    /// auth says that something ended. Default 60000.
    pub recheck_ms: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { cache_ms: 30_000, recheck_ms: 60_000 }
    }
}

/// The `[docksmith]` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocksmithConfig {
    /// File with an API token. Clients of Docksmith's API on this very machine that send no credential may do what that
    /// token may: they connect from a loopback address, through no proxy, to `localhost` or a loopback address. It is read
    /// at the start. Default: none, and everybody needs a credential.
    pub loopback_token_file: Option<PathBuf>,
    /// Where Docker's `config.json` is on the host, which clients show as a text. Default: not said.
    pub host_config_path: Option<String>,
}

/// The `[events]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Events that are kept for clients that come back with a `Last-Event-ID`; the oldest go first. Default 1024.
    pub ring: usize,
    /// Bytes of topics and values that are kept so at most. Default 16777216 (16 MiB).
    pub ring_bytes: usize,
    /// Events that wait for one slow client; then progress is left out, then the oldest, and the client is told how
    /// many. Default 256.
    pub queue: usize,
    /// Bytes of topics and values that wait so at most; one event may always wait. Default 8388608 (8 MiB).
    pub queue_bytes: usize,
    /// Event streams and websockets at the same time; further streams are answered with 503, further websockets closed
    /// with 1013. Default 256.
    pub max_clients: usize,
    /// Streams at the same time that begin in the past, each of which reads the bus by itself; further ones are answered
    /// with 503. Default 32.
    pub max_replays: usize,
    /// Milliseconds of silence after which a stream sends a comment. Default 15000.
    pub keepalive_ms: u64,
    /// Milliseconds between two pings of a websocket. One that has said nothing from one ping to the next is closed.
    /// Default 30000.
    pub ping_ms: u64,
    /// Milliseconds that a websocket may take to say who it is; then it is closed. Default 10000.
    pub handshake_ms: u64,
    /// Websockets that have not said who they are at the same time; further ones are answered with 429. Default 32.
    pub max_handshakes: usize,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self {
            ring: 1024,
            ring_bytes: 16 << 20,
            queue: 256,
            queue_bytes: 8 << 20,
            max_clients: 256,
            max_replays: 32,
            keepalive_ms: 15_000,
            ping_ms: 30_000,
            handshake_ms: 10_000,
            max_handshakes: 32,
        }
    }
}

/// The `[plugins]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginsConfig {
    /// Directory that every plugin's socket must be in, and that `/state` at the beginning of a `UnixPath` stands for.
    /// Default: the state directory.
    pub root: Option<PathBuf>,
    /// Milliseconds between two looks at `api.json`, for file systems that do not report changes. Default 500.
    pub poll_ms: u64,
    /// Milliseconds that a plugin may take until its response's headers, from the last byte of the request on; then the
    /// answer is 504. Default 60000.
    pub header_timeout_ms: u64,
    /// Bytes of a request body that is proxied; more is answered with 413. Default 4294967296 (4 GiB).
    pub max_body_bytes: u64,
    /// The last part of the names that plugins are reached at besides their paths: `<URI>.plugins.<domain>`. Default
    /// `spr.lan`, which existing plugins link to.
    pub domain: String,
    /// Connections that each worker keeps open to one plugin while nothing is asked of it. Default 64.
    pub max_idle_connections: usize,
    /// Upgraded connections (WebSockets) at the same time; further ones are answered with 503. Default 256.
    pub max_tunnels: usize,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            root: None,
            poll_ms: 500,
            header_timeout_ms: 60_000,
            max_body_bytes: 4 << 30,
            domain: "spr.lan".to_owned(),
            max_idle_connections: 64,
            max_tunnels: 256,
        }
    }
}

/// The `[supervisor]` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisorConfig {
    /// Addresses and ports at which the device supervisor's API is served as well, and nothing else: its existing clients look
    /// at port 48484 of the machine itself (`["127.0.0.1:48484"]`) and of the network that they share with it. Default: none.
    pub listen: Vec<String>,
}

/// A setting in milliseconds as a duration.
pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
