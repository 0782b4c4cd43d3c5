//! What docker-agent's engine broker refused plugins and let them change, taken from the bus into the record.
//!
//! docker-agent calls nobody for it: its events are kept by the bus, and are entered from where this was. What the rows say
//! is what the bus was told, so they carry that; who may publish `docker:` there is the bus's affair.

use std::time::Duration;

use homeport_bus_client::{Cursor, Replay, subscribe_from};
use homeport_proto::bus::v1::Event;
use homeport_service::{
    Context,
    clock::{Clock as _, SystemClock},
    telemetry::chain,
};
use serde::Deserialize;
use tokio_stream::StreamExt as _;

use super::{Audit, Entry, Outcome};

/// The topics that are entered.
const TOPICS: &str = "docker:broker:";
const DENIED: &str = "docker:broker:denied";
/// Said of every such row.
const SOURCE: &str = "told on the bus by docker-agent";
/// What a full disk is waited for.
const PAUSE: Duration = Duration::from_secs(1);

/// `docker:broker:denied` and `docker:broker:changed`, as far as it is entered.
#[derive(Debug, Deserialize)]
struct Told {
    plugin: String,
    method: String,
    path: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    status: i64,
    #[serde(default)]
    untold: u64,
}

/// Enters them until the context drains.
pub(crate) async fn run(audit: &Audit, context: &Context) {
    let drain = context.drain().clone();
    drain.run_until_cancelled(follow(audit, context)).await;
}

async fn follow(audit: &Audit, context: &Context) {
    let cursor = loop {
        match audit.cursor().await {
            Ok(last) => break last.and_then(|id| u64::try_from(id).ok()).map_or(Cursor::Earliest, Cursor::After),
            Err(error) => wait(&error).await,
        }
    };
    let mut events = subscribe_from(context.paths().socket("bus"), vec![TOPICS.to_owned()], cursor);
    while let Some(message) = events.next().await {
        match message {
            Replay::Event(event) => enter(audit, &event).await,
            Replay::Gap(gap) => {
                tracing::warn!(?gap, "the bus no longer has some events; what plugins did then is not in the record");
            }
            Replay::Connected | Replay::CaughtUp | Replay::Lost(_) => {}
        }
    }
}

async fn enter(audit: &Audit, event: &Event) {
    let Some((id, entry)) = i64::try_from(event.id).ok().zip(entry(event)) else {
        tracing::warn!(bus.topic = event.topic, "an event of the engine broker makes no sense and is not entered");
        return;
    };
    while let Err(error) = audit.append_event(entry.clone(), id, SystemClock.now()).await {
        wait(&error).await;
    }
}

fn entry(event: &Event) -> Option<Entry> {
    let told: Told = serde_json::from_str(&event.value).ok()?;
    let is_denied = event.topic == DENIED;
    let mut details = if told.reason.is_empty() { SOURCE.to_owned() } else { format!("{}; {SOURCE}", told.reason) };
    if told.untold > 0 {
        details = format!("{details}; {} before it were not told", told.untold);
    }
    let outcome = match told.status {
        _ if is_denied => Outcome::Refused,
        200..400 | 101 => Outcome::Done,
        _ => Outcome::Failed,
    };
    Some(Entry {
        at: event.time.map_or(0, |at| at.seconds * 1000 + i64::from(at.nanos) / 1_000_000),
        principal_kind: "plugin".to_owned(),
        principal_id: told.plugin.clone(),
        principal_name: told.plugin,
        action: if is_denied { "engine_denied" } else { "engine_changed" }.to_owned(),
        method: told.method,
        target_kind: "engine".to_owned(),
        target_id: told.path.clone(),
        path: told.path,
        outcome: outcome.as_str().to_owned(),
        status: if is_denied { 403 } else { told.status },
        details,
        ..Entry::default()
    })
}

async fn wait(error: &crate::error::AuthError) {
    tracing::warn!(error = chain(error), "the record cannot be written; trying again");
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, value: &str) -> Option<Entry> {
        let time = Some(prost_types::Timestamp { seconds: 10, nanos: 5_000_000 });
        entry(&Event { id: 7, topic: topic.to_owned(), value: value.to_owned(), time })
    }

    #[test]
    fn a_refusal_and_a_change_become_rows() {
        let denied = r#"{"plugin":"a","method":"POST","path":"/containers/create","reason":"no","untold":3}"#;
        let row = read(DENIED, denied).unwrap();
        assert_eq!(
            (row.principal_name.as_str(), row.outcome.as_str(), row.status, row.at),
            ("a", "refused", 403, 10_005)
        );
        assert!(row.details.starts_with("no; ") && row.details.contains('3'), "{}", row.details);
        let changed = r#"{"plugin":"a","method":"DELETE","path":"/containers/1","status":204,"untold":0}"#;
        let row = read("docker:broker:changed", changed).unwrap();
        assert_eq!((row.outcome.as_str(), row.action.as_str()), ("done", "engine_changed"));
        assert!(read(DENIED, "{}").is_none() && read(DENIED, "nonsense").is_none());
    }

    #[tokio::test]
    async fn an_event_is_entered_once() {
        let directory = tempfile::tempdir().unwrap();
        let store = crate::store::open(&directory.path().join("auth.db")).await.unwrap();
        let audit = Audit::new(store, 100);
        assert_eq!(audit.cursor().await.unwrap(), None);
        let row = read(DENIED, r#"{"plugin":"a","method":"GET","path":"/x"}"#).unwrap();
        for id in [7, 7, 6, 9] {
            audit.append_event(row.clone(), id, SystemClock.now()).await.unwrap();
        }
        assert_eq!(audit.cursor().await.unwrap(), Some(9));
        let (_, total) = audit.newest(&crate::store::audit::Filter::default(), 10, 0).await.unwrap();
        assert_eq!(total, 2);
    }
}
