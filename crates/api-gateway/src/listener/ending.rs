//! Answers that go on and on, and end as soon as their client may have no more of them, whether it reads or not.
//!
//! The body of an answer is asked for more only while its client takes something. So it is the connection that watches, and
//! that closes itself under an answer that does not end when it is told to.

use std::{
    fmt,
    future::{pending, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::task::AtomicWaker;
use tokio::time::{Instant, Sleep, sleep_until};

/// Most answers are whole before anything has to be done to learn when they have to end.
const FREE: Duration = Duration::from_millis(100);
/// How long an answer that is over may take to end by itself.
const GRACE: Duration = Duration::from_millis(250);

type Over = Pin<Box<dyn Future<Output = ()> + Send>>;
type Begin = Box<dyn FnOnce() -> Over + Send>;

/// When an answer has to end. A handler leaves it among the extensions of its response, and lets the body ask it.
#[derive(Clone)]
pub(crate) struct Ending(Arc<State>);

struct State {
    /// Makes what waits for the end. None: somebody waits already.
    begin: Mutex<Option<Begin>>,
    is_over: AtomicBool,
    /// The body is gone.
    is_finished: AtomicBool,
    /// Of the body.
    waker: AtomicWaker,
}

impl Ending {
    /// Ends when what `begin` makes does. It is made only for an answer that takes its time.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(begin: impl FnOnce() -> F + Send + 'static) -> Self {
        let begin: Begin = Box::new(|| Box::pin(begin()));
        Self(Arc::new(State {
            begin: Mutex::new(Some(begin)),
            is_over: AtomicBool::new(false),
            is_finished: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }))
    }

    /// One that ends when this does, and what tells the body so.
    pub(crate) fn with<F: Future<Output = ()> + Send + 'static>(over: F) -> (Self, impl Future<Output = ()> + Send) {
        let ending = Self::new(move || over);
        let end = ending.clone();
        (ending, poll_fn(move |cx| end.poll(cx)))
    }

    /// Ready when the answer is over.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.waker.register(cx.waker());
        if self.0.is_over.load(Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Nothing more comes of the answer.
    pub(super) fn finish(&self) {
        self.0.is_finished.store(true, Relaxed);
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished.load(Relaxed)
    }

    fn begin(&self) -> Option<Over> {
        lock(&self.0.begin).take().map(|begin| begin())
    }

    fn end(&self) {
        self.0.is_over.store(true, Relaxed);
        self.0.waker.wake();
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending").field("is_over", &self.0.is_over).finish_non_exhaustive()
    }
}

/// Those of one connection that have just begun. On HTTP/2 others than the connection begin them.
#[derive(Debug, Default)]
pub(super) struct Endings {
    begun: Mutex<Vec<Ending>>,
    /// Of the connection.
    waker: AtomicWaker,
}

impl Endings {
    pub(super) fn add(&self, ending: Ending) {
        lock(&self.begun).push(ending);
        self.waker.wake();
    }
}

/// Those of one connection, as the connection watches them. There are no more than requests at the same time.
#[derive(Default)]
pub(super) struct Watch {
    endings: Arc<Endings>,
    watched: Vec<(Ending, Stage)>,
    timer: Option<Pin<Box<Sleep>>>,
}

enum Stage {
    /// Until it is known to be one that takes its time.
    Free(Instant),
    Until(Over),
    /// Until it should have ended.
    Over(Instant),
}

impl Watch {
    pub(super) fn endings(&self) -> Arc<Endings> {
        Arc::clone(&self.endings)
    }

    /// Ready when an answer did not end although it was told to: there is nobody who reads.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.endings.waker.register(cx.waker());
        let begun = std::mem::take(&mut *lock(&self.endings.begun));
        if begun.is_empty() && self.watched.is_empty() {
            return Poll::Pending;
        }
        let now = Instant::now();
        self.watched.extend(begun.into_iter().map(|ending| (ending, Stage::Free(now + FREE))));
        self.watched.retain(|(ending, _)| !ending.is_finished());
        let mut next: Option<Instant> = None;
        for (ending, stage) in &mut self.watched {
            match stage.poll(ending, now, cx) {
                Poll::Ready(()) => return Poll::Ready(()),
                Poll::Pending => next = [next, stage.time()].into_iter().flatten().min(),
            }
        }
        if let Some(next) = next {
            self.look_again(next, cx);
        }
        Poll::Pending
    }

    fn look_again(&mut self, at: Instant, cx: &mut Context<'_>) {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        if timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

impl Stage {
    /// What has a time of its own.
    const fn time(&self) -> Option<Instant> {
        match self {
            Self::Free(time) | Self::Over(time) => Some(*time),
            Self::Until(_) => None,
        }
    }

    fn poll(&mut self, ending: &Ending, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Free(until) = self
            && now >= *until
        {
            *self = Self::Until(ending.begin().unwrap_or_else(|| Box::pin(pending())));
        }
        if let Self::Until(over) = self
            && over.as_mut().poll(cx).is_ready()
        {
            ending.end();
            *self = Self::Over(now + GRACE);
        }
        match self {
            Self::Over(until) if now >= *until => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

/// No code that holds one of these locks can panic half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::time::timeout;

    use super::*;

    /// Watches something for a while that no real wait takes, and tells after how long it was given up.
    async fn given_up(watch: &mut Watch) -> Option<Duration> {
        let started = Instant::now();
        let cut = timeout(Duration::from_secs(2), poll_fn(|cx| watch.poll(cx))).await;
        cut.ok().map(|()| started.elapsed())
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_given_up() {
        let (mut watch, ending) = (Watch::default(), Ending::new(|| ready(())));
        watch.endings().add(ending);
        let after = given_up(&mut watch).await.expect("it is waited for");
        assert!(after >= FREE + GRACE && after < Duration::from_secs(1), "{after:?}");
    }

    #[tokio::test]
    async fn one_that_ends_when_it_is_told_is_not() {
        let (mut watch, ending) = (Watch::default(), Ending::new(|| ready(())));
        watch.endings().add(ending.clone());
        let body = async {
            poll_fn(|cx| ending.poll(cx)).await;
            ending.finish();
        };
        let (cut, ()) = tokio::join!(given_up(&mut watch), body);
        assert!(cut.is_none() && watch.watched.is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_the_end_of_one_that_is_whole() {
        let (mut watch, was_begun) = (Watch::default(), Arc::new(AtomicBool::new(false)));
        let begun = Arc::clone(&was_begun);
        let ending = Ending::new(move || {
            begun.store(true, Relaxed);
            pending()
        });
        watch.endings().add(ending.clone());
        assert!(timeout(FREE / 10, poll_fn(|cx| watch.poll(cx))).await.is_err());
        ending.finish();
        assert!(timeout(FREE * 2, poll_fn(|cx| watch.poll(cx))).await.is_err());
        assert!(!was_begun.load(Relaxed));
    }

    #[tokio::test]
    async fn one_that_begins_while_the_connection_waits_is_seen() {
        let mut watch = Watch::default();
        let endings = watch.endings();
        let begin = async {
            tokio::time::sleep(FREE).await;
            endings.add(Ending::new(|| ready(())));
        };
        let (cut, ()) = tokio::join!(given_up(&mut watch), begin);
        assert!(cut.is_some());
    }
}
