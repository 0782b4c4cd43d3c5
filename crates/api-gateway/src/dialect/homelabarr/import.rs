//! `POST /auth/import`: the users and tokens of another installation. Homeport adds it; `homeport auth import` reads the
//! files.

use std::sync::Arc;

use axum::extract::State;
use homeport_proto::auth::v1::{ImportRequest, ImportedToken, ImportedUser, Role, TokenKind};
use homeport_service::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::profile::parse_role;
use crate::{app::App, extract::Json, gate::Caller, problem::Problem, upstream::of_auth};

/// What is to be taken over. Each entry is read by itself: what others have written must not end the whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Import {
    users: Vec<Value>,
    tokens: Vec<Value>,
    replace: bool,
}

/// A user there. Null is as good as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    id: Option<String>,
    username: Option<String>,
    email: Option<String>,
    role: Option<String>,
    passwordhash: Option<Secret<String>>,
    password: Option<Secret<String>>,
}

/// A token there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    name: Option<String>,
    secret: Option<Secret<String>>,
    scopes: Option<Vec<String>>,
    /// Unix seconds; 0 is never.
    expires: Option<i64>,
    /// `api` or `key`.
    kind: Option<String>,
    userid: Option<String>,
}

/// What was not taken as it was, for whoever asked.
#[derive(Debug, Default, PartialEq)]
struct Remarks {
    skipped: Vec<String>,
    /// Taken all the same, with whose it is.
    notes: Vec<(String, String)>,
}

impl Remarks {
    /// The notes about what was taken.
    fn into_notes(self) -> Vec<String> {
        let Self { skipped, notes } = self;
        let is_taken = |subject: &String| !skipped.iter().any(|line| line.starts_with(&format!("{subject}: ")));
        notes
            .into_iter()
            .filter(|(subject, _)| is_taken(subject))
            .map(|(subject, note)| subject + ": " + &note)
            .collect()
    }
}

/// Takes over what is not here yet, and says what was left out, and what was taken otherwise than it was.
pub(super) async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(body): Json<Import>,
) -> Result<axum::Json<Value>, Problem> {
    caller.require_unscoped()?;
    let mut remarks = Remarks::default();
    let request = ImportRequest {
        replace: body.replace,
        users: entries("user", body.users, &mut remarks, user),
        tokens: entries("token", body.tokens, &mut remarks, token),
    };
    let mut users = app.upstream.users();
    let done = app.finish(async move { of_auth(users.import(request).await) }).await?;
    remarks.skipped.extend(done.skipped);
    Ok(axum::Json(json!({
        "success": true,
        "users": done.users,
        "tokens": done.tokens,
        "skipped": remarks.skipped.clone(),
        "notes": remarks.into_notes(),
    })))
}

/// What can be read of a list. The errors of the parser could quote a secret.
fn entries<T: for<'a> Deserialize<'a>, U>(
    what: &str,
    values: Vec<Value>,
    remarks: &mut Remarks,
    convert: fn(T, &mut Remarks) -> Option<U>,
) -> Vec<U> {
    let one = |(number, value): (usize, Value)| {
        if let Ok(found) = serde_json::from_value(value) {
            return convert(found, remarks);
        }
        remarks.skipped.push(format!("{what} number {number}: its fields are not of the types that they should be"));
        None
    };
    (1..).zip(values).filter_map(one).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "as for tokens, of which some cannot be taken")]
fn user(user: User, remarks: &mut Remarks) -> Option<ImportedUser> {
    let name = user.username.unwrap_or_default();
    let role = user.role.unwrap_or_default();
    let role = parse_role(&role).unwrap_or_else(|_| {
        let note = format!("there is no role {role:?} here, so a new account may only read, as a viewer");
        remarks.notes.push((format!("user {name}"), note));
        Role::Viewer
    });
    Some(ImportedUser {
        id: user.id.unwrap_or_default(),
        name,
        email: user.email.unwrap_or_default(),
        role: role.into(),
        password_hash: text(user.passwordhash),
        password: text(user.password),
    })
}

fn token(token: Token, remarks: &mut Remarks) -> Option<ImportedToken> {
    let (name, expires) = (token.name.unwrap_or_default(), token.expires.unwrap_or_default());
    let kind = match token.kind.as_deref().unwrap_or_default() {
        "" | "api" => TokenKind::Api,
        "key" => TokenKind::Key,
        _ => {
            remarks.skipped.push(format!("token {name}: the kind of a token is api or key"));
            return None;
        }
    };
    Some(ImportedToken {
        name,
        secret: text(token.secret),
        scopes: token.scopes.unwrap_or_default(),
        expires_at: (expires != 0).then_some(prost_types::Timestamp { seconds: expires, nanos: 0 }),
        kind: kind.into(),
        user_id: token.userid.unwrap_or_default(),
    })
}

fn text(secret: Option<Secret<String>>) -> String {
    secret.map(|secret| secret.expose().clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_entry_ends_nothing_but_itself() {
        let body = json!([
            { "username": "bea", "role": "superking", "passwordhash": "$2b$12$x", "email": null, "id": null },
            { "username": "carl", "role": null, "password": "secret" },
            { "username": "dora", "role": "admin", "password": ["secret"] },
            "eve",
            { "username": "fred", "role": "admin", "password": "secret" },
        ]);
        let mut remarks = Remarks::default();
        let users = entries("user", body.as_array().unwrap().clone(), &mut remarks, user);
        let roles: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.role())).collect();
        assert_eq!(roles, [("bea", Role::Viewer), ("carl", Role::Operator), ("fred", Role::Admin)]);
        let skipped: Vec<_> = remarks.skipped.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(skipped, ["user number 3", "user number 4"]);
        assert!(!format!("{remarks:?}").contains("secret"));
        let notes = remarks.into_notes();
        assert!(notes.len() == 1 && notes[0].starts_with("user bea: there is no role \"superking\" here"), "{notes:?}");
    }

    #[test]
    fn an_odd_token_ends_nothing_but_itself() {
        let body = json!([
            { "name": null, "secret": "s", "scopes": null, "expires": null, "kind": null, "userid": null },
            { "name": "odd", "secret": "s", "kind": "cookie" },
            { "name": "odder", "secret": "s", "scopes": "/status:r" },
        ]);
        let mut remarks = Remarks::default();
        let tokens = entries("token", body.as_array().unwrap().clone(), &mut remarks, token);
        assert_eq!((tokens.len(), tokens[0].kind()), (1, TokenKind::Api));
        let skipped: Vec<_> = remarks.skipped.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(skipped, ["token odd", "token number 3"]);
    }

    #[test]
    fn of_what_was_left_out_only_that_is_said() {
        let skipped = vec!["user bea: there is a user bea already".to_owned()];
        let notes = ["user bea", "user be"].map(|subject| (subject.to_owned(), "odd".to_owned())).to_vec();
        assert_eq!(Remarks { skipped, notes }.into_notes(), ["user be: odd"]);
    }
}
