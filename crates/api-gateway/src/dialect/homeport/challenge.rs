//! `GET /.well-known/acme-challenge/{token}`: what an authority gave us to say, while it looks.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};

use crate::{app::App, listener::answer};

/// The answer to a token.
pub(super) async fn get(State(app): State<Arc<App>>, Path(token): Path<String>) -> Response {
    answer(&app.challenges, &token)
}
