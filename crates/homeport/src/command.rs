//! The grammar of the command line.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use crate::services::Service;
use crate::{
    cli::{check, events, explain, history, login, password, plan, rollback, token, update},
    init_state,
};

/// Homeport: finds newer versions of the containers on this server and installs them in a way that undoes itself.
#[derive(Debug, Parser)]
#[command(
    name = "homeport",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 failed (also: an update that was undone), 2 wrong usage, 3 not signed in or \
                  not allowed, 4 Homeport does not answer."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What people ask of a running Homeport.
    #[command(flatten)]
    People(People),
    /// Run every service in this process until Ctrl-C
    Serve,
    /// Print the completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Run one service, as its container does
    Run {
        /// Which one
        service: Service,
    },
    /// Ask a service whether it serves; exit code 0 if it does
    Healthcheck {
        /// Which one
        service: Service,
    },
    /// Make the directories that the services need, each with the owner and mode it needs
    InitState(init_state::Arguments),
}

/// What people ask of a running Homeport.
#[derive(Debug, Subcommand)]
pub enum People {
    /// Sign in, for this and later commands
    Login(login::Arguments),
    /// Sign out
    Logout(Remote),
    /// Show what the last check found
    Status(Remote),
    /// Look for newer versions now
    Check(check::Arguments),
    /// Say what is offered to a container, and of every other tag why not
    Explain(explain::Arguments),
    /// Show what updates would do, change and take, without doing any of it
    Plan(plan::Arguments),
    /// Update containers; what fails is undone by itself
    Update(update::Arguments),
    /// Undo an update: image, files, data and configuration as they were before
    Rollback(rollback::Arguments),
    /// Show what was updated, rolled back, or failed
    History(history::Arguments),
    /// Show what happens, as it happens
    Events(events::Arguments),
    /// Make, list and delete API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Change your password
    Password(password::Arguments),
}

/// Which Homeport, and in what form.
#[derive(Debug, Clone, Args)]
pub struct Remote {
    /// Address of Homeport [default: $HOMEPORT_URL, or http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Print the API's documents as JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    fn check(line: &str, accepted: bool) {
        let parsed = Cli::try_parse_from(line.split(' '));
        assert_eq!(parsed.is_ok(), accepted, "{line}: {:?}", parsed.err());
    }

    #[test]
    fn lines() {
        check("homeport run docker-agent", true);
        check("homeport run docker", false);
        check("homeport login", true);
        check("homeport login --username ada --password-stdin --url http://host:1", true);
        check("homeport check", true);
        check("homeport check nginx --json", true);
        check("homeport explain nginx", true);
        check("homeport explain --image nginx:1.22-alpine --tags-file tags --label a=b --label c=d --json", true);
        check("homeport explain", false);
        check("homeport explain nginx --image nginx:1", false);
        check("homeport explain --image nginx:1", false);
        check("homeport explain nginx --label a=b", false);
        check("homeport update nginx", true);
        check("homeport update nginx --to 1.26.3 --force --no-wait", true);
        check("homeport update --all", true);
        check("homeport update", false);
        check("homeport update nginx --all", false);
        check("homeport update --all --to 1.26", false);
        check("homeport update nginx --plan --to 1.26", true);
        check("homeport update --all --plan", false);
        check("homeport update nginx --plan-hash 0123456789ab", true);
        check("homeport update --all --plan-hash 0123456789ab", false);
        check("homeport plan nginx redis --force", true);
        check("homeport plan", false);
        check("homeport rollback nginx", true);
        check("homeport rollback", false);
        check("homeport history --container nginx --limit 5", true);
        check("homeport history --limit 0", false);
        check("homeport events --topic update", true);
        check("homeport token create ci --scope /api:r --scope /x --expires 30d", true);
        check("homeport token create ci --expires soon", false);
        check("homeport token list --json", true);
        check("homeport token delete ci", true);
        check("homeport token", false);
        check("homeport password", true);
        check("homeport completions bash", true);
        check("homeport init-state --state /state --configs /configs --gid 5", true);
    }
}
