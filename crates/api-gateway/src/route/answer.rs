//! What a route answers when all goes well.

use http::StatusCode;

/// A successful answer. Examples are worked ones, see [`crate::openapi`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nobody said; the tests fail.
    Unsaid,
    /// No body.
    Nothing(StatusCode),
    /// A JSON value.
    Json(StatusCode, &'static str),
    /// A JSON value as `data` of Docksmith's envelope.
    Envelope(&'static str),
    /// A text of a content type.
    Text(&'static str, &'static str),
    /// Server-sent events; what they are.
    Events(&'static str),
    /// A websocket; what is said on it.
    Socket(&'static str),
}

impl Answer {
    /// 200 and a JSON value.
    pub(crate) const fn json(example: &'static str) -> Self {
        Self::Json(StatusCode::OK, example)
    }

    /// 200 and nothing more.
    pub(crate) const fn empty() -> Self {
        Self::Nothing(StatusCode::OK)
    }
}
