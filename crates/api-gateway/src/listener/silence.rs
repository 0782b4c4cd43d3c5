//! When a connection of HTTP/2 has been of no use for too long: nothing is asked on it, or nothing is taken.
//!
//! A client may go on answering pings, and keep the window of a stream closed, for as long as it likes. Neither shows in what
//! is written to the socket.

use std::time::Duration;

use tokio::time::Instant;

use super::traffic::Traffic;

/// How long a client may take to go once it was told to.
const FAREWELL: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK_LEAST: Duration = Duration::from_millis(10);
const LOOK_MOST: Duration = Duration::from_secs(5);

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Alive,
    /// Nothing has been asked for too long: the client is told to go.
    Idle,
    /// Nothing has been taken for too long, or the client does not go.
    Stalled,
}

/// How long nothing has happened.
#[derive(Debug)]
pub(super) struct Silence {
    idle_limit: Duration,
    write_limit: Duration,
    moved: usize,
    since: Instant,
    is_told: bool,
}

impl Silence {
    pub(super) const fn new(idle_limit: Duration, write_limit: Duration, now: Instant) -> Self {
        Self { idle_limit, write_limit, moved: 0, since: now, is_told: false }
    }

    /// Until the next look. Few enough looks to cost nothing, and often enough to be at most a quarter late.
    pub(super) fn pause(&self) -> Duration {
        (self.idle_limit.min(self.write_limit) / 4).clamp(LOOK_LEAST, LOOK_MOST)
    }

    pub(super) fn look(&mut self, traffic: &Traffic, now: Instant) -> Look {
        if self.moved != traffic.moved() {
            (self.moved, self.since) = (traffic.moved(), now);
        }
        let silence = now.saturating_duration_since(self.since);
        if traffic.is_owed() {
            return if silence < self.write_limit { Look::Alive } else { Look::Stalled };
        }
        if !traffic.is_idle() || silence < self.idle_limit {
            return Look::Alive;
        }
        if !std::mem::replace(&mut self.is_told, true) {
            return Look::Idle;
        }
        if silence < self.idle_limit + FAREWELL { Look::Alive } else { Look::Stalled }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{body::Body, response::Response};
    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::{
        super::{ending::Endings, traffic::Counted},
        *,
    };

    const IDLE: Duration = Duration::from_secs(60);
    const WRITE: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_secs(1);

    /// All of it but a moment.
    const fn nearly(limit: Duration) -> Duration {
        limit.saturating_sub(MOMENT)
    }

    /// A connection, and the time there.
    struct Connection {
        traffic: Arc<Traffic>,
        silence: Silence,
        now: Instant,
    }

    impl Connection {
        fn new() -> Self {
            let now = Instant::now();
            Self { traffic: Arc::default(), silence: Silence::new(IDLE, WRITE, now), now }
        }

        /// An answer without an end that begins with some pieces.
        fn answer(&self, pieces: usize) -> http::Response<Counted> {
            let pieces =
                stream::iter(vec![Ok::<_, std::convert::Infallible>("piece"); pieces]).chain(stream::pending());
            let response = Response::new(Body::from_stream(pieces));
            Counted::answer(response, self.traffic.begin(false), &Endings::default())
        }

        fn check(&mut self, later: Duration, expected: Look) {
            self.now += later;
            assert_eq!(self.silence.look(&self.traffic, self.now), expected);
        }
    }

    #[test]
    fn a_connection_that_nothing_is_asked_on_is_told_and_then_left() {
        let mut connection = Connection::new();
        connection.check(nearly(IDLE), Look::Alive);
        drop(connection.traffic.begin(false));
        connection.check(MOMENT, Look::Alive);
        connection.check(nearly(IDLE), Look::Alive);
        connection.check(MOMENT, Look::Idle);
        connection.check(nearly(FAREWELL), Look::Alive);
        connection.check(MOMENT, Look::Stalled);
    }

    #[test]
    fn a_stream_that_has_nothing_to_say_stays() {
        let mut connection = Connection::new();
        let mut answer = connection.answer(1);
        assert!(answer.frame().now_or_never().is_some() && answer.frame().now_or_never().is_none());
        connection.check(MOMENT, Look::Alive);
        connection.check(IDLE * 10, Look::Alive);
        drop(answer);
        connection.check(MOMENT, Look::Alive);
        connection.check(IDLE, Look::Idle);
    }

    #[test]
    fn an_answer_that_nobody_takes_does_not() {
        for taken in 0..2 {
            let mut connection = Connection::new();
            let mut answer = connection.answer(2);
            for _ in 0..taken {
                assert!(answer.frame().now_or_never().is_some());
            }
            connection.check(MOMENT, Look::Alive);
            connection.check(nearly(WRITE), Look::Alive);
            connection.check(MOMENT, Look::Stalled);
        }
    }
}
