//! What is kept: `auth.db`.

pub(crate) mod audit;
pub(crate) mod factor;
pub(crate) mod oidc;
pub(crate) mod passkey;
pub(crate) mod session;
pub(crate) mod sign_in_address;
pub(crate) mod signing_key;
pub(crate) mod star;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod word_key;

use std::{
    fmt, fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use homeport_store::{Schema, StoreError};
use jiff::Timestamp;

pub(crate) use homeport_store::Store;
pub(crate) use passkey::Passkey;
pub(crate) use token::{Owner, Token};
pub(crate) use user::User;

use crate::error::AuthError;

/// Opens the database. Its files are for the service's own user alone: the group, which may enter the directory to
/// reach the socket, must not read the key that signs sessions.
pub(crate) async fn open(path: &Path) -> Result<Store, AuthError> {
    let failed = |source| AuthError::File { path: path.to_owned(), source };
    make_private(path).map_err(failed)?;
    // SQLite gives the mode of the file to the others that it makes beside it.
    let schema = Schema { name: "auth", migrator: sqlx::migrate!("./migrations") };
    Ok(Store::open(path, vec![schema]).await?)
}

fn make_private(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    for end in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        match fs::set_permissions(&file, fs::Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A time as it is stored.
fn time(what: &'static str, seconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_second(seconds).map_err(|error| StoreError::corrupt(what, error))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub(crate) struct $name(String);

        impl $name {
            /// A new one.
            pub(crate) fn random() -> Self {
                Self(uuid::Uuid::new_v4().to_string())
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Names a user for good, whatever the user is called.
    UserId
);
id!(
    /// Names a session.
    SessionId
);
id!(
    /// Names a token for good.
    TokenId
);
