//! `/webauthn/…`: passkeys, in ceremonies of two steps. What the first answers goes to the browser's own function, what that
//! makes of it into the second.

use std::sync::Arc;

use axum::{
    Extension, Json as Body,
    extract::{FromRequestParts, State},
};
use homeport_proto::auth::v1::{
    BeginPasskeyLoginRequest, BeginRegistrationRequest, BeginValidationRequest, DeletePasskeyRequest,
    FinishPasskeyLoginRequest, FinishRegistrationRequest, FinishValidationRequest, ListPasskeysRequest, Passkey,
};
use http::{header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::person::person;
use crate::{
    app::App,
    extract::{Json, Shallow},
    gate::Caller,
    middleware::{ClientAddress, Scheme},
    problem::Problem,
    upstream::of_auth,
    view,
};

/// A passkey, as it is listed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credential {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    site: String,
    created: Option<i64>,
    last_used: Option<i64>,
}

/// Whether the caller has passkeys, and which.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Status {
    registered: bool,
    credentials: Vec<Credential>,
}

/// The first step of a ceremony.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Question {
    session: String,
    options: Box<RawValue>,
}

/// The second step of a ceremony.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reply {
    session: String,
    credential: Value,
    name: String,
}

/// A sign-in.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SignedIn {
    name: String,
    token: String,
    expire: i64,
}

/// Body of a deletion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    id: String,
}

impl From<Passkey> for Credential {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            site: passkey.site,
            created: view::unix(passkey.created_at.as_ref()),
            last_used: view::unix(passkey.last_used_at.as_ref()),
        }
    }
}

impl Question {
    fn new(session: String, options: String) -> Result<Body<Self>, Problem> {
        let options = RawValue::from_string(options);
        let options = options.map_err(|error| Problem::bad_request(format!("auth's options are no JSON: {error}")))?;
        Ok(Body(Self { session, options }))
    }
}

/// `GET /webauthn/status`.
pub(super) async fn status(State(app): State<Arc<App>>, caller: Caller) -> Result<Body<Status>, Problem> {
    let user_id = person(&caller)?.to_owned();
    let passkeys = of_auth(app.upstream.passkeys().list_passkeys(ListPasskeysRequest { user_id }).await)?.passkeys;
    let credentials: Vec<_> = passkeys.into_iter().map(Credential::from).collect();
    Ok(Body(Status { registered: !credentials.is_empty(), credentials }))
}

/// `PUT /webauthn/register`.
pub(super) async fn begin_registration(
    State(app): State<Arc<App>>,
    caller: Caller,
    Page { origin, client_address }: Page,
) -> Result<Body<Question>, Problem> {
    let request = BeginRegistrationRequest { user_id: person(&caller)?.to_owned(), origin, client_address };
    let begun = of_auth(app.upstream.passkeys().begin_registration(request).await)?;
    Question::new(begun.session, begun.options)
}

/// `POST /webauthn/register`.
pub(super) async fn finish_registration(
    State(app): State<Arc<App>>,
    caller: Caller,
    Shallow(reply): Shallow<Reply>,
) -> Result<Body<Credential>, Problem> {
    let request = FinishRegistrationRequest {
        user_id: person(&caller)?.to_owned(),
        session: reply.session,
        credential: reply.credential.to_string(),
        name: reply.name,
        client_address: caller.client().to_string(),
    };
    let mut passkeys = app.upstream.passkeys();
    let made = app.finish(async move { of_auth(passkeys.finish_registration(request).await) }).await?;
    app.gate.forget();
    Ok(Body(made.passkey.unwrap_or_default().into()))
}

/// `DELETE /webauthn/credential`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(which): Json<Which>,
) -> Result<(), Problem> {
    let (user_id, client_address) = (person(&caller)?.to_owned(), caller.client().to_string());
    let request = DeletePasskeyRequest { user_id, id: which.id, client_address };
    let mut passkeys = app.upstream.passkeys();
    app.finish(async move { of_auth(passkeys.delete_passkey(request).await) }).await?;
    app.gate.forget();
    Ok(())
}

/// `PUT /webauthn/validate`.
pub(super) async fn begin_validation(
    State(app): State<Arc<App>>,
    caller: Caller,
    Page { origin, client_address }: Page,
) -> Result<Body<Question>, Problem> {
    let request = BeginValidationRequest { user_id: person(&caller)?.to_owned(), origin, client_address };
    let begun = of_auth(app.upstream.passkeys().begin_validation(request).await)?;
    Question::new(begun.session, begun.options)
}

/// `POST /webauthn/validate`.
pub(super) async fn finish_validation(
    State(app): State<Arc<App>>,
    caller: Caller,
    Shallow(reply): Shallow<Reply>,
) -> Result<Body<String>, Problem> {
    let request = FinishValidationRequest {
        user_id: person(&caller)?.to_owned(),
        session: reply.session,
        credential: reply.credential.to_string(),
        client_address: caller.client().to_string(),
    };
    let mut passkeys = app.upstream.passkeys();
    let proof = app.finish(async move { of_auth(passkeys.finish_validation(request).await) }).await?;
    Ok(Body(proof.token))
}

/// `PUT /webauthn/login`.
pub(super) async fn begin_login(
    State(app): State<Arc<App>>,
    Page { origin, client_address }: Page,
) -> Result<Body<Question>, Problem> {
    let request = BeginPasskeyLoginRequest { origin, client_address };
    let begun = of_auth(app.upstream.passkeys().begin_passkey_login(request).await)?;
    Question::new(begun.session, begun.options)
}

/// `POST /webauthn/login`.
pub(super) async fn finish_login(
    State(app): State<Arc<App>>,
    Extension(client): Extension<ClientAddress>,
    Shallow(reply): Shallow<Reply>,
) -> Result<Body<SignedIn>, Problem> {
    let request = FinishPasskeyLoginRequest {
        session: reply.session,
        credential: reply.credential.to_string(),
        client_address: client.to_string(),
    };
    let mut passkeys = app.upstream.passkeys();
    let login = app.finish(async move { of_auth(passkeys.finish_passkey_login(request).await) }).await?;
    let expire = view::unix(login.expires_at.as_ref()).unwrap_or_default();
    Ok(Body(SignedIn { name: login.name, token: login.token, expire }))
}

/// The page that asks, as far as its browser can be believed: the address that the request was sent to. What the
/// authenticator signs says whether that was true.
pub(super) struct Page {
    origin: String,
    client_address: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.ok_or_else(|| Problem::bad_request("the request names no host"))?;
        let scheme = if parts.extensions.get() == Some(&Scheme::Https) { "https" } else { "http" };
        let client = parts.extensions.get::<ClientAddress>();
        let client_address = client.map(ToString::to_string).unwrap_or_default();
        Ok(Self { origin: format!("{scheme}://{host}"), client_address })
    }
}
