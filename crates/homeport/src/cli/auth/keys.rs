//! `homeport auth keys`, `key` and `revoke`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{
    cli::{Session, api, output, table::render, time::ago},
    command::Remote,
};

/// The form of the list.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The most that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scope {
    /// Read
    Read,
    /// Also work on containers and updates
    Operate,
    /// All that you may
    Admin,
}

/// The key that is wanted.
#[derive(Debug, Args)]
pub struct Create {
    /// What it is for
    label: String,
    /// The most that it may do; without it all that you may
    #[arg(long, value_enum)]
    scope: Option<Scope>,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The key that goes.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its id
    id: String,
    #[command(flatten)]
    pub(super) remote: Remote,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    api_keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    id: String,
    label: String,
    #[serde(rename = "keyPreview")]
    preview: String,
    last_used: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Made {
    key: String,
}

pub(super) async fn list(session: &Session) -> anyhow::Result<()> {
    let document = session.api.raw(session.api.request(Method::GET, "/auth/api-keys")).await?;
    if session.json {
        return output::json(&document);
    }
    let now = Timestamp::now();
    let keys = session.api.typed::<Keys>(&document)?.api_keys;
    let rows = keys.into_iter().map(|key| {
        let used = key.last_used.map_or_else(|| "never".to_owned(), |at| ago(at, now));
        [key.label, key.preview, used, key.id]
    });
    Ok(output::text(&render(["LABEL", "KEY", "LAST USED", "ID"], rows))?)
}

pub(super) async fn create(session: &Session, arguments: &Create) -> anyhow::Result<()> {
    let mut body = json!({ "label": arguments.label });
    if let Some(scope) = arguments.scope.and_then(|scope| scope.to_possible_value()) {
        body["scope"] = scope.get_name().into();
    }
    let document = session.api.raw(session.api.request(Method::POST, "/auth/api-keys").json(&body)).await?;
    if session.json {
        return output::json(&document);
    }
    let made: Made = session.api.typed(&document)?;
    output::note(&format!("The key {} is below, and nowhere else from now on:", arguments.label));
    Ok(output::text(&made.key)?)
}

pub(super) async fn revoke(session: &Session, arguments: &Revoke) -> anyhow::Result<()> {
    let path = format!("/auth/api-keys/{}", api::encode(&arguments.id));
    let document = session.api.raw(session.api.request(Method::DELETE, &path)).await?;
    if session.json { output::json(&document) } else { Ok(output::text("The key is revoked")?) }
}
