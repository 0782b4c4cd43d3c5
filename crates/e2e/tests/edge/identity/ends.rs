//! What ends a credential ends it everywhere within a second, open streams included.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use homeport_e2e::Outcome;
use serde_json::{Value, json};

use super::{
    open::{Open, ends},
    text,
};
use crate::World;

pub fn of_a_session_by_logout_and_revocation(world: &World) -> Outcome {
    let people = &world.people;
    people.user("sue", "a password of sue")?;
    let login = || people.login("sue", "a password of sue");
    let (mine, stays) = (login()?, login()?);
    let unharmed = Open::with(people, &stays)?;
    ends(people, &mine, || people.bearer(&mine).ask("POST /auth/logout", &Value::Null, 200).map(drop))?;
    let mine = login()?;
    let sessions = people.bearer(&mine).ask("GET /auth/sessions", &Value::Null, 200)?;
    let current = sessions.as_array().into_iter().flatten().find(|session| session["current"] == true);
    let id = text(&current.context("no session is the current one")?["id"])?;
    let revoke = || people.bearer(&stays).ask(&format!("DELETE /auth/sessions/{id}"), &Value::Null, 200).map(drop);
    ends(people, &mine, revoke)?;
    unharmed.go_on()
}

pub fn of_all_sessions_by_a_new_password(world: &World) -> Outcome {
    let people = &world.people;
    let id = people.user("pat", "a password of pat")?;
    let (mine, other) = (people.login("pat", "a password of pat")?, people.login("pat", "a password of pat")?);
    let change = json!({ "currentPassword": "a password of pat", "newPassword": people.hide("another one of pat") });
    let before = Instant::now();
    ends(people, &other, || people.bearer(&mine).ask("POST /auth/change-password", &change, 200).map(drop))?;
    ensure!(before.elapsed().as_secs() < 5, "changing a password took {:?}", before.elapsed());
    // By an administrator it ends all of them.
    let mine = people.login("pat", "another one of pat")?;
    let reset = json!({ "newPassword": people.hide("a third one of pat") });
    let line = format!("PUT /auth/users/{id}/password");
    ends(people, &mine, || people.admin().ask(&line, &reset, 200).map(drop))
}

pub fn of_an_account_that_is_disabled_or_deleted(world: &World) -> Outcome {
    let people = &world.people;
    let id = people.user("dora", "a password of dora")?;
    let token = people.login("dora", "a password of dora")?;
    let key = people.bearer(&token).ask("POST /auth/api-keys", &json!({ "name": "phone" }), 201)?;
    let key = people.hide(&text(&key["key"])?);
    let line = format!("PUT /auth/users/{id}");
    let switch = |off: bool| people.admin().ask(&line, &json!({ "disabled": off }), 200).map(drop);
    ends(people, &token, || switch(true))?;
    people.bearer(&key).ask("GET /auth/me", &Value::Null, 401)?;
    switch(false)?;
    let token = people.login("dora", "a password of dora")?;
    let delete = || people.admin().ask(&format!("DELETE /auth/users/{id}"), &Value::Null, 200).map(drop);
    ends(people, &token, delete)?;
    people.bearer(&key).ask("GET /auth/me", &Value::Null, 401).map(drop)
}

pub fn of_a_token_that_is_deleted(world: &World) -> Outcome {
    let people = &world.people;
    let wanted =
        json!({ "Name": "follower", "Expire": 0, "ScopedPaths": ["/events:r", "/ws_events_all:r", "/auth/me:r"] });
    let secret = people.hide(&text(&people.admin().ask("PUT /tokens", &wanted, 200)?["Token"])?);
    ends(people, &secret, || people.admin().ask("DELETE /tokens", &json!({ "Token": secret }), 200).map(drop))
}
