//! What the gateway counts, in the words of Prometheus.

mod bus;

use std::{cell::RefCell, sync::OnceLock, time::Duration};

use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub(crate) use bus::text as bus_text;

use crate::upstream::ServiceHealth;

/// The label of all requests to plugins.
pub(crate) const PLUGIN_ROUTE: &str = "/plugins/{*path}";
/// What becomes of most requests to plugins.
const WELL: &str = "2xx";
const REQUESTS: &str = "homeport_http_requests_total";
const REQUEST_SECONDS: &str = "homeport_http_request_duration_seconds";
const PROXIED: &str = "homeport_plugin_requests_total";
const PROXY_SECONDS: &str = "homeport_plugin_response_header_seconds";
const TUNNELS: &str = "homeport_plugin_tunnels";
const PLUGINS: &str = "homeport_plugins";
const RELOADS: &str = "homeport_plugin_reloads_total";
const STREAM_CLIENTS: &str = "homeport_event_stream_clients";
const WEBSOCKET_CLIENTS: &str = "homeport_websocket_clients";
const STREAM_DROPPED: &str = "homeport_event_stream_dropped_total";
const BUS_EVENTS: &str = "homeport_bus_events_total";
const BUS_LOST: &str = "homeport_bus_connections_lost_total";
const SERVICE_UP: &str = "homeport_service_up";
const MEMORY: &str = "process_resident_memory_bytes";
const CONNECTIONS: &str = "homeport_http_connections";
const DECISION_SECONDS: &str = "homeport_credential_decision_seconds";

/// From what a local socket takes to what a check of the registry takes.
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];
/// From a look into the memory to a call of auth.
const DECISION_BUCKETS_SECONDS: [f64; 14] = [
    0.000_001, 0.000_002, 0.000_003, 0.000_005, 0.000_007, 0.000_01, 0.000_015, 0.000_02, 0.000_05, 0.000_1, 0.000_5,
    0.001, 0.01, 0.1,
];
/// Bytes of a page; the kernel counts memory in them.
const PAGE_BYTES: f64 = 4096.0;

/// The counters of this process. There is one set, however many gateways run in it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The way to the counters' text.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting, unless this process does already.
    pub(crate) fn install() -> Self {
        Self(RECORDER.get_or_init(recorder).clone())
    }

    /// All counters as text, with the health of the services and the memory of this process as they are now.
    pub(crate) fn render(&self, services: &[ServiceHealth]) -> String {
        for health in services {
            gauge!(SERVICE_UP, "service" => health.service).set(f64::from(u8::from(health.serving)));
        }
        if let Some(bytes) = resident_bytes() {
            gauge!(MEMORY).set(bytes);
        }
        self.0.render()
    }

    /// Sorts in what was measured since the last time; to be called every few seconds, so that it does not pile up.
    pub(crate) fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn recorder() -> PrometheusHandle {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_SECONDS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Full(DECISION_SECONDS.to_owned()), &DECISION_BUCKETS_SECONDS)
        });
    let recorder = match builder {
        Ok(builder) => builder,
        // Only an empty list of buckets is an error.
        Err(_) => PrometheusBuilder::new(),
    }
    .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another part of this process counts already; the gateway's metrics stay empty");
    }
    describe();
    handle
}

fn describe() {
    describe_counter!(REQUESTS, "Requests by route template, method and status.");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "Time until a response's headers, by route template.");
    describe_counter!(PROXIED, "Requests to plugins, by plugin and outcome.");
    describe_histogram!(PROXY_SECONDS, Unit::Seconds, "Time until a plugin's response headers, by plugin.");
    describe_gauge!(TUNNELS, "Upgraded connections to plugins.");
    describe_gauge!(PLUGINS, "Plugins that are reachable.");
    describe_counter!(RELOADS, "Changes of api.json, by outcome.");
    describe_gauge!(STREAM_CLIENTS, "Clients of the event streams, those on websockets included.");
    describe_gauge!(WEBSOCKET_CLIENTS, "Clients that follow events on a websocket.");
    describe_counter!(STREAM_DROPPED, "Events that slow clients missed.");
    describe_counter!(BUS_EVENTS, "Events from the bus, by first segment of the topic.");
    describe_counter!(BUS_LOST, "How often the bus went away.");
    describe_gauge!(SERVICE_UP, "Whether a service serves.");
    describe_gauge!(MEMORY, Unit::Bytes, "Resident memory of the process that serves this.");
    describe_gauge!(CONNECTIONS, "Open connections of clients.");
    describe_histogram!(
        DECISION_SECONDS,
        Unit::Seconds,
        "Time until a request with a good credential was decided upon, by whether the answer was remembered."
    );
}

/// Counts a request. `route` is the template; requests that match none share one label.
pub(crate) fn count_request(route: Option<&str>, method: &'static str, status: u16, elapsed: Duration) {
    thread_local! {
        /// A page polls the same route again and again: what it counts on is looked up once.
        static LAST: RefCell<Option<Counted>> = const { RefCell::new(None) };
    }
    let route = route.unwrap_or("unmatched");
    LAST.with_borrow_mut(|last| {
        let same = last.take().filter(|last| last.status == status && last.method == method && last.route == route);
        let counted = last.insert(same.unwrap_or_else(|| Counted::new(route, method, status)));
        counted.requests.increment(1);
        counted.seconds.record(elapsed.as_secs_f64());
    });
}

/// What requests of one kind are counted on.
struct Counted {
    route: String,
    method: &'static str,
    status: u16,
    requests: Counter,
    seconds: Histogram,
}

impl Counted {
    fn new(route: &str, method: &'static str, status: u16) -> Self {
        let label = route.to_owned();
        let requests = counter!(REQUESTS, "route" => label.clone(), "method" => method, "status" => status.to_string());
        let seconds = histogram!(REQUEST_SECONDS, "route" => label, "method" => method);
        Self { route: route.to_owned(), method, status, requests, seconds }
    }
}

/// Counts what most requests to plugins are: a GET that went well. As [`count_request`], looked up once.
pub(crate) fn count_plugin_read(elapsed: Duration) {
    static COUNTS: OnceLock<(metrics::Counter, metrics::Histogram)> = OnceLock::new();
    let (requests, seconds) = COUNTS.get_or_init(|| {
        (
            counter!(REQUESTS, "route" => PLUGIN_ROUTE, "method" => "GET", "status" => "200"),
            histogram!(REQUEST_SECONDS, "route" => PLUGIN_ROUTE, "method" => "GET"),
        )
    });
    requests.increment(1);
    seconds.record(elapsed.as_secs_f64());
}

/// Counts a decision about a good credential. Looked up once, because every request needs one.
pub(crate) fn count_decision(was_remembered: bool, elapsed: Duration) {
    static SECONDS: OnceLock<[metrics::Histogram; 2]> = OnceLock::new();
    let [asked, remembered] = SECONDS.get_or_init(|| {
        [histogram!(DECISION_SECONDS, "remembered" => "no"), histogram!(DECISION_SECONDS, "remembered" => "yes")]
    });
    let seconds = if was_remembered { remembered } else { asked };
    seconds.record(elapsed.as_secs_f64());
}

/// What is counted of one plugin. Looked up once, because there are many requests.
#[derive(Clone)]
pub(crate) struct PluginCounts {
    name: String,
    well: metrics::Counter,
    seconds: metrics::Histogram,
}

impl PluginCounts {
    /// The counts of a plugin, by its name.
    pub(crate) fn new(plugin: &str) -> Self {
        Self {
            name: plugin.to_owned(),
            well: counter!(PROXIED, "plugin" => plugin.to_owned(), "outcome" => WELL),
            seconds: histogram!(PROXY_SECONDS, "plugin" => plugin.to_owned()),
        }
    }

    /// Counts a request by what became of it: the class of its status, or why there is none.
    pub(crate) fn count(&self, outcome: &'static str, elapsed: Duration) {
        if outcome == WELL {
            self.well.increment(1);
        } else {
            counter!(PROXIED, "plugin" => self.name.clone(), "outcome" => outcome).increment(1);
        }
        self.seconds.record(elapsed.as_secs_f64());
    }
}

impl std::fmt::Debug for PluginCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PluginCounts").field(&self.name).finish()
    }
}

/// Counts a change of `api.json`.
pub(crate) fn count_reload(outcome: &'static str, plugins: usize) {
    counter!(RELOADS, "outcome" => outcome).increment(1);
    gauge!(PLUGINS).set(u32::try_from(plugins).unwrap_or(u32::MAX));
}

/// Counts an event of the bus.
pub(crate) fn count_event(topic: &str) {
    // Any process may publish any topic, and each label is kept for ever.
    let kind = match topic.split(':').next() {
        Some(
            kind @ ("update" | "docker" | "app" | "backup" | "host" | "service" | "bus" | "auth" | "plugin" | "log"),
        ) => kind.to_owned(),
        _ => "other".to_owned(),
    };
    counter!(BUS_EVENTS, "kind" => kind).increment(1);
}

/// Counts a loss of the bus.
pub(crate) fn count_bus_loss() {
    counter!(BUS_LOST).increment(1);
}

/// Counts events that a slow client missed.
pub(crate) fn count_dropped(events: u64) {
    counter!(STREAM_DROPPED).increment(events);
}

/// Something of which there are more or fewer, counted for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held(&'static str);

impl Held {
    /// A client of an event stream.
    pub(crate) fn stream_client() -> Self {
        Self::new(STREAM_CLIENTS)
    }

    /// A client on a websocket.
    pub(crate) fn websocket_client() -> Self {
        Self::new(WEBSOCKET_CLIENTS)
    }

    /// An upgraded connection to a plugin.
    pub(crate) fn tunnel() -> Self {
        Self::new(TUNNELS)
    }

    /// A connection of a client.
    pub(crate) fn connection() -> Self {
        Self::new(CONNECTIONS)
    }

    fn new(name: &'static str) -> Self {
        gauge!(name).increment(1.0);
        Self(name)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}

fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u32 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(f64::from(pages) * PAGE_BYTES)
}
