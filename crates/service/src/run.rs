//! From `main` to the drain.

use std::{future::Future, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
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
}

impl Entry {
    /// Names a service's function.
    pub fn new<F, R>(name: &'static str, start: F) -> Self
    where
        F: Fn(Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), StartError>> + Send + 'static,
    {
        Self { name, start: Arc::new(move |context| Box::pin(start(context))) }
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
    let environment = Environment::of_process();
    telemetry::init(&environment);
    // Fails only if a provider is installed already, and then there is one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = %error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    let paths = Paths {
        state: environment.get("HOMEPORT_STATE").unwrap_or("./state").into(),
        configs: environment.get("HOMEPORT_CONFIGS").unwrap_or("./configs").into(),
    };
    let code = runtime.block_on(async {
        let drain = CancellationToken::new();
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

/// Runs services until `drain` is cancelled or one of them fails, and returns the first failure.
pub async fn run_all(
    services: Vec<Entry>,
    paths: Paths,
    environment: Environment,
    drain: CancellationToken,
) -> Result<(), StartError> {
    let mut running = tokio::task::JoinSet::new();
    for Entry { name, start } in services {
        let context = Context::new(name, absolute(&paths), environment.clone(), drain.clone());
        let span = tracing::info_span!("service", service = name);
        running.spawn(
            async move {
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
            .instrument(span),
        );
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
