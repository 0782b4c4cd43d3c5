//! The files of HomelabARR.

use std::path::Path;

use serde_json::{Value, json};

use super::{Found, file, record::Record, user};

/// What a key is called that has no label, as there.
const LABEL: &str = "Mobile App";
/// What a user is who has no role, as there.
const ROLE: &str = "user";

/// Reads `users.json` and `api-keys.json`, each entry by itself.
pub(super) fn read(directory: &Path, found: &mut Found) -> anyhow::Result<()> {
    let users: Option<Vec<Value>> = file(directory, &["users.json", "config/users.json"])?;
    for (number, value) in (1..).zip(users.unwrap_or_default().iter()) {
        one_user(&Record::new("user", number, "username", value), found);
    }
    let keys: Option<Vec<Value>> =
        file(directory, &["api-keys.json", "config/api-keys.json", "apiKeys.json", "api_keys.json"])?;
    for (number, value) in (1..).zip(keys.unwrap_or_default().iter()) {
        key(&Record::new("key", number, "label", value), found);
    }
    Ok(())
}

fn one_user(record: &Record<'_>, found: &mut Found) {
    let Some(name) = record.text(&["username"]) else {
        return found.skipped.push(record.lacks("username"));
    };
    let Some(password) = record.text(&["password", "passwordHash", "password_hash", "hashedPassword"]) else {
        return found.skipped.push(record.lacks("password"));
    };
    let role = record.text(&["role"]).unwrap_or_else(|| {
        found.notes.push(record.instead("role", ROLE));
        ROLE.to_owned()
    });
    let text = |field: &str| record.text(&[field]).unwrap_or_default();
    found.users.push(user(&text("id"), &name, &text("email"), &role, &password));
}

fn key(record: &Record<'_>, found: &mut Found) {
    match record.field("revoked") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => return,
        Some(_) => return found.skipped.push(format!("{}: it may be revoked", record.name)),
    }
    let Some(secret) = record.text(&["key"]) else {
        return found.skipped.push(record.lacks("key"));
    };
    // It acts for its user; one that acts for nobody could do everything here.
    let Some(owner) = record.text(&["userId"]) else {
        return found.skipped.push(record.lacks("userId"));
    };
    let label = record.text(&["label", "name"]).unwrap_or_else(|| {
        found.notes.push(record.instead("label", LABEL));
        LABEL.to_owned()
    });
    found.tokens.push(json!({ "kind": "key", "name": label, "secret": secret, "userId": owner }));
}

#[cfg(test)]
mod tests {
    use super::{super::tests::found, *};

    #[test]
    fn users_and_keys_are_read() {
        let found = found(
            read,
            &[
                (
                    "users.json",
                    r#"[{"id":"user_1","username":"bea","password":"$2b$12$x","role":"user","lastLogin":null}]"#,
                ),
                (
                    "api-keys.json",
                    r#"[{"id":"k","userId":"user_1","key":"hlr_1","label":"phone","revoked":false},
                        {"id":"l","userId":"user_1","key":"hlr_2","revoked":true}]"#,
                ),
            ],
        );
        let expected = Found {
            users: vec![
                json!({ "id": "user_1", "username": "bea", "email": "", "role": "user", "passwordHash": "$2b$12$x" }),
            ],
            tokens: vec![json!({ "kind": "key", "name": "phone", "secret": "hlr_1", "userId": "user_1" })],
            ..Found::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_odd_about_an_entry_concerns_it_alone() {
        let found = found(
            read,
            &[
                (
                    "config/users.json",
                    r#"[{"username":"bea","password":"hunter2","role":null,"email":null,"id":7},
                        {"username":"carl","role":"superking","passwordHash":"$2b$12$x","email":["x"]},
                        {"username":"dora","password":null,"role":"admin"},
                        {"username":null,"password":"hunter2"},
                        "hunter2",
                        {"username":"eve","password":"hunter2","role":"admin"}]"#,
                ),
                (
                    "config/api-keys.json",
                    r#"[{"userId":"7","key":"hlr_1","label":null,"revoked":null},
                        {"userId":null,"key":"hlr_2","label":"of nobody"},
                        {"userId":"7","key":null,"label":"lost"},
                        {"userId":"7","key":"hlr_4","label":"perhaps","revoked":"yes"},
                        {"userId":"7","key":"hlr_5","name":"phone"}]"#,
                ),
            ],
        );
        let names: Vec<_> =
            found.users.iter().map(|user| (user["username"].as_str().unwrap(), &user["role"])).collect();
        assert_eq!(names, [("bea", &json!("user")), ("carl", &json!("superking")), ("eve", &json!("admin"))]);
        assert_eq!(found.users[0]["id"], "7");
        let keys: Vec<_> = found.tokens.iter().map(|key| key["name"].as_str().unwrap()).collect();
        assert_eq!(keys, ["Mobile App", "phone"]);
        assert_eq!(
            found.skipped,
            [
                "user dora: it has no password",
                "user number 4: it has no username",
                "user number 5: it has no username",
                "key of nobody: it has no userId",
                "key lost: it has no key",
                "key perhaps: it may be revoked",
            ]
        );
        assert_eq!(
            found.notes,
            [
                "user bea: it has no role, and is taken as user",
                "key number 1: it has no label, and is taken as Mobile App"
            ]
        );
    }
}
