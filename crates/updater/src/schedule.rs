//! When checks run: at the start, every interval, and when somebody asks.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// First wait after a run that failed; doubled with each further one, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// When runs happen. Of all who ask while one is under way, exactly one further run takes care.
#[derive(Debug)]
pub struct Schedule {
    state: watch::Sender<State>,
}

/// What a run has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Somebody asked for news rather than for what is remembered.
    pub refresh: bool,
    /// Somebody asked for it; otherwise its time has come.
    pub is_asked: bool,
}

/// A run that was asked for.
#[derive(Debug, Clone, Copy)]
#[must_use = "it can be waited for"]
pub struct Ticket(u64);

/// Tells of changes of a [`Schedule`].
#[derive(Debug)]
pub struct Changes(watch::Receiver<State>);

impl Changes {
    /// Waits for the next change, those since the last call included. Never ends once the schedule is gone.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// How many runs were asked for.
    asked: u64,
    /// How many of those are done.
    done: u64,
    refresh: bool,
    is_running: bool,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }
}

impl Schedule {
    /// Asks for a run. One that is under way does not count: it may have passed by already.
    pub fn ask(&self, refresh: bool) -> Ticket {
        let mut ticket = Ticket(0);
        self.state.send_modify(|state| {
            state.asked += 1;
            state.refresh |= refresh;
            ticket = Ticket(state.asked);
        });
        ticket
    }

    /// Waits for a run that was asked for, no longer than the limit. Whether it is done.
    pub async fn wait(&self, ticket: Ticket, limit: Duration) -> bool {
        let mut state = self.state.subscribe();
        tokio::time::timeout(limit, state.wait_for(|state| state.done >= ticket.0)).await.is_ok()
    }

    /// Told whenever a run is asked for, begins or ends.
    pub fn changes(&self) -> Changes {
        Changes(self.state.subscribe())
    }

    /// Whether a run is under way or about to begin.
    pub fn is_busy(&self) -> bool {
        let state = self.state.borrow();
        state.is_running || state.asked > state.done
    }

    /// Runs `job` now, after every interval and when asked, until `drain` is cancelled. A job that says it failed is
    /// tried again sooner. A run under way at the drain is dropped.
    pub async fn run<R>(&self, interval: Duration, drain: CancellationToken, job: impl Fn(Run) -> R)
    where
        R: Future<Output = bool>,
    {
        let mut failures = 0_u32;
        let mut next = Instant::now();
        loop {
            let mut state = self.state.subscribe();
            tokio::select! {
                () = drain.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
                _ = state.wait_for(|state| state.asked > state.done) => {}
            }
            let (run, asked) = self.begin();
            let succeeded = tokio::select! {
                () = drain.cancelled() => return,
                succeeded = job(run) => succeeded,
            };
            self.end(asked);
            failures = if succeeded { 0 } else { failures + 1 };
            next = Instant::now() + pause(interval, failures);
        }
    }

    fn begin(&self) -> (Run, u64) {
        let mut begun = (Run { refresh: false, is_asked: false }, 0);
        self.state.send_modify(|state| {
            begun = (Run { refresh: state.refresh, is_asked: state.asked > state.done }, state.asked);
            state.refresh = false;
            state.is_running = true;
        });
        begun
    }

    fn end(&self, asked: u64) {
        self.state.send_modify(|state| {
            state.done = asked;
            state.is_running = false;
        });
    }
}

/// How long to wait after so many failures in a row.
fn pause(interval: Duration, failures: u32) -> Duration {
    match failures {
        0 => interval,
        failures => interval.min(FIRST_RETRY * (1 << (failures - 1).min(16))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(300);

    /// When each run began, in seconds, and whether it was a refresh.
    type Runs = Arc<Mutex<Vec<(u64, bool)>>>;

    /// A schedule whose runs take ten seconds, with the time of each.
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    fn start(fails: bool) -> (Arc<Schedule>, Runs, Arc<AtomicBool>) {
        let (schedule, runs) = (Arc::new(Schedule::default()), Arc::new(Mutex::new(Vec::new())));
        let fails = Arc::new(AtomicBool::new(fails));
        let (shared, log, failing, begin) = (schedule.clone(), runs.clone(), fails.clone(), Instant::now());
        let job = move |run: Run| {
            log.lock().unwrap().push((begin.elapsed().as_secs(), run.refresh));
            let fails = failing.load(Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_secs(if fails { 0 } else { 10 })).await;
                !fails
            }
        };
        tokio::spawn(async move { shared.run(INTERVAL, CancellationToken::new(), job).await });
        (schedule, runs, fails)
    }

    #[tokio::test(start_paused = true)]
    async fn s2_1_one_run_follows_for_all_who_ask_during_one() {
        let (schedule, runs, _) = start(false);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let tickets = [schedule.ask(false), schedule.ask(true), schedule.ask(false)];
        for ticket in tickets {
            assert!(schedule.wait(ticket, Duration::from_secs(60)).await);
        }
        assert!(!schedule.is_busy());
        assert_eq!(*runs.lock().unwrap(), [(0, false), (10, true)]);
        let ticket = schedule.ask(false);
        assert!(!schedule.wait(ticket, Duration::from_secs(5)).await, "it takes ten seconds");
        assert!(schedule.is_busy());
    }

    #[tokio::test(start_paused = true)]
    async fn s14_runs_come_at_intervals_and_sooner_after_failures() {
        let (_schedule, runs, fails) = start(false);
        tokio::time::sleep(Duration::from_secs(700)).await;
        assert_eq!(*runs.lock().unwrap(), [(0, false), (310, false), (620, false)]);
        fails.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(250)).await;
        let times: Vec<_> = runs.lock().unwrap().iter().skip(3).map(|(at, _)| *at).collect();
        assert_eq!(times, [930, 931, 933, 937, 945]);
    }
}
