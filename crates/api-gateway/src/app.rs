//! What every handler can reach.

use std::{future::Future, sync::Arc, time::Duration};

use axum::response::{IntoResponse as _, Response};
use homeport_bus_client::Publisher;
use homeport_service::{Context, trace::TraceContext};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    audit::Recorder,
    config::{Config, ms},
    dialect::docksmith::board::Board,
    gate::{Caller, Gate, Loopback, is_over},
    plugin::Registry,
    problem::{Kind, Problem},
    stream::Hub,
    tls::Challenges,
    upstream::Upstream,
};

/// Between two questions about the credential of one stream, at least.
const RECHECK_MIN: Duration = Duration::from_millis(100);

/// The gateway's parts, shared by all requests.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) context: Context,
    pub(crate) upstream: Upstream,
    pub(crate) gate: Gate,
    /// Who stands for clients of Docksmith's on this machine. None: nobody.
    pub(crate) loopback: Option<Loopback>,
    /// The way to auth's record.
    pub(crate) audit: Recorder,
    pub(crate) hub: Arc<Hub>,
    /// The newest snapshot of the updater.
    pub(crate) board: Board,
    /// The way to the bus.
    pub(crate) publisher: Publisher,
    pub(crate) plugins: Arc<Registry>,
    /// Where work goes on that must not end with the worker that began it.
    pub(crate) runtime: tokio::runtime::Handle,
    /// What goes on on upgraded connections.
    pub(crate) upgraded: TaskTracker,
    /// One permit for each upgraded connection that may exist.
    pub(crate) tunnels: Arc<Semaphore>,
    /// One permit for each stream that begins in the past.
    pub(crate) replays: Arc<Semaphore>,
    /// One permit for each websocket that has not said who it is.
    pub(crate) handshakes: Arc<Semaphore>,
    /// What an ACME server may ask at the moment.
    pub(crate) challenges: Arc<Challenges>,
    /// The certificate of Homeport's own authority as PEM, if that is the one behind HTTPS.
    pub(crate) certificate: Option<String>,
}

impl App {
    /// Runs something to its end even if the client leaves, and returns what came of it. For calls that change
    /// something: half of one must not depend on somebody's connection.
    pub(crate) async fn finish<T, F>(&self, future: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let receiver = {
            let _entered = self.runtime.enter();
            self.begin("call", future)
        };
        receiver.await.unwrap_or_else(|_| Err(cut_short()))
    }

    /// Answers a request that changes something, and goes on doing so on this thread if the client leaves: what was done
    /// has to be recorded.
    pub(crate) async fn answer(&self, future: impl Future<Output = Response> + Send + 'static) -> Response {
        self.begin("request", future).await.unwrap_or_else(|_| cut_short().into_response())
    }

    fn begin<T: Send + 'static>(
        &self,
        name: &'static str,
        future: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let trace = TraceContext::current().unwrap_or_else(TraceContext::random);
        let span = tracing::Span::current();
        self.context.spawn(name, async move {
            // Nobody may be left to hear it.
            drop(sender.send(trace.scope(span, future).await));
        });
        receiver
    }

    /// Starts what an upgraded connection does. Its worker does not end before it, within the limit of the drain.
    pub(crate) fn spawn_upgraded(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.context.spawn(name, self.upgraded.track_future(future));
    }

    /// Waits until a stream on behalf of a caller has to end: the gateway drains, or the credential is no longer good.
    pub(crate) async fn until_over(self: Arc<Self>, caller: Caller) {
        let drain = self.context.drain().clone();
        tokio::select! {
            () = drain.cancelled() => {}
            () = self.until_revoked(caller) => {}
        }
    }

    /// Waits until the credential of a caller is no longer good. For what a drain leaves time to come to its own end.
    pub(crate) async fn until_revoked(self: Arc<Self>, caller: Caller) {
        let mut revocations = self.gate.revocations();
        let revoked = async {
            let period = ms(self.config.auth.recheck_ms).max(RECHECK_MIN);
            // What ended between the decision and this moment was told before anybody listened.
            let mut is_due = self.gate.has_changed_since(&caller);
            loop {
                // At once when something of the caller's ended; else when its time is up, and now and then in any case.
                let patience = caller.left().map_or(period, |left| left.clamp(RECHECK_MIN, period));
                if !std::mem::take(&mut is_due) {
                    drop(tokio::time::timeout(patience, revocations.concerning(&caller)).await);
                }
                if let Err(problem) = self.gate.ask(&self.upstream, &caller).await
                    && is_over(&problem)
                {
                    return;
                }
            }
        };
        revoked.instrument(tracing::debug_span!("recheck")).await;
        tracing::info!("a stream ends: its credential is no longer good");
    }
}

fn cut_short() -> Problem {
    Problem::new(Kind::Internal, "the request was cut short; the log has the details")
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}
