//! The commands for people: each asks a running Homeport over HTTP and shows the answer.

pub(crate) mod action;
mod api;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod containers;
mod credentials;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod fix;
mod follow;
pub(crate) mod history;
pub(crate) mod inspect;
pub(crate) mod labels;
pub(crate) mod login;
mod logout;
pub(crate) mod logs;
pub(crate) mod output;
pub(crate) mod password;
pub(crate) mod plan;
mod prompt;
pub(crate) mod prune;
pub(crate) mod registry;
pub(crate) mod resources;
pub(crate) mod restart;
pub(crate) mod rollback;
pub(crate) mod scripts;
pub(crate) mod settings;
mod size;
pub(crate) mod stats;
mod status;
mod table;
mod time;
pub(crate) mod token;
pub(crate) mod update;

use std::process::ExitCode;

use action::Action;
use api::Api;
use credentials::Credentials;
use homeport_service::config::Environment;
use resources::Kind;

use crate::command::{People, Remote};

/// Where Homeport is when nobody says.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Runs a command to its end.
pub(crate) fn run(command: People, environment: &Environment) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::finish(Err(error.into())),
    };
    output::finish(runtime.block_on(dispatch(command, environment)))
}

async fn dispatch(command: People, environment: &Environment) -> anyhow::Result<()> {
    match command {
        People::Login(arguments) => login::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Logout(remote) => logout::run(&Session::new(&remote, environment)?).await,
        People::Status(remote) => status::run(&Session::new(&remote, environment)?).await,
        People::Explain(arguments) => explain::run(&arguments, environment).await,
        People::Check(arguments) => check::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Plan(arguments) => plan::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Update(arguments) => update::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Rollback(arguments) => rollback::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::History(arguments) => history::run(&Session::new(arguments.remote(), environment)?, &arguments).await,
        People::Events(arguments) => events::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Containers(arguments) => {
            containers::run(&Session::new(&arguments.remote, environment)?, &arguments).await
        }
        People::Images(arguments) => {
            resources::run(&Session::new(arguments.remote(), environment)?, Kind::Images, &arguments).await
        }
        People::Networks(arguments) => {
            resources::run(&Session::new(arguments.remote(), environment)?, Kind::Networks, &arguments).await
        }
        People::Volumes(arguments) => {
            resources::run(&Session::new(arguments.remote(), environment)?, Kind::Volumes, &arguments).await
        }
        People::Registry(arguments) => registry::run(&Session::new(arguments.remote(), environment)?, &arguments).await,
        People::Logs(arguments) => logs::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Stats(arguments) => stats::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Inspect(arguments) => inspect::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Labels(arguments) => labels::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Scripts(arguments) => scripts::run(&Session::new(arguments.remote(), environment)?, &arguments).await,
        People::FixMismatch(arguments) => fix::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Start(arguments) => {
            action::run(&Session::new(&arguments.remote, environment)?, Action::Start, &arguments).await
        }
        People::Stop(arguments) => action::stop(&Session::new(&arguments.what.remote, environment)?, &arguments).await,
        People::Restart(arguments) => restart::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Pause(arguments) => {
            action::run(&Session::new(&arguments.remote, environment)?, Action::Pause, &arguments).await
        }
        People::Unpause(arguments) => {
            action::run(&Session::new(&arguments.remote, environment)?, Action::Unpause, &arguments).await
        }
        People::Kill(arguments) => action::kill(&Session::new(&arguments.what.remote, environment)?, &arguments).await,
        People::Remove(arguments) => {
            action::remove(&Session::new(&arguments.what.remote, environment)?, &arguments).await
        }
        People::Prune(arguments) => prune::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Settings(arguments) => settings::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
        People::Token(command) => token::run(&Session::new(command.remote(), environment)?, &command).await,
        People::Auth(command) => auth::run(&Session::new(command.remote(), environment)?, &command).await,
        People::Audit(arguments) => audit::run(&Session::new(arguments.remote(), environment)?, &arguments).await,
        People::Password(arguments) => password::run(&Session::new(&arguments.remote, environment)?, &arguments).await,
    }
}

/// What every command needs: the API, the credentials behind it, and the form of the answer.
pub(crate) struct Session {
    api: Api,
    credentials: Credentials,
    json: bool,
}

impl Session {
    fn new(remote: &Remote, environment: &Environment) -> anyhow::Result<Self> {
        let url = remote.url.as_deref().or_else(|| environment.get("HOMEPORT_URL")).unwrap_or(DEFAULT_URL);
        let url = api::parse_url(url)?;
        let credentials = Credentials::of(environment, &url)?;
        Ok(Self { api: Api::new(url, credentials.token(), credentials.proof())?, credentials, json: remote.json })
    }
}
