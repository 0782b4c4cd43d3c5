//! A plugin's socket in a directory that is the plugin's own.
//!
//! Whoever owns a directory can put links into it at any moment, so nothing here follows one: the directory is opened once,
//! and everything else is done relative to that handle.

use std::{
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, mkdirat, openat, statat, unlinkat},
    io::Errno,
};
use tokio::net::UnixListener;

/// The socket's name in the plugin's directory.
const NAME: &str = "engine.sock";

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {path}")]
pub(crate) struct BindError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A socket that was bound, as it lies in the directory.
#[derive(Debug)]
pub(crate) struct Bound {
    directory: OwnedFd,
    inode: u64,
    /// The user that the directory belongs to: as whom the plugin runs.
    pub(crate) owner: u32,
}

impl Bound {
    /// Whether the socket is still there; a plugin that clears its directory at its start takes it away.
    pub(crate) fn is_there(&self) -> bool {
        statat(&self.directory, NAME, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| found.st_ino == self.inode)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if self.is_there() {
            // One that stays is found dead.
            unlinkat(&self.directory, NAME, AtFlags::empty()).ok();
        }
    }
}

/// Listens on `<plugins>/<plugin>/engine.sock`. Everybody may connect who reaches the directory; who is let in is decided
/// by the peer's user id.
pub(crate) fn bind(plugins: &Path, plugin: &str) -> Result<(UnixListener, Bound), BindError> {
    let failed = |source: io::Error| BindError { path: plugins.join(plugin).join(NAME), source };
    bind_in(plugins, plugin).map_err(failed)
}

fn bind_in(plugins: &Path, plugin: &str) -> io::Result<(UnixListener, Bound)> {
    let open = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let plugins = openat(CWD, plugins, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let directory = match openat(&plugins, plugin, open, Mode::empty()) {
        Err(Errno::NOENT) => {
            mkdirat(&plugins, plugin, Mode::from_raw_mode(0o755))?;
            openat(&plugins, plugin, open, Mode::empty())?
        }
        found => found?,
    };
    match unlinkat(&directory, NAME, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    // The handle's own path: no directory of the way can be exchanged, and it is short enough for any state directory.
    let handle = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    let listener = UnixListener::bind(handle.join(NAME))?;
    let file = openat(&directory, NAME, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let found = fstat(&file)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        return Err(io::Error::other("something else was put in its place"));
    }
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::set_permissions(itself, std::fs::Permissions::from_mode(0o666))?;
    let owner = fstat(&directory)?.st_uid;
    Ok((listener, Bound { directory, inode: found.st_ino, owner }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn links_lead_nowhere() {
        let directory = tempfile::tempdir().unwrap();
        let (plugins, other) = (directory.path().join("plugins"), directory.path().join("other"));
        std::fs::create_dir_all(plugins.join("a")).unwrap();
        std::fs::create_dir_all(&other).unwrap();
        let precious = other.join("precious");
        std::fs::write(&precious, "x").unwrap();
        std::fs::set_permissions(&precious, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&precious, plugins.join("a").join(NAME)).unwrap();
        let (_listener, bound) = bind(&plugins, "a").unwrap();
        assert!(bound.is_there());
        assert_eq!(std::fs::metadata(&precious).unwrap().permissions().mode() & 0o777, 0o600);
        let socket = plugins.join("a").join(NAME);
        assert_eq!(std::fs::symlink_metadata(&socket).unwrap().permissions().mode() & 0o777, 0o666);
        std::fs::remove_file(&socket).unwrap();
        assert!(!bound.is_there());
        // A directory that is a link is not entered.
        std::os::unix::fs::symlink(&other, plugins.join("b")).unwrap();
        assert!(bind(&plugins, "b").is_err());
        // One that is missing is made.
        assert!(bind(&plugins, "c").is_ok());
    }
}
