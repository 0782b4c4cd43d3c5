//! Sockets: a stale file is replaced, a live one is not.

use std::{
    io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

use crate::peer::SocketConfig;

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process is serving there.
    #[error("another process already listens on {path}; stop it first")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("cannot listen on {path}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Opens a socket with the permission bits and the group that the settings give it, making its directory if need be.
///
/// It is bound under another name first and renamed into place, so that nobody ever finds a half-made socket there.
pub fn bind(path: &Path, socket: &SocketConfig) -> Result<UnixListener, BindError> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(BindError::InUse { path: path.to_owned() });
    }
    listen(path, socket).map_err(|source| BindError::Io { path: path.to_owned(), source })
}

fn listen(path: &Path, socket: &SocketConfig) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh)?;
    if let Some(gid) = socket.gid {
        chown(&fresh, None, Some(gid))?;
    }
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(socket.mode_bits()))?;
    std::fs::rename(&fresh, path)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_file_is_replaced_and_a_live_socket_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sub/s.sock");
        let socket = SocketConfig::default();
        let first = bind(&path, &socket).unwrap();
        assert!(matches!(bind(&path, &socket), Err(BindError::InUse { .. })));
        drop(first);
        assert!(path.exists(), "a listener that is gone leaves its file");
        drop(bind(&path, &socket).unwrap());
    }
}
