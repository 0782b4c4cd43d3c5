//! `PUT /logout`: the end of what a client signed in with.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::auth::v1::{DeleteTokenRequest, LogoutRequest, principal};

use crate::{app::App, gate::Caller, problem::Problem, upstream::of_auth};

/// Beginning of the names of tokens that were given to somebody who signed in with a passkey.
const PASSKEY: &str = "webauthn:";

/// Ends a session, or the token of one who signed in with a passkey. Other tokens are not for signing in: they are deleted.
pub(super) async fn logout(State(app): State<Arc<App>>, caller: Caller) -> Result<(), Problem> {
    let principal = &caller.principal;
    let (mut auth, mut tokens) = (app.upstream.auth(), app.upstream.tokens());
    match (caller.bearer(), principal.kind()) {
        (Some(token), principal::Kind::User) => {
            let request = LogoutRequest { token: token.to_owned() };
            app.finish(async move { of_auth(auth.logout(request).await).map(drop) }).await?;
        }
        (Some(_), principal::Kind::Token) if principal.name.starts_with(PASSKEY) => {
            let request = DeleteTokenRequest { id: principal.credential_id.clone(), token: None };
            app.finish(async move { of_auth(tokens.delete_token(request).await).map(drop) }).await?;
        }
        _ => return Err(Problem::bad_request("this credential has no session to end; delete the token instead")),
    }
    app.gate.forget();
    Ok(())
}
