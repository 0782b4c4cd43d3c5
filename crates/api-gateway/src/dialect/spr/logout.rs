//! `PUT /logout`: the end of a sign-in.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::auth::v1::{EndPasskeyLoginRequest, LogoutRequest, principal};

use crate::{app::App, gate::Caller, problem::Problem, upstream::of_auth};

/// Ends the session or the sign-in by passkey that the caller came with.
pub(super) async fn logout(State(app): State<Arc<App>>, caller: Caller) -> Result<(), Problem> {
    let client_address = caller.client().to_string();
    let ended = match (caller.bearer(), caller.principal.kind()) {
        (Some(token), principal::Kind::User) => {
            let request = LogoutRequest { token: token.to_owned(), client_address };
            let mut auth = app.upstream.auth();
            app.finish(async move { of_auth(auth.logout(request).await) }).await?;
            true
        }
        (Some(_), _) => {
            let credential_id = caller.principal.credential_id.clone();
            let request = EndPasskeyLoginRequest { credential_id, client_address };
            let mut passkeys = app.upstream.passkeys();
            app.finish(async move { of_auth(passkeys.end_passkey_login(request).await) }).await?.ended
        }
        (None, _) => false,
    };
    app.gate.forget();
    if ended {
        Ok(())
    } else {
        Err(Problem::bad_request("this credential is no sign-in; an API token is deleted with DELETE /tokens"))
    }
}
