//! When an answer that goes on and on has to end.

use std::{future::pending, sync::Arc};

use super::registry::Plugin;
use crate::{app::App, gate::Caller};

/// Waits until nothing of a plugin may go on to a caller: the caller's credential is no longer good, or the plugin is
/// disabled or removed. Without a caller it is for everybody, and only the plugin matters. A drain is no reason: there is a
/// time for what is under way to be finished.
pub(super) async fn until_over(app: Arc<App>, plugin: Arc<Plugin>, caller: Option<Caller>) {
    let revoked = async {
        match caller {
            Some(caller) => app.until_revoked(caller).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = revoked => {}
        () = plugin.gone.cancelled() => {
            tracing::info!(plugin.name = plugin.entry.name, "a stream ends: its plugin is disabled or removed");
        }
    }
}
