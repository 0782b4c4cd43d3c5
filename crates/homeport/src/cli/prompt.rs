//! Passwords from a person or a script.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail};
use homeport_service::Secret;

/// Asks for a password without showing it.
pub(crate) fn password(question: &str) -> anyhow::Result<Secret<String>> {
    if !io::stdin().is_terminal() {
        bail!("a password can only be typed at a terminal; scripts use --password-stdin");
    }
    Ok(Secret::new(rpassword::prompt_password(format!("{question}: ")).context("cannot ask for the password")?))
}

/// Reads one line, for scripts.
pub(crate) fn line() -> anyhow::Result<Secret<String>> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    if line.is_empty() {
        bail!("there is no password on standard input");
    }
    Ok(Secret::new(line))
}
