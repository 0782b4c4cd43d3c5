//! `homeport login`

use clap::Args;
use homeport_service::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Session, api, output, prompt};
use crate::command::Remote;

/// Who signs in.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Your user name [default: whoever signed in here before, or admin]
    #[arg(long, short)]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// Exchanges a name and password for a session, and keeps it.
pub(crate) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let username = arguments.username.as_deref().or_else(|| session.credentials.username()).unwrap_or("admin");
    let password = if arguments.password_stdin {
        prompt::line()?
    } else {
        prompt::password(&format!("Password of {username} at {}", session.api.url()))?
    };
    let mut document = sign_in(session, username, &password).await?;
    let must_change = document.get("mustChangePassword").and_then(Value::as_bool).unwrap_or_default();
    if session.json {
        // A terminal or a log of a script is no place for it.
        document.as_object_mut().map(|document| document.remove("token"));
        return output::json(&document);
    }
    output::text(&format!("Signed in as {username} at {}", session.api.url()))?;
    if session.credentials.is_from_variable() {
        output::note("HOMEPORT_TOKEN is set and still goes before this session; unset it to use the session.");
    }
    if must_change {
        output::note("This password was made for the first start. Choose your own now: homeport password");
    }
    Ok(())
}

/// Begins a session and keeps it. Returns what the server said, token and all.
pub(super) async fn sign_in(session: &Session, username: &str, password: &Secret<String>) -> anyhow::Result<Value> {
    let body = json!({ "username": username, "password": password.expose() });
    let request = session.api.without_token().request(Method::POST, "/auth/login").json(&body);
    let document = session.api.raw(request).await.map_err(|error| match error {
        // Nobody is signed in while signing in: here it means that the password is wrong.
        api::Error::NotSignedIn { .. } => api::Error::WrongPassword,
        other => other,
    })?;
    let login: api::Login = session.api.typed(&document)?;
    session.credentials.keep(username, &Secret::new(login.token))?;
    Ok(document)
}
