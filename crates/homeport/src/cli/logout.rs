//! `homeport logout`

use reqwest::Method;

use super::{Session, api, output};

/// Ends the session there and forgets it here.
pub(crate) async fn run(session: &Session) -> anyhow::Result<()> {
    let answer = session.api.raw(session.api.request(Method::POST, "/auth/logout")).await;
    // Only a session that somebody has ended already is as good as ended.
    if !matches!(answer, Ok(_) | Err(api::Error::Refused { .. } | api::Error::NotSignedIn { .. })) {
        answer?;
    } else if session.json {
        output::json(&answer.unwrap_or_default())?;
    } else {
        output::text(&format!("Signed out at {}", session.api.url()))?;
    }
    session.credentials.forget()
}
