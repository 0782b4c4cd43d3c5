//! Where the bus is.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::bail;
use homeport_service::config::Environment;

/// Who may write to a socket may connect to it.
const EVERYBODY_WRITES: u32 = 0o002;

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

/// Two lines for whoever publishes on a socket that not everybody may connect to, which other tools for the bus say as well.
pub(crate) fn note(socket: &Path) -> Option<String> {
    let mode = std::fs::metadata(socket).ok()?.permissions().mode();
    let shown = socket.display();
    (mode & EVERYBODY_WRITES == 0).then(|| {
        format!("NOTE: not every user may connect to {shown}.\nIf this fails, use sudo, or let everybody in with chmod a+rw {shown}")
    })
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
