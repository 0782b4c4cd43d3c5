//! The first administrator: there is no default password.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use homeport_service::{Secret, config::Environment, file, telemetry};
use rand::Rng as _;

use crate::{auth::Auth, error::AuthError, store};

/// Name of the first administrator.
const NAME: &str = "admin";

/// Variables with the first administrator's password: ours, and the one that HomelabARR has. Read at the first start only.
const VARIABLES: [&str; 2] = ["HOMEPORT_ADMIN_PASSWORD", "DEFAULT_ADMIN_PASSWORD"];

/// Characters of a password that we make: none that are taken for each other. There are 32, so 5 bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Where a password that we made is kept until it is changed.
pub(crate) fn password_file(directory: &Path) -> PathBuf {
    directory.join("initial-admin-password")
}

/// The password that somebody chose, and where.
pub(crate) fn chosen(environment: &Environment) -> Option<(&'static str, &str)> {
    VARIABLES.into_iter().find_map(|variable| Some((variable, environment.get(variable)?)))
}

/// Makes the first administrator if there is no user yet.
pub(crate) async fn ensure(auth: &Auth, chosen: Option<(&'static str, &str)>) -> Result<(), AuthError> {
    if store::user::exists(auth.store()).await? {
        return forget_password(auth).await;
    }
    if let Some((variable, password)) = chosen {
        let made = auth.add_first(NAME, &Secret::new(password.to_owned()), false).await;
        made.map_err(|source| AuthError::FirstPassword { variable, source: Box::new(source) })?;
        tracing::info!(user.name = NAME, "made the first user, with the password from {variable}");
        return Ok(());
    }
    let password = Secret::new(random_password());
    let path = auth.initial_password();
    // First the file: a crash after this line makes another password, one before it none that nobody knows.
    file::replace(path, format!("{}\n", password.expose()).as_bytes(), 0o600)
        .map_err(|source| AuthError::File { path: path.to_owned(), source })?;
    auth.add_first(NAME, &password, true).await?;
    tracing::warn!(
        target: telemetry::PRIVATE,
        "first start: sign in as {NAME} with the password {} (also in {} until it is changed)",
        password.expose(),
        path.display()
    );
    Ok(())
}

/// Removes the file once nobody has the password in it any more.
pub(crate) async fn forget_password(auth: &Auth) -> Result<(), AuthError> {
    if store::user::must_change(auth.store(), NAME).await? {
        return Ok(());
    }
    remove_file(auth)
}

/// Removes the file because another password was set.
pub(crate) fn forget_password_of(auth: &Auth, name: &str) -> Result<(), AuthError> {
    if name == NAME { remove_file(auth) } else { Ok(()) }
}

fn remove_file(auth: &Auth) -> Result<(), AuthError> {
    let path = auth.initial_password();
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(AuthError::File { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Four groups of five: 100 bits.
fn random_password() -> String {
    let mut random = rand::rng();
    let mut group = || (0..5).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect::<String>();
    [group(), group(), group(), group()].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_can_be_read_out() {
        let password = random_password();
        assert_eq!(password.len(), 23);
        assert!(password.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)));
        assert_ne!(password, random_password());
    }
}
