//! Every request that changes something, and every refusal, goes into auth's record. Reading does not.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use homeport_proto::auth::v1::{AuditEntry, Principal, audit_entry::Outcome};
use http::{HeaderValue, Method, StatusCode, Uri, header};

use super::{ClientAddress, CorrelationId, Layers};
use crate::{
    audit::{self, Noted},
    gate::Caller,
    path::CleanPath,
    problem::Problem,
};

/// What is known of a request before it is served, cheaply kept.
pub(crate) struct Question {
    pub(crate) method: Method,
    /// Template of the route. `None`: nothing answers there.
    pub(crate) template: Option<String>,
    pub(crate) uri: Uri,
    pub(crate) client: Option<ClientAddress>,
    pub(crate) id: Option<CorrelationId>,
    pub(crate) agent: Option<HeaderValue>,
}

pub(super) async fn record(State(layers): State<Layers>, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let template = extensions.get::<MatchedPath>();
    let acts = layers.traits.acts(request.method(), template);
    let question = Question {
        method: request.method().clone(),
        template: template.map(|template| template.as_str().to_owned()),
        uri: request.uri().clone(),
        client: extensions.get::<ClientAddress>().copied(),
        id: extensions.get::<CorrelationId>().cloned(),
        agent: request.headers().get(header::USER_AGENT).cloned(),
    };
    let app = Arc::clone(&layers.app);
    let recorded = async move {
        let response = next.run(request).await;
        if let Some(entry) = question.answered(acts, &response) {
            app.audit.record(entry).await;
        }
        response
    };
    if acts { layers.app.answer(recorded).await } else { recorded.await }
}

/// Whether an answer with this status says that somebody may not do what he wanted.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
}

fn outcome(status: StatusCode) -> Outcome {
    match status {
        status if is_refusal(status) => Outcome::Refused,
        status if status.is_client_error() || status.is_server_error() => Outcome::Failed,
        _ => Outcome::Done,
    }
}

impl Question {
    /// The entry for the record, if the request changed something or was refused.
    pub(crate) fn answered(self, acts: bool, response: &Response) -> Option<AuditEntry> {
        let outcome = outcome(response.status());
        (acts || outcome == Outcome::Refused).then(|| self.entry(response, outcome))
    }

    fn entry(self, response: &Response, outcome: Outcome) -> AuditEntry {
        let extensions = response.extensions();
        let refused = extensions.get::<Problem>().and_then(Problem::who);
        let who = extensions.get::<Caller>().map(|caller| &*caller.principal).or(refused);
        let noted = extensions.get::<Noted>().cloned().unwrap_or_default();
        let path = CleanPath::parse(self.uri.path());
        let path = path.as_ref().map_or("", CleanPath::as_str);
        let template = self.template.as_deref().unwrap_or(path);
        let name = audit::named(&self.method, template, path).filter(|_| outcome == Outcome::Done);
        let (action, target_kind, id) = match (noted.action, name) {
            (Some(action), _) => (action.to_owned(), "", String::new()),
            (None, Some((action, kind, id))) => (action.to_owned(), kind, id),
            (None, None) => (format!("{} {template}", self.method), "", String::new()),
        };
        let (target_id, target_name) = noted.target.unwrap_or((id, String::new()));
        let agent = self.agent.as_ref().and_then(|value| value.to_str().ok());
        let mut entry = AuditEntry {
            client_address: self.client.map(|client| client.0.ip().to_string()).unwrap_or_default(),
            user_agent: agent.unwrap_or_default().to_owned(),
            action,
            method: self.method.to_string(),
            path: path.to_owned(),
            target_kind: target_kind.to_owned(),
            target_id,
            target_name,
            outcome: outcome.into(),
            status: response.status().as_u16().into(),
            request_id: self.id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            ..AuditEntry::default()
        };
        if let Some(who) = who {
            set_principal(&mut entry, who);
        }
        if let Some((id, name)) = noted.user {
            (entry.user_id, entry.principal_id, entry.principal_name) = (id.clone(), id, name);
        }
        entry
    }
}

/// Says who it was.
pub(crate) fn set_principal(entry: &mut AuditEntry, who: &Principal) {
    entry.principal_kind = who.kind;
    entry.principal_id.clone_from(&who.id);
    entry.principal_name.clone_from(&who.name);
    // What nobody's token did is its own.
    entry.user_id.clone_from(if who.user_id.is_empty() { &who.id } else { &who.user_id });
}
