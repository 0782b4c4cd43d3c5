//! From `main` to the drain.

use std::{future::Future, io, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{Context, Paths, config::Environment, telemetry};

/// Why a service could not start or had to stop.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// How long tasks may take to end once a service has stopped serving.
const TASK_LIMIT: Duration = Duration::from_secs(1);

type Start = Arc<dyn Fn(Context) -> Pin<Box<dyn Future<Output = Result<(), StartError>> + Send>> + Send + Sync>;

/// A service by name, with the function that is the service.
#[derive(Clone)]
pub struct Entry {
    name: &'static str,
    start: Start,
    own_thread: bool,
}

impl Entry {
    /// Names a service's function.
    pub fn new<F, R>(name: &'static str, start: F) -> Self
    where
        F: Fn(Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), StartError>> + Send + 'static,
    {
        Self { name, start: Arc::new(move |context| Box::pin(start(context))), own_thread: false }
    }

    /// Runs all of the service's tasks on one thread of its own: for one that hands much from task to task and computes
    /// little, where waking another thread costs more than the work itself.
    #[must_use]
    pub const fn on_its_own_thread(mut self) -> Self {
        self.own_thread = true;
        self
    }

    /// The service's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.name).finish()
    }
}

/// Runs services in this process until SIGINT or SIGTERM, or until one of them fails: then the others drain too.
/// A second signal ends the process at once.
pub fn main(services: Vec<Entry>) -> ExitCode {
    run_until(services, CancellationToken::new())
}

/// The same, and also until standard input ends.
pub(crate) fn main_attached(services: Vec<Entry>) -> ExitCode {
    let drain = CancellationToken::new();
    let ends = drain.clone();
    // A thread, because a read of standard input cannot be given up: a runtime that ends would wait for it.
    let watch = std::thread::Builder::new().name("attached".to_owned()).spawn(move || {
        // An input that fails has ended, too.
        io::copy(&mut io::stdin(), &mut io::sink()).unwrap_or_default();
        ends.cancel();
    });
    match watch {
        Ok(_) => run_until(services, drain),
        Err(_) => ExitCode::FAILURE,
    }
}

fn run_until(mut services: Vec<Entry>, drain: CancellationToken) -> ExitCode {
    let environment = Environment::of_process();
    telemetry::init(&environment);
    raise_file_limit();
    let runtime = match runtime(&mut services) {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = %error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let paths = Paths::from_environment(&environment);
    let code = runtime.block_on(async {
        tokio::select! {
            result = run_all(services, paths, environment, drain.clone()) => match result {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(error = telemetry::chain(error.as_ref()), "stopped by an error");
                    ExitCode::FAILURE
                }
            },
            () = second_signal(drain) => ExitCode::FAILURE,
        }
    });
    runtime.shutdown_timeout(TASK_LIMIT);
    code
}

/// A runtime for these services. One that is alone and wants a single thread has the process's first one.
fn runtime(services: &mut [Entry]) -> io::Result<Runtime> {
    let mut builder = match services {
        [Entry { own_thread: own_thread @ true, .. }] => {
            *own_thread = false;
            Builder::new_current_thread()
        }
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

/// Lets the process have as many connections as the system allows: the usual limit of 1024 is for programs that still use
/// `select`, and everybody else is expected to raise it.
fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(limit = current, error = %error, "cannot raise the limit on open files");
    }
}

/// Runs services until `drain` is cancelled or one of them fails, and returns the first failure.
pub async fn run_all(
    services: Vec<Entry>,
    paths: Paths,
    environment: Environment,
    drain: CancellationToken,
) -> Result<(), StartError> {
    let mut running = tokio::task::JoinSet::new();
    for Entry { name, start, own_thread } in services {
        let context = Context::new(name, absolute(&paths), environment.clone(), drain.clone());
        let span = tracing::info_span!("service", service = name);
        let service = run_one(start, context).instrument(span);
        if own_thread {
            running.spawn(on_thread(name, service));
        } else {
            running.spawn(service);
        }
    }
    let mut first_failure = Ok(());
    while let Some(ended) = running.join_next().await {
        let result = ended.unwrap_or_else(|panic| Err(panic.into()));
        drain.cancel();
        if first_failure.is_ok() {
            first_failure = result;
        }
    }
    first_failure
}

/// Runs a service and then waits for its tasks.
async fn run_one(start: Start, context: Context) -> Result<(), StartError> {
    let result = start(context.clone()).await;
    if result.is_err() {
        context.drain().cancel();
    }
    if tokio::time::timeout(TASK_LIMIT, context.wait_for_tasks()).await.is_err() {
        tracing::warn!("tasks still ran when the drain ended; they are dropped");
    }
    tracing::info!("stopped");
    result
}

/// Runs a service on a thread with a runtime of its own.
async fn on_thread<F>(name: &'static str, service: F) -> Result<(), StartError>
where
    F: Future<Output = Result<(), StartError>> + Send + 'static,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (ended, result) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let result = runtime.block_on(service);
        runtime.shutdown_timeout(TASK_LIMIT);
        // Nobody waits any more when the process ends at a second signal.
        ended.send(result).unwrap_or_default();
    })?;
    let panicked = |_| io::Error::other(format!("the thread of {name} panicked; its message is above")).into();
    result.await.unwrap_or_else(|gone| Err(panicked(gone)))
}

fn absolute(paths: &Paths) -> Paths {
    let absolute = |path: &std::path::Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Paths { state: absolute(&paths.state), configs: absolute(&paths.configs) }
}

/// Cancels `drain` at the first signal and returns at the second.
async fn second_signal(drain: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("cannot listen for signals; stop the process with SIGKILL");
        return std::future::pending().await;
    };
    for count in 1..=2 {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if count == 1 {
            tracing::info!("draining; a second signal stops at once");
            drain.cancel();
        }
    }
}
