//! What the gateway counts, in the words of Prometheus.

mod bus;

use std::{cell::RefCell, sync::LazyLock, time::Duration};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};

pub(crate) use bus::text as bus_text;

use crate::upstream::ServiceHealth;

/// The label of all requests to plugins.
pub(crate) const PLUGIN_ROUTE: &str = "/plugins/{*path}";
/// What becomes of most requests to plugins.
const WELL: &str = "2xx";

/// From what a local socket takes to what a check of the registry takes.
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];
/// From a look into the memory to a call of auth.
const DECISION_BUCKETS_SECONDS: [f64; 14] = [
    0.000_001, 0.000_002, 0.000_003, 0.000_005, 0.000_007, 0.000_01, 0.000_015, 0.000_02, 0.000_05, 0.000_1, 0.000_5,
    0.001, 0.01, 0.1,
];
/// Bytes of a page; the kernel counts memory in them.
const PAGE_BYTES: i64 = 4096;

/// The counters of this process. There is one set, however many gateways run in it.
static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    proxied: IntCounterVec,
    proxy_seconds: HistogramVec,
    tunnels: IntGauge,
    plugins: IntGauge,
    reloads: IntCounterVec,
    stream_clients: IntGauge,
    websocket_clients: IntGauge,
    stream_dropped: IntCounter,
    bus_events: IntCounterVec,
    bus_lost: IntCounter,
    service_up: IntGaugeVec,
    memory: IntGauge,
    connections: IntGauge,
    /// What most requests to plugins are, a GET that went well: looked up once.
    plugin_reads: IntCounter,
    plugin_read_seconds: Histogram,
    /// Decisions that were asked for, and remembered ones. Every request needs one.
    asked: Histogram,
    remembered: Histogram,
}

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let requests = counters(
            &registry,
            "homeport_http_requests_total",
            "Requests by route template, method and status.",
            &["route", "method", "status"],
        );
        let request_seconds = histograms(
            &registry,
            "homeport_http_request_duration_seconds",
            "Time until a response's headers, by route template.",
            &BUCKETS_SECONDS,
            &["route", "method"],
        );
        let decision_seconds = histograms(
            &registry,
            "homeport_credential_decision_seconds",
            "Time until a request with a good credential was decided upon, by whether the answer was remembered.",
            &DECISION_BUCKETS_SECONDS,
            &["remembered"],
        );
        Self {
            proxied: counters(
                &registry,
                "homeport_plugin_requests_total",
                "Requests to plugins, by plugin and outcome.",
                &["plugin", "outcome"],
            ),
            proxy_seconds: histograms(
                &registry,
                "homeport_plugin_response_header_seconds",
                "Time until a plugin's response headers, by plugin.",
                &BUCKETS_SECONDS,
                &["plugin"],
            ),
            tunnels: gauge(&registry, "homeport_plugin_tunnels", "Upgraded connections to plugins."),
            plugins: gauge(&registry, "homeport_plugins", "Plugins that are reachable."),
            reloads: counters(
                &registry,
                "homeport_plugin_reloads_total",
                "Changes of api.json, by outcome.",
                &["outcome"],
            ),
            stream_clients: gauge(
                &registry,
                "homeport_event_stream_clients",
                "Clients of the event streams, those on websockets included.",
            ),
            websocket_clients: gauge(
                &registry,
                "homeport_websocket_clients",
                "Clients that follow events on a websocket.",
            ),
            stream_dropped: counter(
                &registry,
                "homeport_event_stream_dropped_total",
                "Events that slow clients missed.",
            ),
            bus_events: counters(
                &registry,
                "homeport_bus_events_total",
                "Events from the bus, by first segment of the topic.",
                &["kind"],
            ),
            bus_lost: counter(&registry, "homeport_bus_connections_lost_total", "How often the bus went away."),
            service_up: {
                let opts = Opts::new("homeport_service_up", "Whether a service serves.");
                registered(&registry, IntGaugeVec::new(opts, &["service"]))
            },
            memory: gauge(
                &registry,
                "process_resident_memory_bytes",
                "Resident memory of the process that serves this.",
            ),
            connections: gauge(&registry, "homeport_http_connections", "Open connections of clients."),
            plugin_reads: requests.with_label_values(&[PLUGIN_ROUTE, "GET", "200"]),
            plugin_read_seconds: request_seconds.with_label_values(&[PLUGIN_ROUTE, "GET"]),
            asked: decision_seconds.with_label_values(&["no"]),
            remembered: decision_seconds.with_label_values(&["yes"]),
            requests,
            request_seconds,
            registry,
        }
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    registered(registry, IntCounter::with_opts(Opts::new(name, help)))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    registered(registry, IntGauge::with_opts(Opts::new(name, help)))
}

fn histograms(registry: &Registry, name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
    let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    registered(registry, HistogramVec::new(opts, labels))
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: prometheus::Result<C>) -> C {
    let collector = collector.expect("the names and buckets of this file are good ones");
    registry.register(Box::new(collector.clone())).expect("each name of this file is used once");
    collector
}

/// All counters as text, with the health of the services and the memory of this process as they are now.
pub(crate) fn text(services: &[ServiceHealth]) -> String {
    let metrics = &*METRICS;
    for health in services {
        metrics.service_up.with_label_values(&[health.service]).set(i64::from(health.serving));
    }
    if let Some(bytes) = resident_bytes() {
        metrics.memory.set(bytes);
    }
    TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap_or_else(|error| {
        tracing::error!(error = %error, "the counters cannot be written");
        String::new()
    })
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
        counted.requests.inc();
        counted.seconds.observe(elapsed.as_secs_f64());
    });
}

/// What requests of one kind are counted on.
struct Counted {
    route: String,
    method: &'static str,
    status: u16,
    requests: IntCounter,
    seconds: Histogram,
}

impl Counted {
    fn new(route: &str, method: &'static str, status: u16) -> Self {
        let requests = METRICS.requests.with_label_values(&[route, method, &status.to_string()]);
        let seconds = METRICS.request_seconds.with_label_values(&[route, method]);
        Self { route: route.to_owned(), method, status, requests, seconds }
    }
}

/// Counts what most requests to plugins are: a GET that went well.
pub(crate) fn count_plugin_read(elapsed: Duration) {
    METRICS.plugin_reads.inc();
    METRICS.plugin_read_seconds.observe(elapsed.as_secs_f64());
}

/// Counts a decision about a good credential.
pub(crate) fn count_decision(was_remembered: bool, elapsed: Duration) {
    let seconds = if was_remembered { &METRICS.remembered } else { &METRICS.asked };
    seconds.observe(elapsed.as_secs_f64());
}

/// What is counted of one plugin. Looked up once, because there are many requests.
#[derive(Debug, Clone)]
pub(crate) struct PluginCounts {
    name: String,
    well: IntCounter,
    seconds: Histogram,
}

impl PluginCounts {
    /// The counts of a plugin, by its name.
    pub(crate) fn new(plugin: &str) -> Self {
        Self {
            name: plugin.to_owned(),
            well: METRICS.proxied.with_label_values(&[plugin, WELL]),
            seconds: METRICS.proxy_seconds.with_label_values(&[plugin]),
        }
    }

    /// Counts a request by what became of it: the class of its status, or why there is none.
    pub(crate) fn count(&self, outcome: &'static str, elapsed: Duration) {
        if outcome == WELL {
            self.well.inc();
        } else {
            METRICS.proxied.with_label_values(&[self.name.as_str(), outcome]).inc();
        }
        self.seconds.observe(elapsed.as_secs_f64());
    }
}

/// Counts a change of `api.json`.
pub(crate) fn count_reload(outcome: &'static str, plugins: usize) {
    METRICS.reloads.with_label_values(&[outcome]).inc();
    METRICS.plugins.set(i64::try_from(plugins).unwrap_or(i64::MAX));
}

/// Counts an event of the bus.
pub(crate) fn count_event(topic: &str) {
    /// Any process may publish any topic, and each label is kept for ever.
    const KINDS: [&str; 10] = ["update", "docker", "app", "backup", "host", "service", "bus", "auth", "plugin", "log"];
    let kind = topic.split(':').next().filter(|kind| KINDS.contains(kind)).unwrap_or("other");
    METRICS.bus_events.with_label_values(&[kind]).inc();
}

/// Counts a loss of the bus.
pub(crate) fn count_bus_loss() {
    METRICS.bus_lost.inc();
}

/// Counts events that a slow client missed.
pub(crate) fn count_dropped(events: u64) {
    METRICS.stream_dropped.inc_by(events);
}

/// Something of which there are more or fewer, counted for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held(&'static IntGauge);

impl Held {
    /// A client of an event stream.
    pub(crate) fn stream_client() -> Self {
        Self::new(&METRICS.stream_clients)
    }

    /// A client on a websocket.
    pub(crate) fn websocket_client() -> Self {
        Self::new(&METRICS.websocket_clients)
    }

    /// An upgraded connection to a plugin.
    pub(crate) fn tunnel() -> Self {
        Self::new(&METRICS.tunnels)
    }

    /// A connection of a client.
    pub(crate) fn connection() -> Self {
        Self::new(&METRICS.connections)
    }

    fn new(gauge: &'static IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn resident_bytes() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}
