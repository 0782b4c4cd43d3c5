//! Where the bus is.

use std::path::{Path, PathBuf};

use anyhow::bail;
use homeport_service::config::Environment;

/// Where every process finds the bus that has the state directory mounted.
const DEFAULT: &str = "/state/api/eventbus.sock";

/// The socket. `TEST_PREFIX`, which other tools for the bus know too, wins over `HOMEPORT_STATE`.
pub(crate) fn path(environment: &Environment) -> PathBuf {
    match (environment.get("TEST_PREFIX"), environment.get("HOMEPORT_STATE")) {
        (Some(prefix), _) => format!("{prefix}{DEFAULT}").into(),
        (None, Some(state)) => Path::new(state).join("api/eventbus.sock"),
        (None, None) => DEFAULT.into(),
    }
}

/// Tells the two usual mistakes apart from a bus that is restarting.
pub(crate) fn check(socket: &Path) -> anyhow::Result<()> {
    let shown = socket.display();
    match std::os::unix::net::UnixStream::connect(socket).map_err(|error| error.kind()) {
        Err(std::io::ErrorKind::NotFound) => {
            bail!("there is no bus at {shown}; start Homeport, or set HOMEPORT_STATE to its state directory")
        }
        Err(std::io::ErrorKind::PermissionDenied) => {
            bail!("you may not connect to {shown}; use sudo, or let this user into its directory")
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: &str) {
        assert_eq!(path(&variables.iter().copied().collect()), Path::new(expected));
    }

    #[test]
    fn the_environment_moves_the_socket() {
        check(&[], "/state/api/eventbus.sock");
        check(&[("TEST_PREFIX", "/tmp/x")], "/tmp/x/state/api/eventbus.sock");
        check(&[("HOMEPORT_STATE", "/srv/state")], "/srv/state/api/eventbus.sock");
        check(&[("HOMEPORT_STATE", "/srv"), ("TEST_PREFIX", "/tmp/x")], "/tmp/x/state/api/eventbus.sock");
    }
}
