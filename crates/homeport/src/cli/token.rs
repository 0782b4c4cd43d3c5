//! `homeport token`

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;

use super::{
    Session, api, output,
    table::{or_dash, render},
    time::{ago, parse_duration, until},
};
use crate::command::Remote;

/// What to do with API tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token and print it, this once
    Create(Create),
    /// Show the tokens, without their secrets
    List(List),
    /// Delete a token, which is refused from then on
    Delete(Delete),
}

/// The token that is wanted.
#[derive(Debug, Args)]
pub struct Create {
    /// What it is called
    name: String,
    /// Let it reach only this path and what is below; :r lets it read, :rw read and write. Can be given several times;
    /// without any the token may do everything
    #[arg(long = "scope", value_name = "PATH[:r|:rw]")]
    scopes: Vec<String>,
    /// When it expires, such as 12h, 30d or 8w; without it never
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expires: Option<SignedDuration>,
    #[command(flatten)]
    remote: Remote,
}

/// The form of the list.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    remote: Remote,
}

/// The token that goes.
#[derive(Debug, Args)]
pub struct Delete {
    /// What it is called
    name: String,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(crate) const fn remote(&self) -> &Remote {
        match self {
            Self::Create(Create { remote, .. }) | Self::List(List { remote }) | Self::Delete(Delete { remote, .. }) => {
                remote
            }
        }
    }
}

/// Does it.
pub(crate) async fn run(session: &Session, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Create(wanted) => create(session, wanted).await,
        Command::List(_) => list(session).await,
        Command::Delete(Delete { name, .. }) => delete(session, name).await,
    }
}

async fn create(session: &Session, wanted: &Create) -> anyhow::Result<()> {
    let expire = wanted.expires.map_or(0, |length| Timestamp::now().as_second().saturating_add(length.as_secs()));
    let body = api::NewToken { name: &wanted.name, expire, scoped_paths: &wanted.scopes };
    let document = session.api.raw(session.api.request(Method::PUT, "/tokens").json(&body)).await?;
    if session.json {
        return output::json(&document);
    }
    let token: api::Token = session.api.typed(&document)?;
    output::note(&format!("The token {} is below, and nowhere else from now on:", token.name));
    Ok(output::text(&token.token)?)
}

async fn list(session: &Session) -> anyhow::Result<()> {
    let document = session.api.raw(session.api.request(Method::GET, "/tokens")).await?;
    if session.json {
        return output::json(&document);
    }
    let tokens: Vec<api::Token> = session.api.typed(&document)?;
    Ok(output::text(&view(&tokens, Timestamp::now()))?)
}

async fn delete(session: &Session, name: &str) -> anyhow::Result<()> {
    let request = session.api.request(Method::DELETE, "/tokens").json(&json!({ "Name": name }));
    let document = session.api.raw(request).await?;
    if session.json {
        return output::json(&document);
    }
    Ok(output::text(&format!("The token {name} is deleted"))?)
}

fn view(tokens: &[api::Token], now: Timestamp) -> String {
    if tokens.is_empty() {
        return "There are no tokens\n".to_owned();
    }
    let rows = tokens.iter().map(|token| {
        [
            token.name.clone(),
            format!("{}…", token.token),
            match token.scoped_paths.as_deref() {
                None | Some([]) => "everything".to_owned(),
                Some(paths) => paths.join(" "),
            },
            match token.expire {
                0 => "never".to_owned(),
                at => moment(at, |at| if at <= now { "expired".to_owned() } else { until(at, now) }),
            },
            match token.last_used {
                None | Some(0) => "never".to_owned(),
                Some(at) => moment(at, |at| ago(at, now)),
            },
        ]
    });
    render(["NAME", "TOKEN", "MAY REACH", "EXPIRES", "LAST USED"], rows)
}

fn moment(seconds: i64, show: impl FnOnce(Timestamp) -> String) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| or_dash(None), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn tokens() {
        let tokens = serde_json::json!([
            { "Name": "all", "Token": "abcdefgh", "Expire": 0, "ScopedPaths": null, "LastUsed": null },
            { "Name": "ci", "Token": "ijklmnop", "Expire": 1_800_600_000, "ScopedPaths": ["/api:r", "/x"],
              "LastUsed": 1_799_999_940 },
            { "Name": "old", "Token": "qrstuvwx", "Expire": 1_700_000_000, "ScopedPaths": [] },
        ]);
        let text = view(&serde_json::from_value::<Vec<api::Token>>(tokens).unwrap(), NOW);
        insta::assert_snapshot!(text, @r"
        NAME  TOKEN      MAY REACH   EXPIRES     LAST USED
        all   abcdefgh…  everything  never       never
        ci    ijklmnop…  /api:r /x   2027-01-22  1 min ago
        old   qrstuvwx…  everything  expired     never
        ");
    }

    #[test]
    fn none() {
        assert_eq!(view(&[], NOW), "There are no tokens\n");
    }
}
