//! Logs.

mod records;

use std::error::Error;

use tonic::Status;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use self::records::{PRIVATE, QUEUE_RECORDS, Record, Records, records};
use crate::config::Environment;

/// An error and its causes on one line, outermost first. The only way that an error enters a log.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = said(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let own = said(error);
        // Some libraries repeat their cause in their own text.
        if !text.contains(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        cause = error.source();
    }
    text
}

/// An error's own part. A status that came over gRPC shows itself with its code, its message and all its causes at once;
/// the message alone is for people.
fn said(error: &(dyn Error + 'static)) -> String {
    let status = error.downcast_ref::<Status>().or_else(|| error.downcast_ref::<Box<Status>>().map(|status| &**status));
    match status {
        Some(status) if !status.message().is_empty() => status.message().to_owned(),
        _ => error.to_string(),
    }
}

/// Starts writing logs to standard error: `HOMEPORT_LOG` is the filter, a level for all or for a crate (default `info`,
/// such as `info,homeport_updater=debug`), `HOMEPORT_LOG_FORMAT` is `text`
/// (default) or `json`. Where they say nothing, `LOG_LEVEL` and `LOG_FORMAT` count, which Docksmith's users have set.
/// Records of `HOMEPORT_LOG_BUS` (default `warn`; `off`) and above are collected for the bus as well.
pub fn init(environment: &Environment) {
    let filter = directives(environment).parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let layer = match set(environment, "HOMEPORT_LOG_FORMAT").or_else(|| set(environment, "LOG_FORMAT")) {
        Some("json") => layer.json().flatten_event(true).boxed(),
        _ => layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
    };
    let told = environment.get("HOMEPORT_LOG_BUS").and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    // A second call, as in tests, keeps the first subscriber.
    drop(tracing_subscriber::registry().with(layer.with_filter(filter)).with(records::layer(told)).try_init());
}

/// What is written. A level alone is one for what Homeport itself says; libraries say more than anybody wants to know.
fn directives(environment: &Environment) -> String {
    let level = || set(environment, "LOG_LEVEL")?.parse().ok();
    set(environment, "HOMEPORT_LOG")
        .map_or_else(|| format!("{},sqlx=warn,hyper=warn,h2=warn", level().unwrap_or(LevelFilter::INFO)), str::to_owned)
}

/// A variable that says something; compose hands over those that nobody set as empty ones.
fn set<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s14_docksmiths_names_for_logs_are_taken() {
        let check = |variables: &[(&str, &str)], expected: &str| {
            assert_eq!(directives(&variables.iter().copied().collect()), expected, "{variables:?}");
        };
        check(&[], "info,sqlx=warn,hyper=warn,h2=warn");
        check(&[("LOG_LEVEL", "DEBUG")], "debug,sqlx=warn,hyper=warn,h2=warn");
        check(&[("LOG_LEVEL", ""), ("HOMEPORT_LOG", "")], "info,sqlx=warn,hyper=warn,h2=warn");
        check(&[("LOG_LEVEL", "loud")], "info,sqlx=warn,hyper=warn,h2=warn");
        check(&[("LOG_LEVEL", "debug"), ("HOMEPORT_LOG", "warn")], "warn");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the bus did not answer")]
    struct NoAnswer(#[source] Box<Status>);

    #[test]
    fn causes_are_told_once_and_a_status_by_its_message() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let mut status = Status::unavailable("tcp connect error");
        status.set_source(std::sync::Arc::new(refused));
        assert_eq!(chain(&NoAnswer(Box::new(status))), "the bus did not answer: tcp connect error: connection refused");
    }
}
