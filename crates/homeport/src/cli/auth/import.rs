//! `homeport auth import`: reads the files of another installation and hands them over.

use std::{
    collections::BTreeMap,
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

/// A token of SPR's.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SprToken {
    name: String,
    token: String,
    #[serde(default)]
    expire: i64,
    #[serde(default)]
    scoped_paths: Option<Vec<String>>,
}

/// A user of HomelabARR's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HomelabUser {
    #[serde(default)]
    id: String,
    username: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    role: String,
    #[serde(alias = "passwordHash", alias = "password_hash", alias = "hashedPassword")]
    password: String,
}

/// A key of HomelabARR's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HomelabKey {
    #[serde(default)]
    user_id: String,
    key: String,
    #[serde(default, alias = "name")]
    label: String,
    #[serde(default)]
    revoked: bool,
}

/// What is handed over.
#[derive(Debug, Default, PartialEq)]
struct Found {
    users: Vec<Value>,
    tokens: Vec<Value>,
}

#[derive(Deserialize)]
struct Done {
    users: u32,
    tokens: u32,
    skipped: Vec<String>,
}

pub(super) async fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<()> {
    let mut found = Found::default();
    if let Some(directory) = &arguments.spr {
        spr(directory, &mut found)?;
    }
    if let Some(directory) = &arguments.homelabarr {
        homelabarr(directory, &mut found)?;
    }
    if found == Found::default() {
        bail!("there are no users and no tokens in the directories that were named");
    }
    let body = json!({ "users": found.users, "tokens": found.tokens, "replace": arguments.replace });
    let document = session.api.raw(session.api.request(Method::POST, "/auth/import").json(&body)).await?;
    if session.json {
        return output::json(&document);
    }
    let done: Done = session.api.typed(&document)?;
    for line in &done.skipped {
        output::note(&format!("left out: {line}"));
    }
    Ok(output::text(&format!("{} users and {} tokens taken over", done.users, done.tokens))?)
}

fn spr(directory: &Path, found: &mut Found) -> anyhow::Result<()> {
    let users: Option<BTreeMap<String, String>> =
        read(directory, &["auth/auth_users.json", "base/auth_users.json", "auth_users.json"])?;
    // Whoever can sign in there can do everything.
    found.users.extend(users.unwrap_or_default().iter().map(|(name, password)| user("", name, "", "admin", password)));
    let tokens: Option<Vec<SprToken>> =
        read(directory, &["auth/auth_tokens.json", "base/auth_tokens.json", "auth_tokens.json"])?;
    found.tokens.extend(tokens.unwrap_or_default().into_iter().map(|token| {
        json!({
            "kind": "api", "name": token.name, "secret": token.token, "expires": token.expire,
            "scopes": token.scoped_paths.unwrap_or_default(),
        })
    }));
    Ok(())
}

fn homelabarr(directory: &Path, found: &mut Found) -> anyhow::Result<()> {
    let users: Option<Vec<HomelabUser>> = read(directory, &["users.json", "config/users.json"])?;
    found.users.extend(
        users.unwrap_or_default().iter().map(|one| {
            user(&one.id, &one.username, one.email.as_deref().unwrap_or_default(), &one.role, &one.password)
        }),
    );
    let keys: Option<Vec<HomelabKey>> =
        read(directory, &["api-keys.json", "config/api-keys.json", "apiKeys.json", "api_keys.json"])?;
    found.tokens.extend(keys.unwrap_or_default().into_iter().filter(|key| !key.revoked).map(|key| {
        let label = if key.label.is_empty() { "Mobile App" } else { &key.label };
        json!({ "kind": "key", "name": label, "secret": key.key, "userId": key.user_id })
    }));
    Ok(())
}

/// A user, whose password is hashed or in clear.
fn user(id: &str, name: &str, email: &str, role: &str, password: &str) -> Value {
    let kind = if password.starts_with('$') { "passwordHash" } else { "password" };
    json!({ "id": id, "username": name, "email": email, "role": role, kind: password })
}

/// The first of these files that is there.
fn read<T: for<'a> Deserialize<'a>>(directory: &Path, places: &[&str]) -> anyhow::Result<Option<T>> {
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

    #[test]
    fn files_of_both_are_read() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("auth")).unwrap();
        for (name, text) in [
            ("auth/auth_users.json", r#"{"admin":"$pbkdf2-sha256$600000$AAAA$BBBB","old":"plain"}"#),
            ("auth/auth_tokens.json", r#"[{"Name":"a","Token":"t","Expire":5,"ScopedPaths":["/status:r"]}]"#),
            (
                "users.json",
                r#"[{"id":"user_1","username":"bea","password":"$2b$12$x","role":"user","lastLogin":null}]"#,
            ),
            (
                "api-keys.json",
                r#"[{"id":"k","userId":"user_1","key":"hlr_1","label":"phone","revoked":false},
                                  {"id":"l","userId":"user_1","key":"hlr_2","revoked":true}]"#,
            ),
        ] {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let mut found = Found::default();
        spr(directory.path(), &mut found).unwrap();
        homelabarr(directory.path(), &mut found).unwrap();
        let expected = Found {
            users: vec![
                json!({ "id": "", "username": "admin", "email": "", "role": "admin", "passwordHash": "$pbkdf2-sha256$600000$AAAA$BBBB" }),
                json!({ "id": "", "username": "old", "email": "", "role": "admin", "password": "plain" }),
                json!({ "id": "user_1", "username": "bea", "email": "", "role": "user", "passwordHash": "$2b$12$x" }),
            ],
            tokens: vec![
                json!({ "kind": "api", "name": "a", "secret": "t", "expires": 5, "scopes": ["/status:r"] }),
                json!({ "kind": "key", "name": "phone", "secret": "hlr_1", "userId": "user_1" }),
            ],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_that_is_something_else_is_named_without_its_content() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("users.json"), r#"["hunter2"]"#).unwrap();
        let error = homelabarr(directory.path(), &mut Found::default()).unwrap_err().to_string();
        assert!(error.contains("users.json") && !error.contains("hunter2"), "{error}");
    }
}
