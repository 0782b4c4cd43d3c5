//! What is under way on one connection, and whether its client takes it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ending::{Ending, Endings};

/// What is known of the requests on a connection.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Requests that are being answered.
    in_flight: AtomicUsize,
    /// Requests so far.
    requests: AtomicUsize,
    /// A request had a body, so what was read last may be a part of one.
    had_body: AtomicBool,
    /// Answers that have more to give than hyper asks for, because the client does not take what there is already.
    owed: AtomicUsize,
    /// Grows with whatever happens.
    moved: AtomicUsize,
}

/// A request that is being answered, until the last byte of its answer has been handed over.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Traffic>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
        self.0.move_on();
    }
}

impl Traffic {
    pub(super) fn begin(self: &Arc<Self>, has_body: bool) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        self.move_on();
        if has_body {
            self.had_body.store(true, Relaxed);
        }
        InFlight(Arc::clone(self))
    }

    /// Requests so far: the same number at two times means that none came between.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// The same number at two times means that nothing at all happened between.
    pub(super) fn moved(&self) -> usize {
        self.moved.load(Relaxed)
    }

    /// Whether no request is being answered.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
    }

    /// Whether some request had a body.
    pub(super) fn had_body(&self) -> bool {
        self.had_body.load(Relaxed)
    }

    /// Whether a client is to take something before anything goes on.
    pub(super) fn is_owed(&self) -> bool {
        self.owed.load(Relaxed) > 0
    }

    fn move_on(&self) {
        self.moved.fetch_add(1, Relaxed);
    }
}

pin_project! {
    /// The body of an answer, which holds on to its request until it has been handed over.
    pub(super) struct Counted {
        #[pin]
        body: Body,
        owed: Owed,
        ending: Option<Ending>,
        in_flight: InFlight,
    }

    impl PinnedDrop for Counted {
        fn drop(this: Pin<&mut Self>) {
            if let Some(ending) = &this.ending {
                ending.finish();
            }
        }
    }
}

impl Counted {
    /// An answer on its way out. One that goes on and on is from now on ended when it has to be.
    pub(super) fn answer(mut response: Response, in_flight: InFlight, endings: &Endings) -> http::Response<Self> {
        let ending = response.extensions_mut().remove::<Ending>();
        if let Some(ending) = &ending {
            endings.add(ending.clone());
        }
        response.map(|body| Self { body, owed: Owed::new(&in_flight.0), ending, in_flight })
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        this.in_flight.0.move_on();
        let frame = this.body.poll_frame(cx);
        this.owed.set(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether an answer waits to be asked for more. hyper asks as long as there is room, so it is the client that has to do
/// something; it is the answer's turn when it had nothing to give.
#[derive(Debug)]
struct Owed {
    traffic: Arc<Traffic>,
    is_owed: bool,
}

impl Owed {
    fn new(traffic: &Arc<Traffic>) -> Self {
        traffic.owed.fetch_add(1, Relaxed);
        Self { traffic: Arc::clone(traffic), is_owed: true }
    }

    fn set(&mut self, is_owed: bool) {
        match (self.is_owed, is_owed) {
            (false, true) => drop(self.traffic.owed.fetch_add(1, Relaxed)),
            (true, false) => drop(self.traffic.owed.fetch_sub(1, Relaxed)),
            _ => {}
        }
        self.is_owed = is_owed;
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.set(false);
    }
}
