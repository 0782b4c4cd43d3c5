//! Logs.

use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::Environment;

/// An error and its causes on one line, outermost first. The only way that an error enters a log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let own = error.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.ends_with(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        cause = error.source();
    }
    text
}

/// Starts writing logs to standard error: `HOMEPORT_LOG` is the filter (default `info`), `HOMEPORT_LOG_FORMAT` is `text`
/// (default) or `json`.
pub fn init(environment: &Environment) {
    let filter = EnvFilter::try_new(environment.get("HOMEPORT_LOG").unwrap_or("info,sqlx=warn,hyper=warn,h2=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let layer = match environment.get("HOMEPORT_LOG_FORMAT") {
        Some("json") => layer.json().flatten_event(true).boxed(),
        _ => layer.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
    };
    // A second call, as in tests, keeps the first subscriber.
    drop(tracing_subscriber::registry().with(layer.with_filter(filter)).try_init());
}
