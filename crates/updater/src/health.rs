//! Whether a new container has proved itself. The judge is pure; [`prove`] watches on its behalf.

mod judge;
pub mod tasks;

use std::time::Duration;

use tokio::time::{Instant, sleep};

pub use judge::{Judge, Observation, Verdict};

use crate::{
    engine::{Container, Engine, EngineError, PortAnswer, WantedPort},
    plan::{Proof, Run},
};

/// Between two looks at the container.
const LOOK: Duration = Duration::from_millis(500);

/// Why a container has not proved itself.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It is broken.
    #[error("the new version of {container} is not healthy: {reason}")]
    Broken {
        /// Its name.
        container: String,
        /// Why.
        reason: String,
    },
    /// It is not there any more.
    #[error("container {container} was removed by someone while it was to prove itself")]
    Gone {
        /// Its name.
        container: String,
    },
    /// It could not be looked at.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Watches a container until it has proved itself or has not. Tells how far it is, 0 to 100.
pub async fn prove(
    engine: &dyn Engine,
    container: &Container,
    proof: &Proof,
    run: Run,
    on_progress: &(dyn Fn(u32, &str) + Send + Sync),
) -> Result<(), ProofError> {
    let judge = Judge::new(container.health_check, proof, run);
    let wanted = wanted(container, proof, run);
    if wanted.is_empty() {
        return watch(engine, container, &judge, on_progress).await;
    }
    // Both at once, so that the slower one decides how long it takes. Whichever finds it broken ends it.
    tokio::try_join!(watch(engine, container, &judge, on_progress), answers(engine, container, proof, wanted))?;
    // It may have ended while its ports were waited for.
    let at = judge.limit();
    let seen = engine.container(&container.id).await?.ok_or_else(|| gone(container))?;
    match judge.judge(&Observation::of(at, seen)) {
        Verdict::Broken(reason) => Err(broken(container, reason)),
        Verdict::Wait | Verdict::Healthy => Ok(()),
    }
}

/// What the ports have to answer. A container with a check of its own says by that whether it answers; what a label
/// asks for is asked of every one that is to stay up.
fn wanted(container: &Container, proof: &Proof, run: Run) -> Vec<WantedPort> {
    if run != Run::Always {
        return Vec::new();
    }
    let mut wanted = Vec::new();
    if container.health_check.is_none() {
        let as_before =
            |port: &crate::engine::Port| WantedPort { path: None, port: port.port, answer: Some(port.answer) };
        wanted.extend(proof.ports.iter().map(as_before));
    }
    if let Some(http) = &proof.http {
        wanted.retain(|port| port.port != http.port);
        let answer = Some(PortAnswer::HttpOk);
        wanted.push(WantedPort { path: Some(http.path.clone()), port: http.port, answer });
    }
    wanted
}

fn gone(container: &Container) -> ProofError {
    ProofError::Gone { container: container.name.clone() }
}

fn broken(container: &Container, reason: String) -> ProofError {
    ProofError::Broken { container: container.name.clone(), reason }
}

async fn watch(
    engine: &dyn Engine,
    container: &Container,
    judge: &Judge,
    on_progress: &(dyn Fn(u32, &str) + Send + Sync),
) -> Result<(), ProofError> {
    let begin = Instant::now();
    loop {
        let at = begin.elapsed();
        let seen = engine.container(&container.id).await?.ok_or_else(|| gone(container))?;
        match judge.judge(&Observation::of(at, seen)) {
            Verdict::Healthy => return Ok(()),
            Verdict::Broken(reason) => return Err(broken(container, reason)),
            Verdict::Wait => {}
        }
        let percent = at.as_millis() * 100 / judge.limit().as_millis().max(1);
        on_progress(u32::try_from(percent).unwrap_or(100), "waiting until the new version has proved itself");
        sleep(LOOK.min(judge.limit().saturating_sub(at)).max(Duration::from_millis(20))).await;
    }
}

async fn answers(
    engine: &dyn Engine,
    container: &Container,
    proof: &Proof,
    wanted: Vec<WantedPort>,
) -> Result<(), ProofError> {
    let limit = Duration::from_millis(proof.port_timeout_ms);
    let found = engine.probe_ports(&container.id, &wanted, limit).await?;
    for WantedPort { port, answer, path } in wanted {
        let now = found.iter().find(|found| found.port == port).map_or(PortAnswer::Closed, |found| found.answer);
        let before = answer.unwrap_or(PortAnswer::Closed);
        if now >= before {
            continue;
        }
        let (seconds, now) = (limit.as_secs(), describe_now(now));
        let reason = match path {
            Some(path) => {
                format!("port {port} {now} within {seconds} s when asked for {path}, as a label wants it to be")
            }
            None => {
                format!("port {port} {} before the update, and {now} within {seconds} s after it", describe(before))
            }
        };
        return Err(broken(container, reason));
    }
    Ok(())
}

const fn describe(answer: PortAnswer) -> &'static str {
    match answer {
        PortAnswer::Closed => "was closed",
        PortAnswer::Open => "was open",
        PortAnswer::Talks => "answered",
        PortAnswer::Http => "answered to HTTP",
        PortAnswer::HttpOk => "answered well to HTTP",
    }
}

const fn describe_now(answer: PortAnswer) -> &'static str {
    match answer {
        PortAnswer::Closed => "stayed closed",
        PortAnswer::Open => "gave no answer",
        PortAnswer::Talks => "gave no HTTP answer below status 500",
        PortAnswer::Http => "gave no HTTP answer between 200 and 399",
        PortAnswer::HttpOk => "answered well to HTTP",
    }
}
