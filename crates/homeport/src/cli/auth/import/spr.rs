//! The files of SPR.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::{Found, file, record::Record, user};

/// Reads `auth_users.json` and `auth_tokens.json`, each entry by itself.
pub(super) fn read(directory: &Path, found: &mut Found) -> anyhow::Result<()> {
    let places = |name: &str| ["auth/", "base/", ""].map(|base| format!("{base}{name}"));
    let users: Option<BTreeMap<String, Value>> = file(directory, &places("auth_users.json"))?;
    for (name, password) in users.unwrap_or_default() {
        match password.as_str().filter(|password| !password.is_empty()) {
            // Whoever can sign in there can do everything.
            Some(password) => found.users.push(user("", &name, "", "admin", password)),
            None => found.skipped.push(format!("user {name}: it has no password")),
        }
    }
    let tokens: Option<Vec<Value>> = file(directory, &places("auth_tokens.json"))?;
    for (number, value) in (1..).zip(tokens.unwrap_or_default().iter()) {
        token(&Record::new("token", number, "Name", value), found);
    }
    Ok(())
}

fn token(record: &Record<'_>, found: &mut Found) {
    let (Some(name), Some(secret)) = (record.text(&["Name"]), record.text(&["Token"])) else {
        return found.skipped.push(record.lacks("Name or no Token"));
    };
    // Read rightly or not at all: what is taken for no limit is none.
    let expires = record.field("Expire").map_or(Some(0), Value::as_i64);
    let texts = |list: &Value| list.as_array()?.iter().map(|one| one.as_str().map(str::to_owned)).collect();
    let scopes: Option<Vec<String>> = record.field("ScopedPaths").map_or(Some(Vec::new()), texts);
    let (Some(expires), Some(scopes)) = (expires, scopes) else {
        return found.skipped.push(format!("{}: its Expire or its ScopedPaths cannot be read", record.name));
    };
    found.tokens.push(json!({ "kind": "api", "name": name, "secret": secret, "expires": expires, "scopes": scopes }));
}

#[cfg(test)]
mod tests {
    use super::{super::tests::found, *};

    #[test]
    fn users_and_tokens_are_read() {
        let found = found(
            read,
            &[
                ("auth/auth_users.json", r#"{"admin":"$pbkdf2-sha256$600000$AAAA$BBBB","old":"plain","odd":null}"#),
                (
                    "auth/auth_tokens.json",
                    r#"[{"Name":"a","Token":"t","Expire":5,"ScopedPaths":["/status:r"]},
                        {"Name":"b","Token":"u","Expire":null,"ScopedPaths":null},
                        {"Name":null,"Token":"v"},
                        {"Name":"d","Token":"w","ScopedPaths":"/status:r"},
                        {"Name":"e","Token":"x","Expire":"soon"}]"#,
                ),
            ],
        );
        let expected = Found {
            users: vec![
                json!({ "id": "", "username": "admin", "email": "", "role": "admin", "passwordHash": "$pbkdf2-sha256$600000$AAAA$BBBB" }),
                json!({ "id": "", "username": "old", "email": "", "role": "admin", "password": "plain" }),
            ],
            tokens: vec![
                json!({ "kind": "api", "name": "a", "secret": "t", "expires": 5, "scopes": ["/status:r"] }),
                json!({ "kind": "api", "name": "b", "secret": "u", "expires": 0, "scopes": [] }),
            ],
            skipped: vec![
                "user odd: it has no password".to_owned(),
                "token number 3: it has no Name or no Token".to_owned(),
                "token d: its Expire or its ScopedPaths cannot be read".to_owned(),
                "token e: its Expire or its ScopedPaths cannot be read".to_owned(),
            ],
            notes: Vec::new(),
        };
        assert_eq!(found, expected);
    }
}
