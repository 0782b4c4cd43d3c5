//! WebSockets and other changes of protocol: after the plugin agreed, bytes go back and forth until one side ends.

use std::sync::Arc;

use axum::{body::Body, extract::Request, response::Response};
use http::StatusCode;
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    sync::OwnedSemaphorePermit,
};

use super::{headers, over::until_over, registry::Plugin};
use crate::{
    app::App,
    gate::Caller,
    metrics::Held,
    problem::{Kind, Problem},
};

/// The client's end of a connection that may be upgraded.
pub(super) struct Tunnel {
    client: OnUpgrade,
    permit: OwnedSemaphorePermit,
}

/// Takes the client's end out of a request, if there may be one more tunnel.
pub(super) fn prepare(app: &App, request: &mut Request) -> Result<Tunnel, Problem> {
    let permit = Arc::clone(&app.tunnels).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::new(Kind::Unavailable, "too many open connections to plugins"))?;
    Ok(Tunnel { client: hyper::upgrade::on(request), permit })
}

impl Tunnel {
    /// Agrees to the change of protocol and joins the two ends, until one of them ends, the gateway drains, the
    /// caller's credential is no longer good, or the plugin is gone.
    pub(super) fn join(
        self,
        app: &Arc<App>,
        plugin: &Arc<Plugin>,
        mut answer: Response<Incoming>,
        caller: Option<Caller>,
    ) -> Response {
        let protocol = headers::upgrade(answer.headers());
        let upstream = hyper::upgrade::on(&mut answer);
        let name = plugin.entry.name.clone();
        let drain = app.context.drain().clone();
        let over = until_over(Arc::clone(app), Arc::clone(plugin), caller);
        app.spawn_upgraded("tunnel", async move {
            let _held = (self.permit, Held::tunnel());
            tokio::select! {
                () = carry(self.client, upstream, &name) => {}
                () = over => {}
                () = drain.cancelled() => {}
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = answer.headers().clone();
        headers::strip_hop_by_hop(response.headers_mut());
        if let Some(protocol) = protocol {
            headers::set_upgrade(response.headers_mut(), protocol);
        }
        response
    }
}

/// Carries bytes until both sides have said all. An end that breaks is the usual way to leave.
async fn carry(client: OnUpgrade, upstream: OnUpgrade, name: &str) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok((client, upstream)) => (client, upstream),
        Err(error) => {
            tracing::debug!(plugin.name = name, error = %error, "a change of protocol was not completed");
            return;
        }
    };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    if let Err(error) = copy_bidirectional(&mut client, &mut upstream).await {
        tracing::debug!(plugin.name = name, error = %error, "a tunnel broke");
    }
    // Whichever end is still open learns that it is over.
    drop(client.shutdown().await);
    drop(upstream.shutdown().await);
}
