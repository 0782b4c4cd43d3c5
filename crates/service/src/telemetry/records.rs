//! What is logged, for those who read it on the bus.
//!
//! A layer beside the one that writes to standard error puts records into the queue of the service that made them
//! ([`records`]); whoever reads the queue publishes them. A full queue loses the newest: the log on standard error has all.

use std::{
    fmt::{self, Write as _},
    sync::{PoisonError, RwLock},
};

use serde::Serialize;
use tokio::sync::mpsc;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, filter_fn},
    layer::Context,
    registry::LookupSpan,
};

use crate::clock::{Clock as _, SystemClock};

/// Target of what is for whoever starts the service and for nobody else, such as a password that was made.
pub const PRIVATE: &str = "private";

/// Records of one service that wait at most.
pub const QUEUE_RECORDS: usize = 256;

/// Longest message, in bytes.
const MESSAGE_MAX: usize = 4096;

/// Tasks whose records would make more of them: they carry the records away.
const CARRIERS: [&str; 2] = ["bus-publisher", "bus-log"];

/// The crate that carries the records away.
const CARRIER: &str = "homeport_bus_client";

/// A record of the log, with the keys that existing clients know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// `error`, `warning`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// What happened, then the fields as `name=value`. At most 4096 bytes.
    pub msg: String,
    /// When, RFC 3339.
    pub time: String,
    /// The module that it happened in.
    pub func: String,
    /// File and line of the source.
    pub file: String,
}

/// The records of one service, from now on until it is dropped.
#[derive(Debug)]
pub struct Records {
    service: &'static str,
    queue: mpsc::Receiver<Record>,
}

struct Queue {
    service: &'static str,
    root: &'static str,
    sender: mpsc::Sender<Record>,
}

static QUEUES: RwLock<Vec<Queue>> = RwLock::new(Vec::new());

/// Begins to collect the records of a service whose crate has this `module_path!()` at its root.
pub fn records(service: &'static str, root: &'static str) -> Records {
    let (sender, queue) = mpsc::channel(QUEUE_RECORDS);
    QUEUES.write().unwrap_or_else(PoisonError::into_inner).push(Queue { service, root, sender });
    Records { service, queue }
}

impl Records {
    /// The service's name.
    pub const fn service(&self) -> &'static str {
        self.service
    }

    /// The next record.
    pub async fn next(&mut self) -> Option<Record> {
        self.queue.recv().await
    }

    /// The next record, if one waits.
    pub fn waiting(&mut self) -> Option<Record> {
        self.queue.try_recv().ok()
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        self.queue.close();
        QUEUES.write().unwrap_or_else(PoisonError::into_inner).retain(|queue| !queue.sender.is_closed());
    }
}

/// The layer, for records of this level and above.
pub(super) fn layer<S>(level: LevelFilter) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Collector.with_filter(wanted(level))
}

/// Records of the level, and the spans that tell whose they are.
fn wanted(level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    let tells_whose = |metadata: &Metadata<'_>| metadata.is_span() && matches!(metadata.name(), "service" | "task");
    filter_fn(move |metadata| tells_whose(metadata) || (metadata.is_event() && *metadata.level() <= level))
        .with_max_level_hint(level.max(LevelFilter::INFO))
}

struct Collector;

/// What a span tells.
#[derive(Debug, Default)]
struct Whose {
    service: Option<String>,
    carries: bool,
}

impl<S> Layer<S> for Collector
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut whose = Whose::default();
        attributes.record(&mut whose);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(whose);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() == PRIVATE || root(metadata.target()) == CARRIER {
            return;
        }
        let (mut service, mut carries) = (None, false);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(whose) = span.extensions().get::<Whose>() {
                service = service.or_else(|| whose.service.clone());
                carries |= whose.carries;
            }
        }
        if !carries {
            put(service.as_deref(), event);
        }
    }
}

/// Puts a record into the queue of the service whose crate made it, or on whose behalf it was made.
fn put(service: Option<&str>, event: &Event<'_>) {
    let queues = QUEUES.read().unwrap_or_else(PoisonError::into_inner);
    let own = root(event.metadata().target());
    let found = queues.iter().rev().find(|queue| queue.root == own);
    let found = found.or_else(|| queues.iter().rev().find(|queue| Some(queue.service) == service));
    let alone = || queues.first().filter(|_| queues.len() == 1);
    if let Some(queue) = found.or_else(alone) {
        // Nobody waits for room; standard error has it.
        drop(queue.sender.try_send(Record::of(event)));
    }
}

fn root(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

impl Record {
    fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let mut msg = text.message + &text.fields;
        msg.truncate(msg.floor_char_boundary(MESSAGE_MAX));
        Self {
            level: level(*metadata.level()),
            msg,
            time: SystemClock.now().to_string(),
            func: metadata.module_path().unwrap_or(metadata.target()).to_owned(),
            file: match (metadata.file(), metadata.line()) {
                (Some(file), Some(line)) => format!("{file}:{line}"),
                (file, _) => file.unwrap_or_default().to_owned(),
            },
        }
    }
}

/// As the loggers of existing clients name them.
const fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[derive(Debug, Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        debug_assert!(written.is_ok(), "{written:?}");
    }
}

impl Visit for Whose {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "service" => self.service = Some(value.to_owned()),
            "task.name" => self.carries = CARRIERS.contains(&value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// What is collected for a service of this name while something happens. Names are unique to each test, because queues
    /// are the process's.
    fn collected(service: &'static str, level: LevelFilter, what: impl FnOnce()) -> Vec<Record> {
        let mut records = records(service, service);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer(level)), what);
        std::iter::from_fn(|| records.waiting()).collect()
    }

    #[test]
    fn a_record_has_what_happened_and_where() {
        let records = collected("t1", LevelFilter::WARN, || {
            let _service = tracing::info_span!("service", service = "t1").entered();
            let _request = tracing::info_span!("request").entered();
            tracing::warn!(user.name = "ada", count = 3, "no \"room\"");
            tracing::info!("too low");
        });
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((record.level, record.msg.as_str()), ("warning", r#"no "room" user.name="ada" count=3"#));
        assert_eq!(record.func, module_path!());
        let (file, line) = record.file.rsplit_once(':').unwrap();
        assert!(file.ends_with("records.rs") && line.parse::<u32>().is_ok(), "{file}:{line}");
        record.time.parse::<jiff::Timestamp>().unwrap();
    }

    #[test]
    fn the_crate_or_the_span_tells_whose_it_is() {
        let mut other = records("t2-other", "t2_other");
        let records = collected("t2", LevelFilter::INFO, || {
            let _service = tracing::info_span!("task", service = "t2-other", task.name = "x").entered();
            tracing::info!(target: "t2::inner", "of the crate");
            tracing::info!(target: "sqlx", "of the span");
        });
        assert_eq!(records.iter().map(|record| record.msg.as_str()).collect::<Vec<_>>(), ["of the crate"]);
        assert_eq!(other.waiting().unwrap().msg, "of the span");
    }

    #[test]
    fn what_carries_records_makes_none() {
        let records = collected("t3", LevelFilter::DEBUG, || {
            let _service = tracing::info_span!("service", service = "t3").entered();
            tracing::warn!(target: "homeport_bus_client::publisher", "the bus is away");
            tracing::warn!(target: PRIVATE, "the password is 1234");
            let _task = tracing::info_span!("task", task.name = "bus-log").entered();
            tracing::warn!(target: "h2", "a connection broke");
        });
        assert_eq!(records, []);
    }

    #[test]
    fn a_full_queue_loses_the_newest_and_texts_are_cut() {
        let records = collected("t4", LevelFilter::WARN, || {
            let _service = tracing::info_span!("service", service = "t4").entered();
            for number in 0..QUEUE_RECORDS + 10 {
                tracing::warn!("{number} {}", "é".repeat(MESSAGE_MAX));
            }
        });
        assert_eq!(records.len(), QUEUE_RECORDS);
        assert!(records[QUEUE_RECORDS - 1].msg.starts_with("255 "));
        assert!(records.iter().all(|record| record.msg.len() <= MESSAGE_MAX));
    }
}
