//! `homeport auth import`: reads the files of another installation and hands them over.

mod homelabarr;
mod record;
mod spr;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cli::{Session, output},
    command::Remote,
};

/// Where the files are.
#[derive(Debug, Args)]
#[group(id = "from", required = true, multiple = true, args = ["spr", "homelabarr"])]
pub struct Arguments {
    /// Settings of SPR: the directory with auth/auth_users.json and auth/auth_tokens.json
    #[arg(long, value_name = "DIR")]
    spr: Option<PathBuf>,
    /// Settings of HomelabARR: the directory with users.json and api-keys.json
    #[arg(long, value_name = "DIR")]
    homelabarr: Option<PathBuf>,
    /// Users who are here already get the password that they have there; their sessions end
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

/// What is handed over.
#[derive(Debug, Default, PartialEq)]
struct Found {
    users: Vec<Value>,
    tokens: Vec<Value>,
    /// What was left out, and why.
    skipped: Vec<String>,
    /// What is taken otherwise than it stands there.
    notes: Vec<String>,
}

/// What the server made of it.
#[derive(Deserialize)]
struct Done {
    users: u32,
    tokens: u32,
    skipped: Vec<String>,
    #[serde(default)]
    notes: Vec<String>,
}

pub(super) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let mut found = Found::default();
    if let Some(directory) = &arguments.spr {
        spr::read(directory, &mut found)?;
    }
    if let Some(directory) = &arguments.homelabarr {
        homelabarr::read(directory, &mut found)?;
    }
    for line in &found.notes {
        output::note(line);
    }
    for line in &found.skipped {
        output::note(&format!("left out: {line}"));
    }
    if found.users.is_empty() && found.tokens.is_empty() {
        bail!("there are no users and no tokens in the directories that were named");
    }
    let body = json!({ "users": found.users, "tokens": found.tokens, "replace": arguments.replace });
    let document = session.api.raw(session.api.request(Method::POST, "/auth/import").json(&body)).await?;
    if session.json {
        return output::json(&document);
    }
    let done: Done = session.api.typed(&document)?;
    for line in &done.notes {
        output::note(line);
    }
    for line in &done.skipped {
        output::note(&format!("left out: {line}"));
    }
    Ok(output::text(&format!("{} users and {} tokens taken over", done.users, done.tokens))?)
}

/// A user, whose password is hashed or in clear.
fn user(id: &str, name: &str, email: &str, role: &str, password: &str) -> Value {
    let kind = if password.starts_with('$') { "passwordHash" } else { "password" };
    json!({ "id": id, "username": name, "email": email, "role": role, kind: password })
}

/// The first of these files that is there.
fn file<T: for<'a> Deserialize<'a>>(directory: &Path, places: &[impl AsRef<Path>]) -> anyhow::Result<Option<T>> {
    for place in places {
        let path = directory.join(place);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            // The error of the parser could quote a password.
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(found) => return Ok(Some(found)),
                Err(error) => bail!("{} is not as it should be, at line {}", path.display(), error.line()),
            },
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in files of these names and contents.
    pub(super) fn found(reader: fn(&Path, &mut Found) -> anyhow::Result<()>, files: &[(&str, &str)]) -> Found {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut found = Found::default();
        reader(directory.path(), &mut found).unwrap();
        found
    }

    #[test]
    fn a_file_that_is_something_else_is_named_without_its_content() {
        let directory = tempfile::tempdir().unwrap();
        for text in [r#"{"a": "hunter2"}"#, r#"["hunter2""#, "hunter2"] {
            fs::write(directory.path().join("users.json"), text).unwrap();
            let error = homelabarr::read(directory.path(), &mut Found::default()).unwrap_err().to_string();
            assert!(error.contains("users.json") && !error.contains("hunter2"), "{error}");
        }
    }
}
