//! Bodies on their way: a request's says when it last moved and ends at its limit, an answer's tells when it breaks off.

use std::{
    error::Error,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use homeport_service::telemetry::chain;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Limited;
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::registry::Plugin;

/// When a request last moved.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<Instant>>);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    /// Now.
    pub(super) fn touch(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago.
    pub(super) fn idle(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// Watches a body and fails it with `LengthLimitError` beyond `limit` bytes.
pub(super) fn watch(body: Body, limit: usize) -> (Body, Activity) {
    let activity = Activity::new();
    let watched = Watched { body: Limited::new(body, limit), activity: activity.clone() };
    (Body::new(watched), activity)
}

pin_project! {
    struct Watched {
        #[pin]
        body: Limited<Body>,
        activity: Activity,
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = this.body.poll_frame(cx);
        if frame.is_ready() {
            this.activity.touch();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Logs it when the body of a plugin's answer breaks off: the client sees only that something ended too early.
pub(super) fn told(body: Incoming, plugin: Arc<Plugin>) -> Body {
    Body::new(Told { body, plugin })
}

/// Tells that an answer of a plugin ended before its end.
pub(super) fn broke_off(plugin: &Plugin, error: &(dyn Error + 'static)) {
    tracing::warn!(plugin.name = plugin.entry.name, error = chain(error), "an answer of a plugin broke off");
}

pin_project! {
    struct Told {
        #[pin]
        body: Incoming,
        plugin: Arc<Plugin>,
    }
}

impl HttpBody for Told {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.project();
        let frame = this.body.poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &frame {
            broke_off(this.plugin, error);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
