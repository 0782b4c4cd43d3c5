//! The grammar of the command line.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use crate::services::Service;
use crate::{
    cli::{
        action, audit, auth, check, containers, events, explain, fix, history, inspect, labels, login, logs, password,
        plan, prune, registry, resources, restart, rollback, scripts, settings, stats, token, update,
    },
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
    /// Run every service until Ctrl-C
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
    /// Replace Homeport's own containers; docker-agent starts this beside them
    #[command(hide = true)]
    SelfSwap,
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
    /// Show what was updated, rolled back, or failed; also what checks found
    History(history::Arguments),
    /// Show what happens, as it happens
    Events(events::Arguments),
    /// Show the containers, running or not
    Containers(containers::Arguments),
    /// Show the images, or remove some
    Images(resources::Arguments),
    /// Show the networks, or remove some
    Networks(resources::Arguments),
    /// Show the volumes, or remove some
    Volumes(resources::Arguments),
    /// Show which registries there are credentials for, or the tags that one has
    Registry(registry::Arguments),
    /// Show what a container printed
    Logs(logs::Arguments),
    /// Show what containers use at this moment
    Stats(stats::Arguments),
    /// Show everything about a container
    Inspect(inspect::Arguments),
    /// Show what a container is labelled with, or change that in its compose file
    Labels(labels::Arguments),
    /// Show the scripts that are asked before updates, and which containers they are for
    Scripts(scripts::Arguments),
    /// Bring a container to the image that its compose file says
    FixMismatch(fix::Arguments),
    /// Start containers, those first on which others depend
    Start(action::Arguments),
    /// Stop containers, those first that depend on others
    Stop(action::Stopping),
    /// Restart containers, alone or with all that depends on them
    Restart(restart::Arguments),
    /// Freeze containers
    Pause(action::Arguments),
    /// Let frozen containers go on
    Unpause(action::Arguments),
    /// Send containers a signal
    Kill(action::Killing),
    /// Remove containers
    Remove(action::Removing),
    /// Remove what nothing uses; shows it first and asks
    Prune(prune::Arguments),
    /// Show or change a setting
    Settings(settings::Arguments),
    /// Make, list and delete API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// People who can sign in, your sessions and keys, and users of other installations
    #[command(subcommand)]
    Auth(auth::Command),
    /// Show what was done and who was refused, or check that nobody changed the record
    Audit(audit::Arguments),
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
        check("homeport update nginx redis --rehearse", true);
        check("homeport update nginx --script check.sh", true);
        check("homeport update --all --script check.sh", false);
        check("homeport update --all --plan", false);
        check("homeport update nginx --plan-hash 0123456789ab", true);
        check("homeport update --all --plan-hash 0123456789ab", false);
        check("homeport plan nginx redis --force", true);
        check("homeport plan", false);
        check("homeport rollback nginx", true);
        check("homeport rollback", false);
        check("homeport rollback 0b8f6c52 web db", true);
        check("homeport rollback --list", true);
        check("homeport rollback nginx --list", false);
        check("homeport history --container nginx --limit 5", true);
        check("homeport history --limit 0", false);
        check("homeport history --kind updates --status failed", true);
        check("homeport history show 0b8f6c52 --json", true);
        check("homeport history checks --limit 5", true);
        check("homeport history clear --older-than 30", true);
        check("homeport history clear", false);
        check("homeport registry", true);
        check("homeport registry tags ghcr.io/owner/app", true);
        check("homeport events --topic update", true);
        check("homeport token create ci --scope /api:r --scope /x --expires 30d", true);
        check("homeport token create ci --expires soon", false);
        check("homeport token list --json", true);
        check("homeport token delete ci", true);
        check("homeport token", false);
        check("homeport auth users", true);
        check("homeport auth add otto --role viewer --email otto@example.org --password-stdin", true);
        check("homeport auth add otto --role superking", false);
        check("homeport auth add otto --password secret", false);
        check("homeport auth set otto --disable", true);
        check("homeport auth set otto", false);
        check("homeport auth set otto --disable --enable", false);
        check("homeport auth reset otto", true);
        check("homeport auth key phone --scope read", true);
        check("homeport auth revoke id", true);
        check("homeport auth import --spr /configs --homelabarr /config --replace", true);
        check("homeport auth import", false);
        check("homeport audit --follow -n 5 --action user_login", true);
        check("homeport audit verify --json", true);
        check("homeport audit --limit 0", false);
        check("homeport password", true);
        check("homeport containers --stack site --json", true);
        check("homeport images", true);
        check("homeport images --json", true);
        check("homeport images remove nginx:1 abc --force", true);
        check("homeport volumes remove", false);
        check("homeport logs web -f -n 5 --since 10m --timestamps", true);
        check("homeport logs web --tail all --since 2026-07-23T09:46:40Z", true);
        check("homeport logs web --tail some", false);
        check("homeport logs web --since yesterday", false);
        check("homeport logs", false);
        check("homeport stats web db", true);
        check("homeport inspect web --secrets", true);
        check("homeport labels web --all", true);
        check("homeport labels web docksmith.ignore=true --remove docksmith.tag-regex --no-restart", true);
        check("homeport labels web --undo 1 a=b", false);
        check("homeport restart web db --timeout 3", true);
        check("homeport restart --stack site --force --no-wait", true);
        check("homeport restart", false);
        check("homeport restart web --dependents --stack site", false);
        check("homeport scripts", true);
        check("homeport scripts assign web ask.sh", true);
        check("homeport fix-mismatch web --force", true);
        check("homeport start web db", true);
        check("homeport stop web --timeout 30", true);
        check("homeport stop web --timeout 0", false);
        check("homeport stop web --force", true);
        check("homeport kill web --signal SIGHUP", true);
        check("homeport remove web --force --volumes", true);
        check("homeport prune", true);
        check("homeport prune images --all --dry-run", true);
        check("homeport prune everything", false);
        check("homeport settings history_retention_days 30", true);
        check("homeport completions bash", true);
        check("homeport init-state --state /state --configs /configs --gid 5", true);
    }
}
