//! What was done through this gateway, and who was refused, on its way to auth's record.
//!
//! A request leaves an entry in a queue; one task takes what waits, a batch at a time, to auth. What changed something is
//! answered once auth has its entry on the disk, so that no death of this process takes an entry from a client that was
//! told its change is done. Refusals wait for nothing, and beyond a budget they are counted instead.

mod action;
mod refusals;

use std::{sync::Arc, time::Duration};

use homeport_proto::auth::v1::{AppendAuditRequest, AuditEntry, audit_entry::Outcome};
use homeport_service::clock::{Clock as _, SystemClock};
use http::StatusCode;
use tokio::sync::{mpsc, oneshot};
use tonic::Code;

pub(crate) use action::named;
use refusals::Refusals;

use crate::app::App;

/// Entries that may wait: what a busy minute changes, some 2 MB.
const QUEUE: usize = 4096;
/// Entries that are taken to auth at once.
const BATCH: usize = 256;
/// Entries that auth takes at once.
const ROWS_MAX: usize = 1000;
/// Between two attempts to reach an auth that is away.
const RETRY: Duration = Duration::from_millis(200);
/// How long an answer waits for its entry, which then waits on here. An auth that was restarted is back sooner, and without
/// one nothing new is let in.
const ACCEPT_LIMIT: Duration = Duration::from_secs(10);
/// How long the last entries may take when the gateway stops.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// Between two looks at what was only counted.
const TICK: Duration = Duration::from_secs(10);

/// What a handler knows about its request and nobody else: it travels to the record inside the response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noted {
    /// Who, where no credential says it.
    pub(crate) user: Option<(String, String)>,
    /// Id and name of what was changed.
    pub(crate) target: Option<(String, String)>,
    /// Name of what was done, where the route alone does not tell.
    pub(crate) action: Option<&'static str>,
}

impl Noted {
    /// What was changed.
    pub(crate) fn about(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { target: Some((id.into(), name.into())), ..Self::default() }
    }
}

enum Message {
    /// With somebody who waits until it is recorded.
    Entry(Box<AuditEntry>, Option<oneshot::Sender<()>>),
    /// The last one: the gateway stops.
    Flush(oneshot::Sender<()>),
}

/// Where entries are left.
pub(crate) struct Recorder {
    sender: mpsc::Sender<Message>,
    /// Of strangers, and of those who are known: no stranger hides what somebody tried who was let in.
    refusals: [Refusals; 2],
}

/// The other end.
pub(crate) struct Inbox(mpsc::Receiver<Message>);

/// A queue with its two ends.
pub(crate) fn queue() -> (Recorder, Inbox) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Recorder { sender, refusals: <[Refusals; 2]>::default() }, Inbox(receiver))
}

impl Recorder {
    /// Leaves an entry. Returns when it is recorded, if it tells of a change.
    pub(crate) async fn record(&self, mut entry: AuditEntry) {
        let now = SystemClock.now();
        entry.at = Some(prost_types::Timestamp { seconds: now.as_second(), nanos: now.subsec_nanosecond() });
        // Whoever has no credential changes nothing, and may send as much as he likes that fails.
        let is_strangers = entry.outcome() != Outcome::Done && entry.principal_id.is_empty();
        if entry.outcome() == Outcome::Refused || is_strangers {
            let refusals = &self.refusals[usize::from(!is_strangers)];
            if refusals.take(&entry.client_address, now.as_second())
                && let Err(error) = self.sender.try_send(Message::Entry(Box::new(entry), None))
                && let mpsc::error::TrySendError::Full(Message::Entry(entry, _)) = error
            {
                refusals.count(&entry.client_address, now.as_second());
            }
            return;
        }
        let (accepted, acceptance) = oneshot::channel();
        // Where a service is away, which may be auth, nothing was done.
        let waits = entry.status != u32::from(StatusCode::SERVICE_UNAVAILABLE.as_u16());
        let message = Message::Entry(Box::new(entry), waits.then_some(accepted));
        // The queue is gone only once the gateway has stopped.
        if self.sender.send(message).await.is_ok()
            && waits
            && tokio::time::timeout(ACCEPT_LIMIT, acceptance).await.is_err()
        {
            tracing::warn!(limit_s = ACCEPT_LIMIT.as_secs(), "answered before auth took the entry into the record");
        }
    }

    /// Waits until all that was left is recorded, for a moment.
    pub(crate) async fn close(&self) {
        let (sender, done) = oneshot::channel();
        let flush = async {
            if self.sender.send(Message::Flush(sender)).await.is_ok() {
                // The task may have ended before.
                drop(done.await);
            }
        };
        if tokio::time::timeout(FLUSH_LIMIT, flush).await.is_err() {
            tracing::error!("auth did not take the last entries of the record");
        }
    }
}

/// Begins to take entries to auth.
pub(crate) fn follow(app: &Arc<App>, inbox: Inbox) {
    let app = Arc::clone(app);
    app.context.clone().spawn("audit", async move { carry(&app, inbox).await });
}

async fn carry(app: &App, Inbox(mut receiver): Inbox) {
    loop {
        let first = tokio::time::timeout(TICK, receiver.recv()).await;
        let mut last = None;
        let mut waiting = Vec::new();
        let now = SystemClock.now().as_second();
        let mut entries: Vec<_> = app.audit.refusals.iter().flat_map(|refusals| refusals.summaries(now)).collect();
        let mut next = match first {
            Ok(Some(message)) => Some(message),
            Ok(None) => return,
            Err(_) => None,
        };
        while let Some(message) = next.take() {
            match message {
                Message::Entry(entry, waits) => {
                    entries.push(*entry);
                    waiting.extend(waits);
                }
                Message::Flush(done) => last = Some(done),
            }
            if entries.len() < BATCH && last.is_none() {
                next = receiver.try_recv().ok();
            }
        }
        if last.is_some() {
            // Nobody asks for them afterwards.
            entries.extend(app.audit.refusals.iter().flat_map(|refusals| refusals.rest(now)));
        }
        for rows in entries.chunks(ROWS_MAX) {
            append(app, rows).await;
        }
        for accepted in waiting {
            // The client may have had no patience.
            accepted.send(()).unwrap_or_default();
        }
        if let Some(done) = last {
            if done.send(()).is_err() {
                tracing::debug!("the last entries were taken after the gateway stopped waiting");
            }
            return;
        }
    }
}

/// Takes entries to auth, for as long as it takes. While the gateway stops, there is no time to wait for auth.
async fn append(app: &App, entries: &[AuditEntry]) {
    let mut told = false;
    loop {
        let request = AppendAuditRequest { entries: entries.to_vec() };
        let Err(status) = app.upstream.audit().append_audit(request).await else { return };
        let hopeless = matches!(status.code(), Code::InvalidArgument | Code::Unimplemented | Code::PermissionDenied);
        if hopeless || (app.context.drain().is_cancelled() && told) {
            for entry in entries {
                tracing::error!(
                    principal.name = entry.principal_name,
                    audit.action = entry.action,
                    http.path = entry.path,
                    http.status = entry.status,
                    correlation.id = entry.request_id,
                    "auth did not take this into the record"
                );
            }
            return;
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(
                entries = entries.len(),
                "auth takes nothing into the record; entries wait here until it does"
            );
        }
        tokio::time::sleep(RETRY).await;
    }
}
