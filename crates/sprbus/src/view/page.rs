//! What the screen shows.

/// One of the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The list of events.
    Events,
    /// One event, whole.
    Detail,
    /// The table of topics.
    Topics,
}
