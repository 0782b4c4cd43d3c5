//! The settings of the stack, all from the environment.

use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result};
use clap::Args;

use crate::binaries::Profile;

/// What a person can decide about the stack.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// Address that the dashboard and the APIs are published at
    #[arg(long, env = "HOMEPORT_HTTP", default_value = "127.0.0.1:8080")]
    http: String,
    /// Directory of everything that Homeport remembers [default: state, in the repository]
    #[arg(long, env = "HOMEPORT_STATE")]
    state: Option<PathBuf>,
    /// Directory of settings and of the plugin list [default: configs, in the repository]
    #[arg(long, env = "HOMEPORT_CONFIGS")]
    configs: Option<PathBuf>,
    /// Directory that plugins are started from [default: the repository]
    #[arg(long, env = "HOMEPORT_ROOT")]
    root: Option<PathBuf>,
    /// Directories of compose stacks to look after, separated by colons
    #[arg(long, env = "HOMEPORT_STACKS", default_value = "/opt/stacks", value_delimiter = ':')]
    stacks: Vec<PathBuf>,
    /// Password of the first administrator [default: a random one, kept in the state directory]
    #[arg(long, env = "HOMEPORT_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// The engine to use [default: that of this machine]
    #[arg(long, env = "DOCKER_HOST")]
    docker_host: Option<String>,
    /// How to build what goes into the images: small, or as the tests have it anyway
    #[arg(long, env = "HOMEPORT_PROFILE", value_enum, default_value_t = Profile::Dist)]
    profile: Profile,
}

impl Settings {
    pub(crate) const fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn docker_host(&self) -> Option<&str> {
        self.docker_host.as_deref().filter(|host| !host.is_empty())
    }

    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    pub(crate) fn admin_password(&self) -> Option<&str> {
        self.admin_password.as_deref().filter(|password| !password.is_empty())
    }

    /// The address to open in a browser: one that listens everywhere is reached here by the loopback.
    pub(crate) fn http_for_people(&self) -> String {
        self.http.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")
    }

    /// Directories are absolute from here on: Compose would count from its own folder.
    pub(crate) fn state(&self) -> Result<PathBuf> {
        directory(self.state.as_deref(), "state")
    }

    pub(crate) fn configs(&self) -> Result<PathBuf> {
        directory(self.configs.as_deref(), "configs")
    }

    pub(crate) fn root(&self) -> Result<PathBuf> {
        directory(self.root.as_deref(), "")
    }

    pub(crate) fn stacks(&self) -> Result<Vec<PathBuf>> {
        let given = self.stacks.iter().filter(|path| !path.as_os_str().is_empty());
        given.map(|path| absolute(path).with_context(|| format!("resolving {}", path.display()))).collect()
    }

    /// The sentence after the address.
    pub(crate) fn where_the_password_is(&self) -> Result<String> {
        let file = self.state()?.join("auth/initial-admin-password");
        Ok(if file.exists() {
            format!("The first administrator's password is in {}", file.display())
        } else if self.admin_password().is_some() {
            "The first administrator's password is the one in HOMEPORT_ADMIN_PASSWORD".to_owned()
        } else {
            "The first administrator's password was set before; it is written down nowhere".to_owned()
        })
    }
}

fn directory(given: Option<&Path>, default: &str) -> Result<PathBuf> {
    let path = match given.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => path.to_owned(),
        None => crate::repository::root().join(default),
    };
    absolute(&path).with_context(|| format!("resolving {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(words: &[&str]) -> Settings {
        Line::parse_from(["line"].iter().chain(words)).settings
    }

    #[test]
    fn several_stacks_are_separated_by_colons() {
        let settings = parse(&["--stacks", "/srv/a:/srv/b"]);
        assert_eq!(settings.stacks().unwrap(), [PathBuf::from("/srv/a"), PathBuf::from("/srv/b")]);
    }

    #[test]
    fn an_address_that_listens_everywhere_is_shown_as_one_that_opens() {
        assert_eq!(parse(&["--http", "0.0.0.0:80"]).http_for_people(), "127.0.0.1:80");
        assert_eq!(parse(&["--http", "192.0.2.7:80"]).http_for_people(), "192.0.2.7:80");
    }
}
