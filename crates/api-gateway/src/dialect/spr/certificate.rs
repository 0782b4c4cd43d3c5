//! `/cert`: what a browser has to trust so that it trusts this machine.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header;

use crate::{app::App, problem::Problem};

/// `GET /cert`, and `GET /cert/authorized` for those who ask with a credential.
pub(super) async fn root(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let root = app.certificate.clone().ok_or_else(|| {
        Problem::not_found(
            "there is no authority of this machine; its certificate comes from elsewhere, or HTTPS is off",
        )
    })?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"homeport-authority.crt\""),
    ];
    Ok((headers, root).into_response())
}
