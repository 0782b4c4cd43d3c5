//! Follows what auth says is good no longer, for as long as the gateway runs.

use std::{sync::Arc, time::Duration};

use homeport_proto::auth::v1::WatchRevocationsRequest;

use crate::app::App;

/// Between two attempts to reach an auth that is away.
const RETRY: Duration = Duration::from_millis(100);

/// Longest silence before the connection is made anew.
const SILENCE: Duration = Duration::from_secs(2);

/// Begins to follow.
pub(crate) fn follow(app: &Arc<App>) {
    let (app, context) = (Arc::clone(app), app.context.clone());
    context.clone().spawn("revocations", async move {
        let mut was_heard = true;
        while !context.drain().is_cancelled() {
            let heard = context.drain().run_until_cancelled(listen(&app)).await;
            app.gate.deaf();
            let heard = heard.unwrap_or_default();
            if was_heard && !heard && !context.drain().is_cancelled() {
                tracing::warn!("auth cannot be heard; it is asked about every request until it is");
            }
            was_heard = heard;
            drop(tokio::time::timeout(RETRY, context.drain().cancelled()).await);
        }
    });
}

/// Takes in what auth says until it is silent. Tells whether it said anything.
async fn listen(app: &App) -> bool {
    let Ok(stream) = app.upstream.auth_stream().watch_revocations(WatchRevocationsRequest {}).await else {
        return false;
    };
    let (mut stream, mut heard) = (stream.into_inner(), false);
    while let Ok(Ok(Some(revoked))) = tokio::time::timeout(SILENCE, stream.message()).await {
        app.gate.revoke(revoked);
        heard = true;
    }
    heard
}
