//! `homeport auth`: people, where one is signed in, keys and other ways in, and taking over other installations.

mod access;
mod import;
mod keys;
mod sessions;
mod users;

use clap::Subcommand;

use super::Session;
use crate::command::Remote;

/// What to do with people and what they sign in with.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show everybody who can sign in
    Users(users::List),
    /// Make a user
    Add(users::Add),
    /// Change what a user may do
    Set(users::Set),
    /// Give a user another password, which ends the user's sessions
    Reset(users::Reset),
    /// Delete a user, with sessions and keys
    Delete(users::Delete),
    /// Show where you are signed in
    Sessions(sessions::List),
    /// End one of your sessions
    End(sessions::End),
    /// Show the keys of your own applications
    Keys(keys::List),
    /// Make a key for an application of yours and print it, this once
    Key(keys::Create),
    /// Revoke a key of yours
    Revoke(keys::Revoke),
    /// Take over users and tokens of SPR or HomelabARR
    Import(import::Arguments),
    #[command(flatten)]
    Access(access::Command),
}

impl Command {
    pub(crate) const fn remote(&self) -> &Remote {
        match self {
            Self::Users(users::List { remote })
            | Self::Add(users::Add { remote, .. })
            | Self::Set(users::Set { remote, .. })
            | Self::Reset(users::Reset { remote, .. })
            | Self::Delete(users::Delete { remote, .. })
            | Self::Sessions(sessions::List { remote })
            | Self::End(sessions::End { remote, .. })
            | Self::Keys(keys::List { remote })
            | Self::Key(keys::Create { remote, .. })
            | Self::Revoke(keys::Revoke { remote, .. })
            | Self::Import(import::Arguments { remote, .. }) => remote,
            Self::Access(command) => command.remote(),
        }
    }
}

/// Does it.
pub(crate) async fn run(session: &Session, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Users(_) => users::list(session).await,
        Command::Add(arguments) => users::add(session, arguments).await,
        Command::Set(arguments) => users::set(session, arguments).await,
        Command::Reset(arguments) => users::reset(session, arguments).await,
        Command::Delete(arguments) => users::delete(session, arguments).await,
        Command::Sessions(_) => sessions::list(session).await,
        Command::End(arguments) => sessions::end(session, arguments).await,
        Command::Keys(_) => keys::list(session).await,
        Command::Key(arguments) => keys::create(session, arguments).await,
        Command::Revoke(arguments) => keys::revoke(session, arguments).await,
        Command::Import(arguments) => import::run(session, arguments).await,
        Command::Access(command) => access::run(session, command).await,
    }
}
