//! `GET /ws` and `GET /ws_events_all`: events on a websocket whose first message is the credential.

mod credential;
mod frame;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use homeport_proto::auth::v1::{AuditEntry, audit_entry::Outcome};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use crate::{
    app::App,
    config::ms,
    extract::Params,
    gate::Caller,
    middleware::{ClientAddress, is_own, set_principal},
    problem::{Kind, Problem},
    stream::{self, End, Interest, Opening, Prefixes, Socket},
};

/// What clients wait for after their credential.
const SUCCESS: &str = "success";
const FAILURE: &str = "Authentication failure";
const SECOND_FACTOR: &str = "Invalid JWT OTP";

/// What a websocket carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// What is meant to be shown to a person.
    Notifications,
    /// That, and every event of the bus.
    Everything,
}

impl Channel {
    const fn path(self) -> &'static str {
        match self {
            Self::Notifications => "/ws",
            Self::Everything => "/ws_events_all",
        }
    }

    const fn topics(self) -> stream::Channel {
        match self {
            Self::Notifications => stream::Channel { name: "notifications", takes: frame::is_notification },
            Self::Everything => stream::Channel::EVERYTHING,
        }
    }
}

/// `GET /ws`.
pub(super) async fn notifications(
    State(app): State<Arc<App>>,
    client: Option<Extension<ClientAddress>>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    open(&app, Channel::Notifications, client, &params, request)
}

/// `GET /ws_events_all`.
pub(super) async fn everything(
    State(app): State<Arc<App>>,
    client: Option<Extension<ClientAddress>>,
    params: Params,
    request: Request,
) -> Result<Response, Problem> {
    open(&app, Channel::Everything, client, &params, request)
}

fn open(
    app: &Arc<App>,
    channel: Channel,
    client: Option<Extension<ClientAddress>>,
    params: &Params,
    request: Request,
) -> Result<Response, Problem> {
    if !is_own(request.headers()) {
        return Err(Problem::new(Kind::Forbidden, "a page of another site may not open this websocket"));
    }
    let unknown = Arc::clone(&app.handshakes).try_acquire_owned();
    let unknown = unknown.map_err(|_| {
        Problem::new(Kind::TooManyRequests, "too many websockets have not said who they are; try again")
    })?;
    let (opening, response) = Opening::read(request)?;
    let client = client.map_or(ClientAddress::UNKNOWN, |Extension(client)| client);
    let visit = Visit { app: Arc::clone(app), channel, client, prefixes: Prefixes::of(params) };
    app.spawn_upgraded("websocket", async move {
        if let Some(socket) = opening.complete().await {
            visit.run(socket, unknown).await;
        }
    });
    Ok(response)
}

/// A client on a websocket.
struct Visit {
    app: Arc<App>,
    channel: Channel,
    client: ClientAddress,
    prefixes: Prefixes,
}

impl Visit {
    /// Lets the client in and gives it events until it leaves. It holds one of the places of the unknown until it is
    /// known, or gone.
    async fn run(self, mut socket: Socket, unknown: OwnedSemaphorePermit) {
        let decided = tokio::select! {
            decided = self.identify(&mut socket) => decided,
            () = self.app.context.drain().cancelled() => Err(End::Away),
        };
        match decided {
            Ok(caller) => {
                drop(unknown);
                tracing::info!(
                    principal.name = caller.name(),
                    client.address = %self.client,
                    http.path = self.channel.path(),
                    "a websocket opened"
                );
                self.follow(socket, caller).await;
            }
            Err(end) => {
                let words = match end {
                    End::Refused => Some(FAILURE),
                    End::SecondFactor => Some(SECOND_FACTOR),
                    End::Away | End::Busy => None,
                };
                if let Some(words) = words {
                    socket.say(words).await;
                }
                socket.close(end).await;
            }
        }
    }

    async fn identify(&self, socket: &mut Socket) -> Result<Caller, End> {
        let patience = ms(self.app.config.events.handshake_ms);
        let text = timeout(patience, socket.first_text()).await.ok().flatten().ok_or(End::Refused)?;
        let problem = match credential::admit(&self.app, &text, self.channel.path(), self.client).await {
            Ok(caller) => return Ok(caller),
            Err(problem) => problem,
        };
        let end = match problem.kind() {
            Kind::Unauthorized | Kind::Forbidden | Kind::OutOfScope | Kind::TooManyRequests => End::Refused,
            Kind::SecondFactor => End::SecondFactor,
            // That auth cannot be asked says nothing about the credential.
            _ => return Err(End::Busy),
        };
        self.record(&problem).await;
        Err(end)
    }

    /// Records a refusal, which no status shows.
    async fn record(&self, problem: &Problem) {
        let mut entry = AuditEntry {
            client_address: self.client.0.ip().to_string(),
            action: format!("GET {}", self.channel.path()),
            method: "GET".to_owned(),
            path: self.channel.path().to_owned(),
            outcome: Outcome::Refused.into(),
            status: problem.status().as_u16().into(),
            ..AuditEntry::default()
        };
        if let Some(who) = problem.who() {
            set_principal(&mut entry, who);
        }
        self.app.audit.record(entry).await;
    }

    async fn follow(self, mut socket: Socket, caller: Caller) {
        let Self { app, channel, prefixes, .. } = self;
        let wanted = Interest { channel: channel.topics(), prefixes };
        // Before the answer, so that what is published after it arrives.
        let Some(subscription) = app.hub.subscribe(wanted, None) else {
            return socket.close(End::Busy).await;
        };
        if !socket.say(SUCCESS).await {
            return;
        }
        let ping = ms(app.config.events.ping_ms);
        let over = async {
            Arc::clone(&app).until_over(caller).await;
            if app.context.drain().is_cancelled() { End::Away } else { End::Refused }
        };
        socket.follow(subscription, |taken| frame::of(taken, channel == Channel::Everything), ping, over).await;
    }
}
