//! The judge: takes what is seen of a container, and says whether it has proved itself. Pure.

use std::time::Duration;

use crate::{
    engine::{Container, Health, HealthCheck, State},
    plan::{Before, Proof, Run},
};

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

impl Observation {
    /// What is seen of a container, so long after the proof began.
    pub fn of(at: Duration, seen: Container) -> Self {
        Self {
            at,
            state: seen.state,
            health: seen.health,
            restart_count: seen.restart_count,
            exit_code: seen.exit_code,
            message: if seen.error.is_empty() { seen.health_output } else { seen.error },
        }
    }
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

/// Judges a container by what is seen of it, and by what its predecessor did.
#[derive(Debug, Clone)]
pub struct Judge {
    /// It has to stay up for so long, whatever it says of itself: some pass their check and die afterwards.
    window: Duration,
    /// Its own check has to pass by then. None: it has none.
    check: Option<Duration>,
    run: Run,
    before: Before,
}

impl Judge {
    /// A judge for a container with this check, or without one.
    ///
    /// A check has the time in which the engine itself would call the container unhealthy:
    /// `start_period + retries × (interval + timeout)`, and a margin; longer where the window is.
    pub fn new(check: Option<HealthCheck>, proof: &Proof, run: Run) -> Self {
        let window = Duration::from_millis(proof.stable_ms);
        let margin = Duration::from_millis(proof.margin_ms);
        let limit = |check: HealthCheck| {
            let own = check.start_period + (check.interval + check.timeout) * check.retries.max(1) + margin;
            own.max(window)
        };
        Self { window, check: check.map(limit), run, before: proof.before }
    }

    /// Judges by what is seen now.
    pub fn judge(&self, seen: &Observation) -> Verdict {
        if self.run == Run::Job {
            return self.judge_job(seen);
        }
        if let Some(reason) = self.broken(seen) {
            return Verdict::Broken(reason);
        }
        if seen.at < self.window {
            return Verdict::Wait;
        }
        match self.check {
            None => Verdict::Healthy,
            Some(_) if seen.health == Health::Healthy => Verdict::Healthy,
            Some(limit) if seen.at < limit => Verdict::Wait,
            // Nothing that it did before.
            Some(_) if self.before.was_unhealthy => Verdict::Healthy,
            Some(limit) => Verdict::Broken(format!(
                "its health check has not passed within {} s{}",
                limit.as_secs(),
                said(&seen.message)
            )),
        }
    }

    /// One that is to end: with 0 it did what it should, and one that is still at it after the window does too.
    fn judge_job(&self, seen: &Observation) -> Verdict {
        let said = said(&seen.message);
        match seen.state {
            State::Exited if seen.exit_code == 0 => Verdict::Healthy,
            State::Exited | State::Restarting => {
                Verdict::Broken(format!("it ended with code {} and should with 0{said}", seen.exit_code))
            }
            State::Created => Verdict::Broken(format!("it was not started{said}")),
            State::Running if seen.at >= self.window => Verdict::Healthy,
            State::Running => Verdict::Wait,
        }
    }

    fn broken(&self, seen: &Observation) -> Option<String> {
        let said = said(&seen.message);
        if seen.health == Health::Unhealthy && !self.before.was_unhealthy {
            return Some(format!("its health check fails{said}"));
        }
        if self.before.restarts && matches!(seen.state, State::Running | State::Restarting) {
            // Its predecessor ended and was started again all the time; with what code, only the pause tells.
            let is_bad = seen.state == State::Restarting && seen.exit_code != 0;
            return is_bad.then(|| format!("it ended with code {}{said}", seen.exit_code));
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

    /// The longest that it takes to know.
    pub fn limit(&self) -> Duration {
        self.check.unwrap_or_default().max(self.window)
    }
}

fn said(message: &str) -> String {
    let message = message.trim();
    if message.is_empty() { String::new() } else { format!(": {message}") }
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

    fn proof(before: Before) -> Proof {
        Proof {
            stable_ms: 10_000,
            port_timeout_ms: 0,
            margin_ms: 2_000,
            ports: Vec::new(),
            http: None,
            before,
            stays: false,
        }
    }

    fn check(check: Option<HealthCheck>, seen: &Observation) -> Verdict {
        Judge::new(check, &proof(Before::default()), Run::Always).judge(seen)
    }

    fn after(before: Before, check: Option<HealthCheck>, seen: &Observation) -> Verdict {
        Judge::new(check, &proof(before), Run::Always).judge(seen)
    }

    fn is_broken(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Broken(_))
    }

    #[test]
    fn s10_1_a_check_has_its_own_periods_and_the_margin() {
        assert_eq!(check(Some(CHECK), &seen(29, State::Running, Health::Starting)), Verdict::Wait);
        assert!(is_broken(&check(Some(CHECK), &seen(30, State::Running, Health::Starting))));
        assert_eq!(check(Some(CHECK), &seen(10, State::Running, Health::Healthy)), Verdict::Healthy);
    }

    #[test]
    fn to_pass_the_check_once_is_not_enough() {
        assert_eq!(check(Some(CHECK), &seen(3, State::Running, Health::Healthy)), Verdict::Wait);
        assert!(is_broken(&check(Some(CHECK), &seen(9, State::Exited, Health::Healthy))));
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
    fn s10_1_without_a_check_it_has_to_stay_up() {
        assert_eq!(check(None, &seen(9, State::Running, Health::None)), Verdict::Wait);
        assert_eq!(check(None, &seen(10, State::Running, Health::None)), Verdict::Healthy);
    }

    #[test]
    fn what_was_unhealthy_before_may_be_so_but_not_worse() {
        let before = Before { was_unhealthy: true, restarts: false };
        assert_eq!(after(before, Some(CHECK), &seen(12, State::Running, Health::Unhealthy)), Verdict::Wait);
        assert_eq!(after(before, Some(CHECK), &seen(30, State::Running, Health::Unhealthy)), Verdict::Healthy);
        assert!(is_broken(&after(before, Some(CHECK), &seen(12, State::Exited, Health::Unhealthy))));
    }

    #[test]
    fn what_restarted_all_the_time_may_do_so_as_long_as_it_ends_well() {
        let before = Before { was_unhealthy: false, restarts: true };
        let restarted = Observation { restart_count: 3, ..seen(10, State::Running, Health::None) };
        assert_eq!(after(before, None, &restarted), Verdict::Healthy);
        let pausing = seen(4, State::Restarting, Health::None);
        assert_eq!(after(before, None, &pausing), Verdict::Wait);
        assert!(is_broken(&after(before, None, &Observation { exit_code: 1, ..pausing })));
        assert!(is_broken(&after(before, None, &seen(4, State::Exited, Health::None))));
    }

    #[test]
    fn a_job_has_to_end_well() {
        let judge = Judge::new(None, &proof(Before::default()), Run::Job);
        assert_eq!(judge.judge(&seen(1, State::Running, Health::None)), Verdict::Wait);
        assert_eq!(judge.judge(&seen(1, State::Exited, Health::None)), Verdict::Healthy);
        assert_eq!(judge.judge(&seen(10, State::Running, Health::None)), Verdict::Healthy);
        assert!(is_broken(&judge.judge(&Observation { exit_code: 2, ..seen(1, State::Exited, Health::None) })));
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
