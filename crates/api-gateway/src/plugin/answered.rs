//! The body of an answer on its way: it tells when it breaks off, and ends when nobody may have more of it.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use homeport_service::telemetry::chain;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::{over::until_over, registry::Plugin};
use crate::{app::App, gate::Caller};

/// Looks at a body before it counts as one that goes on and on. hyper asks the plugin for more at the first one, a body
/// that is there has come at the second, and of one in chunks the third sees the end.
const FREE_LOOKS: u8 = 3;

/// Passes on the body of an answer to a caller, for as long as the caller may have it. None: it is for everybody.
pub(super) fn body(body: Incoming, app: Arc<App>, plugin: Arc<Plugin>, caller: Option<Caller>) -> Body {
    Body::new(Answered { body, plugin, watch: Watch::Looks { left: FREE_LOOKS, app, caller } })
}

/// Tells that an answer of a plugin ended before its end.
pub(super) fn broke_off(plugin: &Plugin, error: &(dyn Error + 'static)) {
    tracing::warn!(plugin.name = plugin.entry.name, error = chain(error), "an answer of a plugin broke off");
}

/// Why an answer did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    #[error("the plugin did not send all of it")]
    Plugin(#[source] hyper::Error),
    #[error("nobody may have more of it")]
    Over,
}

/// What is done to learn when an answer has to end. Most are whole before anything has to be.
enum Watch {
    /// Nothing yet.
    Looks {
        left: u8,
        app: Arc<App>,
        caller: Option<Caller>,
    },
    Until(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

impl Watch {
    /// Counts a look, and watches from the last free one on.
    fn look(&mut self, plugin: &Arc<Plugin>) {
        let Self::Looks { left, app, caller } = self else { return };
        match left.checked_sub(1) {
            Some(less) => *left = less,
            None => *self = Self::Until(Box::pin(until_over(Arc::clone(app), Arc::clone(plugin), caller.take()))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Self::Until(over) = self {
            ready!(over.as_mut().poll(cx));
            *self = Self::Over;
        }
        if matches!(self, Self::Over) { Poll::Ready(()) } else { Poll::Pending }
    }
}

pin_project! {
    struct Answered {
        #[pin]
        body: Incoming,
        plugin: Arc<Plugin>,
        watch: Watch,
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.project();
        this.watch.look(this.plugin);
        if this.watch.poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Cut::Over)));
        }
        let frame = this.body.poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Err(error))) => broke_off(this.plugin, error),
            // Nothing else would look again in time.
            Poll::Pending if matches!(this.watch, Watch::Looks { .. }) => cx.waker().wake_by_ref(),
            _ => {}
        }
        frame.map_err(Cut::Plugin)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
