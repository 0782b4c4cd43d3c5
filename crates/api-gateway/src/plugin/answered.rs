//! The body of an answer on its way: it tells when it breaks off, and ends when nobody may have more of it.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use homeport_service::telemetry::chain;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::{over::until_over, registry::Plugin};
use crate::{app::App, gate::Caller, listener::Ending};

/// Passes on the body of an answer to a caller, for as long as the caller may have it, with what tells how long that is.
/// None: it is for everybody.
pub(super) fn body(body: Incoming, app: Arc<App>, plugin: Arc<Plugin>, caller: Option<Caller>) -> (Body, Ending) {
    let of = Arc::clone(&plugin);
    let ending = Ending::new(move || until_over(app, of, caller));
    (Body::new(Answered { body, plugin, ending: ending.clone() }), ending)
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

pin_project! {
    struct Answered {
        #[pin]
        body: Incoming,
        plugin: Arc<Plugin>,
        ending: Ending,
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.project();
        if this.ending.poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Cut::Over)));
        }
        let frame = this.body.poll_frame(cx);
        if let Poll::Ready(Some(Err(error))) = &frame {
            broke_off(this.plugin, error);
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
