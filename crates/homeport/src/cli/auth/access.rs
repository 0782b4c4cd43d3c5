//! Ways in other than a password: devices, the words that let them in, the second factor, keys of the device supervisor, and
//! the OpenID provider.

use clap::{Args, Subcommand};
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

/// What to do with them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the devices that may come in
    Devices(Plain),
    /// Take a device's way in away
    RemoveDevice(Named),
    /// Print twelve words that let in one more device within ten minutes
    NewDevice(Plain),
    /// Print eighteen words for the drawer, or show what is known of those there are
    RecoveryKey(Recovery),
    /// Show your second factor
    Factor(Plain),
    /// Make the secret of a second factor, for an application on a telephone
    EnrolFactor(Plain),
    /// Show the second factor: type a code, once an hour
    Verify(Verify),
    /// Take second factor and passkeys away from a user who lost them
    ResetFactor(Named),
    /// Show the keys of the device supervisor's API
    SupervisorKeys(Plain),
    /// Make such a key and print it, in place of the one before
    SupervisorKey(Project),
    /// Say what a project may not do with its key, in place of what was said before
    SupervisorWithdraw(Withdraw),
    /// Show whether the OpenID provider answers
    Oidc(Plain),
}

/// Nothing more to say.
#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// Who or which.
#[derive(Debug, Args)]
pub struct Named {
    /// What it is called
    name: String,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// What a project may not do.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// What the project is called
    project: String,
    /// Of device:power, device:update and device:network; without any, all of it is given back
    #[arg(value_name = "VERB")]
    verbs: Vec<String>,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The words for the drawer.
#[derive(Debug, Args)]
pub struct Recovery {
    /// Show what is known of those there are, and make none
    #[arg(long, conflicts_with_all = ["uses", "expires"])]
    show: bool,
    /// How often they are good; without it as often as one likes
    #[arg(long)]
    uses: Option<u32>,
    /// When they expire, such as 2027-01-31T00:00:00Z; without it never
    #[arg(long, value_name = "TIME")]
    expires: Option<Timestamp>,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// The code.
#[derive(Debug, Args)]
pub struct Verify {
    /// Read the code from standard input
    #[arg(long)]
    code_stdin: bool,
    /// From now on every request needs the second factor
    #[arg(long, conflicts_with = "sometimes")]
    always: bool,
    /// From now on only some requests need it
    #[arg(long)]
    sometimes: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// Whose key.
#[derive(Debug, Args)]
pub struct Project {
    /// The project; without it the device's own
    project: Option<String>,
    #[command(flatten)]
    pub(super) remote: Remote,
}

impl Command {
    pub(crate) const fn remote(&self) -> &Remote {
        match self {
            Self::Devices(Plain { remote })
            | Self::NewDevice(Plain { remote })
            | Self::Factor(Plain { remote })
            | Self::EnrolFactor(Plain { remote })
            | Self::SupervisorKeys(Plain { remote })
            | Self::SupervisorWithdraw(Withdraw { remote, .. })
            | Self::Oidc(Plain { remote })
            | Self::RemoveDevice(Named { remote, .. })
            | Self::ResetFactor(Named { remote, .. })
            | Self::RecoveryKey(Recovery { remote, .. })
            | Self::Verify(Verify { remote, .. })
            | Self::SupervisorKey(Project { remote, .. }) => remote,
        }
    }
}

/// Does it.
pub(crate) async fn run(session: &Session, command: &Command) -> anyhow::Result<()> {
    let body = Value::Null;
    match command {
        Command::Devices(_) => devices(session).await,
        Command::RemoveDevice(Named { name, .. }) => {
            let done = ask(session, Method::DELETE, "/auth/tokens", &json!({ "token_name": name })).await?;
            show(session, &done, || format!("The device {name} stays out from now on"))
        }
        Command::NewDevice(_) => {
            let words = ask(session, Method::POST, "/auth/new_device", &body).await?;
            output::note("Good for one device within ten minutes:");
            show(session, &words, || text(&words, "token"))
        }
        Command::RecoveryKey(wanted) => recovery(session, wanted).await,
        Command::Factor(_) => {
            let status = ask(session, Method::GET, "/otp_status", &body).await?;
            show(session, &status, || {
                let always = if status["AlwaysOn"] == true { ", needed for every request" } else { "" };
                format!("{}{always}; {} passkeys", text(&status, "State"), status["Passkeys"])
            })
        }
        Command::EnrolFactor(_) => {
            let made = ask(session, Method::PUT, "/otp_register", &json!({})).await?;
            output::note("Type this into an application on a telephone; it counts from `homeport auth verify` on:");
            show(session, &made, || format!("{}\n{}", text(&made, "Secret"), text(&made, "Url")))
        }
        Command::Verify(wanted) => verify(session, wanted).await,
        Command::ResetFactor(Named { name, .. }) => {
            let path = format!("/auth/factors/{}", api::encode(name));
            let done = ask(session, Method::DELETE, &path, &body).await?;
            show(session, &done, || format!("{name} has no second factor any more"))
        }
        Command::SupervisorKeys(_) => supervisor_keys(session).await,
        Command::SupervisorKey(Project { project, .. }) => {
            let wanted = json!({ "project": project.as_deref().unwrap_or_default() });
            let made = ask(session, Method::PUT, "/auth/supervisor_keys", &wanted).await?;
            output::note("The key is below, and nowhere else from now on:");
            show(session, &made, || text(&made, "key"))
        }
        Command::SupervisorWithdraw(Withdraw { project, verbs, .. }) => {
            let wanted = json!({ "project": project, "withdrawn": verbs });
            let done = ask(session, Method::PUT, "/auth/supervisor_keys/withdrawn", &wanted).await?;
            show(session, &done, || match verbs.join(", ").as_str() {
                "" => format!("{project} may do all that concerns the device"),
                verbs => format!("{project} may not do {verbs}"),
            })
        }
        Command::Oidc(_) => {
            let status = ask(session, Method::GET, "/auth/oidc/status", &body).await?;
            show(session, &status, || match (status["configured"] == true, status["problem"].as_str()) {
                (false, _) => "No OpenID provider is set".to_owned(),
                (true, None) => format!("{} answers", text(&status, "issuer")),
                (true, Some(problem)) => format!("{}: {problem}", text(&status, "issuer")),
            })
        }
    }
}

async fn ask(session: &Session, method: Method, path: &str, body: &Value) -> Result<Value, api::Error> {
    let request = session.api.request(method, path);
    session.api.raw(if body.is_null() { request } else { request.json(body) }).await
}

fn show(session: &Session, document: &Value, line: impl FnOnce() -> String) -> anyhow::Result<()> {
    if session.json { output::json(document) } else { Ok(output::text(&line())?) }
}

fn text(document: &Value, key: &str) -> String {
    document[key].as_str().unwrap_or_default().to_owned()
}

#[derive(Debug, Deserialize)]
struct Device {
    name: String,
    date: Option<Timestamp>,
    is_caller: bool,
}

async fn devices(session: &Session) -> anyhow::Result<()> {
    let document = ask(session, Method::GET, "/auth/tokens", &Value::Null).await?;
    if session.json {
        return output::json(&document);
    }
    let devices: Vec<Device> = session.api.typed(&document)?;
    let now = Timestamp::now();
    let rows = devices.into_iter().map(|device| {
        let since = device.date.map_or_else(|| or_dash(None), |at| ago(at, now));
        [device.name, since, if device.is_caller { "this one" } else { "" }.to_owned()]
    });
    Ok(output::text(&render(["DEVICE", "SINCE", ""], rows))?)
}

async fn recovery(session: &Session, wanted: &Recovery) -> anyhow::Result<()> {
    if wanted.show {
        let known = ask(session, Method::GET, "/auth/recovery_token", &Value::Null).await?;
        return show(session, &known, || match (known["exists"] == true, known["valid"] == true) {
            (false, _) => "There is no recovery key".to_owned(),
            (true, false) => "The recovery key is expired or used up".to_owned(),
            (true, true) => {
                let uses = known["uses_left"]
                    .as_u64()
                    .map_or("as often as you like".to_owned(), |n| format!("{n} more times"));
                format!("The recovery key is good {uses}")
            }
        });
    }
    let body = json!({ "uses": wanted.uses, "expiration": wanted.expires });
    let words = ask(session, Method::POST, "/auth/recovery_token", &body).await?;
    output::note("Keep these words where a fire does not reach both them and your devices; nobody shows them again:");
    show(session, &words, || text(&words, "token"))
}

async fn verify(session: &Session, wanted: &Verify) -> anyhow::Result<()> {
    let code = if wanted.code_stdin { prompt::line()? } else { prompt::password("Code")? };
    let update = wanted.always || wanted.sometimes;
    let body = json!({ "Code": code.expose().trim(), "UpdateAlwaysOn": update, "AlwaysOn": wanted.always });
    let proof = ask(session, Method::PUT, "/otp_validate", &body).await?;
    session.credentials.keep_proof(&Secret::new(proof.as_str().unwrap_or_default().to_owned()))?;
    Ok(output::text("The second factor is shown for an hour")?)
}

#[derive(Debug, Deserialize)]
struct Key {
    project: Option<String>,
    prefix: String,
    #[serde(default)]
    withdrawn: Vec<String>,
    last_used: Option<Timestamp>,
}

async fn supervisor_keys(session: &Session) -> anyhow::Result<()> {
    let document = ask(session, Method::GET, "/auth/supervisor_keys", &Value::Null).await?;
    if session.json {
        return output::json(&document);
    }
    let keys: Vec<Key> = session.api.typed(&document)?;
    let now = Timestamp::now();
    let rows = keys.into_iter().map(|key| {
        let used = key.last_used.map_or_else(|| "never".to_owned(), |at| ago(at, now));
        let project = key.project.unwrap_or_else(|| "(the device)".to_owned());
        [project, format!("{}…", key.prefix), key.withdrawn.join(" "), used]
    });
    Ok(output::text(&render(["PROJECT", "KEY", "MAY NOT", "LAST USED"], rows))?)
}
