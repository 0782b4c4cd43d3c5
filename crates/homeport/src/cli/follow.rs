//! Waiting for work to end, and showing how far it is.
//!
//! The operation's own document says when it is over; events only make the display livelier, so that a stream that
//! breaks, or a gateway that restarts, delays nothing but the display.

mod display;

use std::{pin::pin, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use self::display::Display;
use super::{
    Session, api,
    history::{outcome, versions},
    output,
};

/// Between two looks at the documents while events come.
const LOOK: Duration = Duration::from_secs(5);

/// The same while none come.
const LOOK_BLIND: Duration = Duration::from_secs(1);

/// After an event that says that it is over, should the document not say so yet.
const LOOK_SOON: Duration = Duration::from_millis(100);

/// How long the server may be away before waiting is given up; the work goes on without us.
const AWAY_LIMIT: Duration = Duration::from_secs(60);

/// Work that was started.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub(super) operation_id: String,
    /// What it is called until its document says so.
    pub(super) name: String,
}

/// An operation that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) document: Value,
    pub(super) operation: api::Operation,
}

/// The events, asked for before the work begins so that none is missed.
#[derive(Debug)]
pub(super) struct Watch(Option<api::EventStream>);

impl Watch {
    /// Opens the stream. Without one, the work is followed all the same.
    pub(super) async fn open(session: &Session) -> Self {
        Self(session.api.events(None).await.ok())
    }

    /// The next event. Never comes once the stream is gone.
    async fn next(&mut self) -> Option<api::Event> {
        let Some(stream) = &mut self.0 else { return std::future::pending().await };
        let event = stream.next().await;
        if event.is_none() {
            self.0 = None;
        }
        event
    }

    const fn interval(&self) -> Duration {
        if self.0.is_some() { LOOK } else { LOOK_BLIND }
    }
}

/// Waits until all of it is over, and returns it in the order in which it was given.
pub(super) async fn to_end(session: &Session, mut watch: Watch, started: &[Started]) -> anyhow::Result<Vec<Ended>> {
    let mut display = Display::new(session.json, started);
    let mut ended: Vec<Option<Ended>> = started.iter().map(|_| None).collect();
    let mut away_since = None;
    let mut look = Instant::now();
    loop {
        {
            let mut due = pin!(sleep_until(look));
            tokio::select! {
                biased;
                () = &mut due => {}
                event = watch.next() => {
                    let over = event.is_some_and(|event| display.event(&event));
                    look = look.min(Instant::now() + if over { LOOK_SOON } else { watch.interval() });
                    continue;
                }
            }
        }
        match look_at(session, started, &mut ended, &mut display).await {
            Ok(()) => away_since = None,
            Err(error) if error.is_passing() => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if since.elapsed() > AWAY_LIMIT {
                    return Err(error).context("the work goes on; `homeport history` will show how it ended");
                }
            }
            Err(error) => return Err(error.into()),
        }
        if ended.iter().all(Option::is_some) {
            display.finish();
            return Ok(ended.into_iter().flatten().collect());
        }
        look = Instant::now() + watch.interval();
    }
}

async fn look_at(
    session: &Session,
    started: &[Started],
    ended: &mut [Option<Ended>],
    display: &mut Display,
) -> Result<(), api::Error> {
    for (work, ended) in started.iter().zip(ended).filter(|(_, ended)| ended.is_none()) {
        let document = session.api.get(&format!("/api/operations/{}", api::encode(&work.operation_id))).await?;
        let operation: api::Operation = session.api.typed(&document)?;
        if operation.is_over() {
            display.over(&work.operation_id);
            *ended = Some(Ended { document, operation });
        } else {
            display.stage(&work.operation_id, &operation.stage, operation.percent, "");
        }
    }
    Ok(())
}

/// Says that it began, for whoever does not wait.
pub(super) fn began(session: &Session, what: &str, work: &[Started]) -> anyhow::Result<()> {
    if session.json {
        let ids: Vec<Value> = work.iter().map(|one| serde_json::json!({ "operation_id": one.operation_id })).collect();
        return output::json(&ids);
    }
    let lines: Vec<String> =
        work.iter().map(|one| format!("{}: {what} began, operation {}", one.name, one.operation_id)).collect();
    Ok(output::text(&lines.join("\n"))?)
}

/// Prints how it ended. An error if any of it failed.
pub(super) fn report(session: &Session, ended: &[Ended]) -> anyhow::Result<()> {
    if session.json {
        match ended {
            [one] => output::json(&one.document)?,
            several => output::json(&several.iter().map(|ended| &ended.document).collect::<Vec<_>>())?,
        }
    } else {
        let lines: Vec<String> = ended.iter().flat_map(|ended| lines(&ended.operation)).collect();
        output::text(&lines.join("\n"))?;
    }
    if ended.iter().all(|ended| ended.operation.is_success()) { Ok(()) } else { Err(output::Shown.into()) }
}

/// One for each container.
fn lines(operation: &api::Operation) -> Vec<String> {
    let kind = operation.operation_type.as_str();
    let done = match kind {
        "rollback" => "rolled back",
        "restart" => "restarted",
        "label_change" => "labels changed",
        "fix_mismatch" => "brought together with its file",
        _ => "updated",
    };
    let line = |name: &str, done: &str, old: Option<&str>, new: Option<&str>, message: Option<&str>| {
        let versions = if matches!(kind, "restart" | "label_change") {
            String::new()
        } else {
            format!(", {}", versions(old, new))
        };
        let message = message.filter(|text| !text.is_empty()).map(|text| format!(": {text}"));
        format!("{name}: {done}{versions}{}", message.unwrap_or_default())
    };
    if operation.is_complete() && operation.batch_details.len() > 1 {
        let part = |part: &api::Part| {
            let done = if part.status == "complete" { done } else { part.status.as_str() };
            let (old, new) = (part.old_version.as_deref(), part.new_version.as_deref());
            line(&part.container_name, done, old, new, part.message.as_deref())
        };
        return operation.batch_details.iter().map(part).collect();
    }
    let done = if operation.is_success() { done } else { outcome(operation) };
    let (old, new) = (operation.old_version.as_deref(), operation.new_version.as_deref());
    vec![line(&operation.container_name, done, old, new, operation.error_message.as_deref())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_container_has_a_line() {
        let operation = |kind: &str, status: &str, rolled_back: bool, message: Option<&str>| {
            let [line] = lines(&api::Operation {
                container_name: "web".to_owned(),
                operation_type: kind.to_owned(),
                status: status.to_owned(),
                old_version: Some("1.22.1".to_owned()),
                new_version: Some("1.26.3".to_owned()),
                rollback_occurred: rolled_back,
                error_message: message.map(str::to_owned),
                ..Default::default()
            })
            .try_into()
            .unwrap();
            line
        };
        assert_eq!(operation("single", "complete", false, None), "web: updated, 1.22.1 → 1.26.3");
        assert_eq!(operation("rollback", "complete", false, Some("")), "web: rolled back, 1.22.1 → 1.26.3");
        assert_eq!(
            operation("single", "failed", true, Some("it exited with code 1")),
            "web: failed, rolled back, 1.22.1 → 1.26.3: it exited with code 1"
        );
        let part = |name: &str, status: &str, message: &str| api::Part {
            container_name: name.to_owned(),
            status: status.to_owned(),
            old_version: Some("1".to_owned()),
            new_version: Some("2".to_owned()),
            message: Some(message.to_owned()),
        };
        let batch = api::Operation {
            container_name: "2 containers".to_owned(),
            operation_type: "batch".to_owned(),
            status: "complete".to_owned(),
            batch_details: vec![part("web", "complete", ""), part("db", "failed", "it exited")],
            ..Default::default()
        };
        assert_eq!(lines(&batch), ["web: updated, 1 → 2", "db: failed, 1 → 2: it exited"]);
        assert!(batch.is_complete() && !batch.is_success());
    }
}
