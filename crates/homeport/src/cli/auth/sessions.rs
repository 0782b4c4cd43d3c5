//! `homeport auth sessions` and `end`.

use clap::Args;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;

use crate::{
    cli::{
        Session, api, output,
        table::{or_dash, render},
        time::ago,
    },
    command::Remote,
};

/// The form of the list.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The session that ends.
#[derive(Debug, Args)]
pub struct End {
    /// Its id
    id: String,
    #[command(flatten)]
    pub(super) remote: Remote,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    last_activity: Option<Timestamp>,
    user_agent: String,
    ip_address: String,
    current: bool,
}

pub(super) async fn list(session: &Session) -> anyhow::Result<()> {
    let document = session.api.raw(session.api.request(Method::GET, "/auth/sessions")).await?;
    if session.json {
        return output::json(&document);
    }
    let now = Timestamp::now();
    let rows = session.api.typed::<Vec<Listed>>(&document)?.into_iter().map(|listed| {
        [
            listed.id,
            or_dash(Some(&listed.ip_address)),
            or_dash(Some(&listed.user_agent)),
            listed.last_activity.map_or_else(|| or_dash(None), |at| ago(at, now)),
            if listed.current { "this one".to_owned() } else { String::new() },
        ]
    });
    Ok(output::text(&render(["SESSION", "FROM", "WITH", "LAST USED", ""], rows))?)
}

pub(super) async fn end(session: &Session, arguments: &End) -> anyhow::Result<()> {
    let path = format!("/auth/sessions/{}", api::encode(&arguments.id));
    let document = session.api.raw(session.api.request(Method::DELETE, &path)).await?;
    if session.json { output::json(&document) } else { Ok(output::text("The session has ended")?) }
}
