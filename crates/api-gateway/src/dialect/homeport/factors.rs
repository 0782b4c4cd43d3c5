//! `DELETE /auth/factors/{name}`: help for somebody who lost the second factor.

use std::sync::Arc;

use axum::extract::{Path, State};
use homeport_proto::auth::v1::{GetUserRequest, ResetFactorRequest};

use crate::{app::App, gate::Caller, problem::Problem, upstream::of_auth};

/// Takes everything away that could be the user's second factor.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<(), Problem> {
    caller.require_unscoped()?;
    let request = GetUserRequest { name, ..GetUserRequest::default() };
    let user = of_auth(app.upstream.users().get_user(request).await)?.user.unwrap_or_default();
    let mut factors = app.upstream.factors();
    let request = ResetFactorRequest { user_id: user.id };
    app.finish(async move { of_auth(factors.reset_factor(request).await) }).await?;
    app.gate.forget();
    Ok(())
}
