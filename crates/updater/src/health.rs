//! Whether a new container has proved itself. The judge is pure; [`prove`] watches on its behalf.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    engine::{Container, Engine, EngineError, Health, HealthCheck, PortAnswer, State},
    plan::Proof,
};

/// Between two looks at the container.
const LOOK: Duration = Duration::from_millis(500);

/// What was seen of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Since the proof began.
    pub at: Duration,
    /// What it is doing.
    pub state: State,
    /// What its check says.
    pub health: Health,
    /// How often the engine restarted it.
    pub restart_count: u32,
    /// Of its last run.
    pub exit_code: i32,
    /// What the engine or its check said.
    pub message: String,
}

/// What the judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not known yet.
    Wait,
    /// It has proved itself, as far as its state can.
    Healthy,
    /// It is broken, for this reason.
    Broken(String),
}

/// Judges a container by what is seen of it.
#[derive(Debug, Clone)]
pub struct Judge {
    way: JudgeBy,
}

#[derive(Debug, Clone)]
enum JudgeBy {
    /// Its own check, within a limit that its own periods give.
    Check { limit: Duration },
    /// Staying up.
    Stability { window: Duration },
}

impl Judge {
    /// A judge for a container with this check, or without one.
    ///
    /// A check has the time in which the engine itself would call the container unhealthy:
    /// `start_period + retries × (interval + timeout)`, and a margin.
    pub fn new(check: Option<HealthCheck>, stable: Duration, margin: Duration) -> Self {
        let way = match check {
            Some(check) => {
                let rounds = check.retries.max(1);
                JudgeBy::Check { limit: check.start_period + (check.interval + check.timeout) * rounds + margin }
            }
            None => JudgeBy::Stability { window: stable },
        };
        Self { way }
    }

    /// Judges by what is seen now.
    pub fn judge(&self, seen: &Observation) -> Verdict {
        if let Some(reason) = broken(seen) {
            return Verdict::Broken(reason);
        }
        match self.way {
            JudgeBy::Check { .. } if seen.health == Health::Healthy => Verdict::Healthy,
            JudgeBy::Check { limit } if seen.at >= limit => Verdict::Broken(format!(
                "its health check has not passed within {} s{}",
                limit.as_secs(),
                said(&seen.message)
            )),
            JudgeBy::Stability { window } if seen.at >= window => Verdict::Healthy,
            JudgeBy::Check { .. } | JudgeBy::Stability { .. } => Verdict::Wait,
        }
    }

    /// The longest that it takes to know.
    pub const fn limit(&self) -> Duration {
        match self.way {
            JudgeBy::Check { limit } => limit,
            JudgeBy::Stability { window } => window,
        }
    }
}

fn broken(seen: &Observation) -> Option<String> {
    let said = said(&seen.message);
    if seen.health == Health::Unhealthy {
        return Some(format!("its health check fails{said}"));
    }
    if seen.restart_count > 0 || seen.state == State::Restarting {
        return Some(format!("it does not stay up: it ended with code {} and was restarted{said}", seen.exit_code));
    }
    match seen.state {
        State::Running | State::Restarting => None,
        State::Created => Some(format!("it was not started{said}")),
        State::Exited => Some(format!("it ended with code {}{said}", seen.exit_code)),
    }
}

fn said(message: &str) -> String {
    let message = message.trim();
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

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
    on_progress: &(dyn Fn(u32, &str) + Send + Sync),
) -> Result<(), ProofError> {
    let judge = Judge::new(
        container.health_check,
        Duration::from_millis(proof.stable_ms),
        Duration::from_millis(proof.margin_ms),
    );
    if container.health_check.is_some() || proof.ports.is_empty() {
        return watch(engine, container, &judge, on_progress).await;
    }
    // Both at once, so that the slower one decides how long it takes. Whichever finds it broken ends it.
    tokio::try_join!(watch(engine, container, &judge, on_progress), answers(engine, container, proof))?;
    // It may have ended while its ports were waited for.
    watch(engine, container, &Judge::new(None, Duration::ZERO, Duration::ZERO), on_progress).await
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
        let name = || container.name.clone();
        let seen = engine.container(&container.id).await?.ok_or_else(|| ProofError::Gone { container: name() })?;
        match judge.judge(&observe(at, seen)) {
            Verdict::Healthy => return Ok(()),
            Verdict::Broken(reason) => return Err(ProofError::Broken { container: name(), reason }),
            Verdict::Wait => {}
        }
        let percent = at.as_millis() * 100 / judge.limit().as_millis().max(1);
        on_progress(u32::try_from(percent).unwrap_or(100), "waiting until the new version has proved itself");
        sleep(LOOK.min(judge.limit().saturating_sub(at)).max(Duration::from_millis(20))).await;
    }
}

fn observe(at: Duration, seen: Container) -> Observation {
    let message = if seen.error.is_empty() { seen.health_output } else { seen.error };
    Observation {
        at,
        state: seen.state,
        health: seen.health,
        restart_count: seen.restart_count,
        exit_code: seen.exit_code,
        message,
    }
}

async fn answers(engine: &dyn Engine, container: &Container, proof: &Proof) -> Result<(), ProofError> {
    let wanted: Vec<(u16, Option<PortAnswer>)> =
        proof.ports.iter().map(|port| (port.port, Some(port.answer))).collect();
    let limit = Duration::from_millis(proof.port_timeout_ms);
    let found = engine.probe_ports(&container.id, &wanted, limit).await?;
    for before in &proof.ports {
        let now = found.iter().find(|port| port.port == before.port).map_or(PortAnswer::Closed, |port| port.answer);
        if now < before.answer {
            let reason = format!(
                "port {} {} before the update, and {} within {} s after it",
                before.port,
                describe(before.answer),
                describe_now(now),
                limit.as_secs()
            );
            return Err(ProofError::Broken { container: container.name.clone(), reason });
        }
    }
    Ok(())
}

const fn describe(answer: PortAnswer) -> &'static str {
    match answer {
        PortAnswer::Closed => "was closed",
        PortAnswer::Open => "was open",
        PortAnswer::Talks => "answered",
        PortAnswer::Http => "answered to HTTP",
    }
}

const fn describe_now(answer: PortAnswer) -> &'static str {
    match answer {
        PortAnswer::Closed => "stayed closed",
        PortAnswer::Open => "gave no answer",
        PortAnswer::Talks => "gave no HTTP answer below status 500",
        PortAnswer::Http => "answered to HTTP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: HealthCheck = HealthCheck {
        interval: Duration::from_secs(5),
        timeout: Duration::from_secs(1),
        start_period: Duration::from_secs(10),
        retries: 3,
    };

    fn seen(at: u64, state: State, health: Health) -> Observation {
        Observation {
            at: Duration::from_secs(at),
            state,
            health,
            restart_count: 0,
            exit_code: 0,
            message: String::new(),
        }
    }

    fn check(check: Option<HealthCheck>, seen: &Observation) -> Verdict {
        Judge::new(check, Duration::from_secs(10), Duration::from_secs(2)).judge(seen)
    }

    fn is_broken(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Broken(_))
    }

    #[test]
    fn a_check_has_its_own_periods_and_the_margin() {
        assert_eq!(check(Some(CHECK), &seen(29, State::Running, Health::Starting)), Verdict::Wait);
        assert!(is_broken(&check(Some(CHECK), &seen(30, State::Running, Health::Starting))));
        assert_eq!(check(Some(CHECK), &seen(3, State::Running, Health::Healthy)), Verdict::Healthy);
    }

    #[test]
    fn what_is_broken_is_broken_at_once() {
        assert!(is_broken(&check(Some(CHECK), &seen(0, State::Running, Health::Unhealthy))));
        assert!(is_broken(&check(Some(CHECK), &seen(0, State::Exited, Health::Starting))));
        assert!(is_broken(&check(None, &seen(0, State::Exited, Health::None))));
        assert!(is_broken(&check(None, &seen(0, State::Created, Health::None))));
        let restarted = Observation { restart_count: 1, ..seen(9, State::Running, Health::None) };
        assert!(is_broken(&check(None, &restarted)));
    }

    #[test]
    fn without_a_check_it_has_to_stay_up() {
        assert_eq!(check(None, &seen(9, State::Running, Health::None)), Verdict::Wait);
        assert_eq!(check(None, &seen(10, State::Running, Health::None)), Verdict::Healthy);
    }

    #[test]
    fn a_reason_says_what_was_said() {
        let seen = Observation {
            exit_code: 127,
            message: "no such file\n".to_owned(),
            ..seen(0, State::Exited, Health::None)
        };
        assert_eq!(check(None, &seen), Verdict::Broken("it ended with code 127: no such file".to_owned()));
    }
}
