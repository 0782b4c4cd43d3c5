//! `homeport auth users`, `add`, `set`, `reset` and `delete`.

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use homeport_service::Secret;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cli::{
        Session, api, output, prompt,
        table::{or_dash, render},
        time::ago,
    },
    command::Remote,
};

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// Read everything but secrets, users and tokens
    Viewer,
    /// Also work on containers and updates
    Operator,
    /// Everything
    Admin,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// The form of the list.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The user that is wanted.
#[derive(Debug, Args)]
pub struct Add {
    /// The name to sign in with
    name: String,
    /// What the user may do
    #[arg(long, value_enum, default_value = "operator")]
    role: Role,
    /// E-mail address
    #[arg(long, default_value = "")]
    email: String,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// What changes.
#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true, args = ["role", "email", "disable", "enable"])]
pub struct Set {
    /// Whom
    name: String,
    /// What the user may do from now on
    #[arg(long, value_enum)]
    role: Option<Role>,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// End all sessions, stop all tokens, and refuse the password
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Let a disabled user in again
    #[arg(long)]
    enable: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// Whose password.
#[derive(Debug, Args)]
pub struct Reset {
    /// Whom
    name: String,
    /// Read the new password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The user that goes.
#[derive(Debug, Args)]
pub struct Delete {
    /// Whom
    name: String,
    #[command(flatten)]
    pub(super) remote: Remote,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    username: String,
    email: String,
    role: String,
    #[serde(default)]
    disabled: bool,
    last_login: Option<Timestamp>,
}

pub(super) async fn list(session: &Session) -> anyhow::Result<()> {
    let document = session.api.raw(session.api.request(Method::GET, "/auth/users")).await?;
    if session.json {
        return output::json(&document);
    }
    Ok(output::text(&view(&session.api.typed::<Vec<User>>(&document)?, Timestamp::now()))?)
}

pub(super) async fn add(session: &Session, arguments: &Add) -> anyhow::Result<()> {
    let Add { name, role, email, password_stdin, .. } = arguments;
    let password = new_password(name, *password_stdin)?;
    let body = json!({ "username": name, "password": password.expose(), "email": email, "role": role.as_str() });
    let document = session.api.raw(session.api.request(Method::POST, "/auth/register").json(&body)).await?;
    say(session, &document, &format!("{name} can sign in, as {}", role.as_str()))
}

pub(super) async fn set(session: &Session, arguments: &Set) -> anyhow::Result<()> {
    let id = id_of(session, &arguments.name).await?;
    let mut body = json!({});
    if let Some(role) = arguments.role {
        body["role"] = role.as_str().into();
    }
    if let Some(email) = &arguments.email {
        body["email"] = email.as_str().into();
    }
    if arguments.disable || arguments.enable {
        body["disabled"] = arguments.disable.into();
    }
    let document = session.api.raw(session.api.request(Method::PUT, &path(&id, "")).json(&body)).await?;
    say(session, &document, &format!("{} is changed; it counts from now on", arguments.name))
}

pub(super) async fn reset(session: &Session, arguments: &Reset) -> anyhow::Result<()> {
    let id = id_of(session, &arguments.name).await?;
    let password = new_password(&arguments.name, arguments.password_stdin)?;
    let body = json!({ "newPassword": password.expose() });
    let document = session.api.raw(session.api.request(Method::PUT, &path(&id, "/password")).json(&body)).await?;
    say(session, &document, &format!("{} has another password, and has to sign in again", arguments.name))
}

pub(super) async fn delete(session: &Session, arguments: &Delete) -> anyhow::Result<()> {
    let id = id_of(session, &arguments.name).await?;
    let document = session.api.raw(session.api.request(Method::DELETE, &path(&id, ""))).await?;
    say(session, &document, &format!("{} is deleted, with sessions and keys", arguments.name))
}

fn path(id: &str, end: &str) -> String {
    format!("/auth/users/{}{end}", api::encode(id))
}

fn say(session: &Session, document: &Value, text: &str) -> anyhow::Result<()> {
    if session.json { output::json(document) } else { Ok(output::text(text)?) }
}

async fn id_of(session: &Session, name: &str) -> anyhow::Result<String> {
    let document = session.api.raw(session.api.request(Method::GET, "/auth/users")).await?;
    let users: Vec<User> = session.api.typed(&document)?;
    let found = users.into_iter().find(|user| user.username == name).map(|user| user.id);
    found.with_context(|| format!("there is no user {name}; `homeport auth users` shows all"))
}

/// A password twice from a person, once from a script.
fn new_password(name: &str, from_stdin: bool) -> anyhow::Result<Secret<String>> {
    if from_stdin {
        return prompt::line();
    }
    let password = prompt::password(&format!("Password of {name}"))?;
    if prompt::password("Again")?.expose() != password.expose() {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password)
}

fn view(users: &[User], now: Timestamp) -> String {
    let rows = users.iter().map(|user| {
        let role = if user.role == "user" { "operator" } else { &user.role };
        [
            user.username.clone(),
            if user.disabled { format!("{role}, disabled") } else { role.to_owned() },
            or_dash(Some(&user.email)),
            user.last_login.map_or_else(|| "never".to_owned(), |at| ago(at, now)),
        ]
    });
    render(["NAME", "ROLE", "E-MAIL", "SIGNED IN"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        let users = json!([
            { "id": "admin", "username": "admin", "email": "", "role": "admin", "lastLogin": "2027-01-15T07:59:00Z" },
            { "id": "u", "username": "otto", "email": "otto@example.org", "role": "user", "disabled": true },
        ]);
        let users: Vec<User> = serde_json::from_value(users).unwrap();
        let text = view(&users, Timestamp::constant(1_800_000_000, 0));
        insta::assert_snapshot!(text, @r"
        NAME   ROLE                E-MAIL            SIGNED IN
        admin  admin               –                 1 min ago
        otto   operator, disabled  otto@example.org  never
        ");
    }
}
