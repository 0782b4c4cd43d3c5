//! `homeport password`

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::{Session, output, prompt};
use crate::command::Remote;

/// How the passwords come.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Read the present and the new password from standard input, a line each
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Changes the password and goes on with the session, where that was ours.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let (current, new) = if arguments.password_stdin {
        (prompt::line()?, prompt::line()?)
    } else {
        let current = prompt::password("Present password")?;
        let new = prompt::password("New password (at least 6 characters, better 12)")?;
        if prompt::password("New password again")?.expose() != new.expose() {
            bail!("the two new passwords differ; nothing was changed");
        }
        (current, new)
    };
    let body = json!({ "currentPassword": current.expose(), "newPassword": new.expose() });
    let request = session.api.request(reqwest::Method::POST, "/auth/change-password").json(&body);
    let document = session.api.raw(request).await?;
    if session.json {
        output::json(&document)?;
    } else {
        output::text("Password changed; other sessions have ended")?;
    }
    Ok(())
}
