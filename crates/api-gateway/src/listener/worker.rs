//! The threads that serve requests, each with a runtime of its own.

use std::{
    io,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

use crate::plugin;

/// More threads than this do not help: what is proxied is bound by the plugins long before.
const MOST_WORKERS: usize = 16;
/// Between two looks for connections to plugins that nobody used for a while.
const SWEEP: Duration = Duration::from_secs(2);

/// All of them.
#[derive(Debug)]
pub(super) struct Workers {
    workers: Vec<Worker>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    load: Arc<AtomicUsize>,
    ended: oneshot::Receiver<()>,
}

/// A connection, as the balance between workers knows it.
#[derive(Debug)]
pub(super) struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts `count` of them; 0 is one for each core that this process may use.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let count = if count == 0 { cores() } else { count }.min(MOST_WORKERS);
        let stop = CancellationToken::new();
        let workers = (0..count).map(|index| Worker::start(index, stop.clone())).collect::<io::Result<_>>()?;
        Ok(Self { workers, stop })
    }

    /// Calls something that starts tasks, so that they start on the worker with the fewest connections.
    pub(super) fn run(&self, start: impl FnOnce(Load)) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed)) else { return };
        worker.load.fetch_add(1, Ordering::Relaxed);
        let _entered = worker.runtime.enter();
        start(Load(Arc::clone(&worker.load)));
    }

    /// Ends all of them, and whatever still runs there.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        for worker in self.workers {
            // An error is a thread that ended in a panic, which is as ended as can be.
            drop(worker.ended.await);
        }
    }
}

impl Worker {
    fn start(index: usize, stop: CancellationToken) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (sender, ended) = oneshot::channel();
        thread::Builder::new().name(format!("http-{index}")).spawn(move || {
            runtime.block_on(async {
                while tokio::time::timeout(SWEEP, stop.cancelled()).await.is_err() {
                    plugin::sweep_connections();
                }
            });
            // Takes everything with it that still runs.
            drop(runtime);
            if sender.send(()).is_err() {
                tracing::debug!("nobody waits for a worker that ended");
            }
        })?;
        Ok(Self { runtime: handle, load: Arc::default(), ended })
    }
}
