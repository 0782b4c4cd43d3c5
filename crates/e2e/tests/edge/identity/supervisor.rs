//! The device supervisor's keys: of the old one and the new one, exactly one is good.

use std::thread;

use anyhow::ensure;
use homeport_e2e::Outcome;
use serde_json::{Value, json};

use super::{People, text};
use crate::World;

/// How many ask for a new key at once.
const ASKERS: usize = 8;

pub fn of_two_keys_one_is_good_at_any_moment(world: &World) -> Outcome {
    let people = &world.people;
    let made = people.admin().ask("PUT /auth/supervisor_keys", &json!({ "project": "web" }), 200)?;
    let mut key = people.hide(&text(&made["key"])?);
    for _ in 0..5 {
        let asked: Vec<_> = thread::scope(|scope| {
            let ask = || regenerate(people, &key);
            let askers: Vec<_> = (0..ASKERS).map(|_| scope.spawn(ask)).collect();
            askers.into_iter().filter_map(|asker| asker.join().ok()).collect()
        });
        let mut won = Vec::new();
        for answer in asked {
            match answer? {
                (200, next) => won.push(people.hide(&text(&next)?)),
                (status, body) => ensure!(status == 401, "{status} {body}"),
            }
        }
        ensure!(won.len() == 1, "of {ASKERS} with one key {} got another", won.len());
        let (status, _) = regenerate(people, &key)?;
        ensure!(status == 401, "the key before is good, too");
        key = won.swap_remove(0);
    }
    let (status, next) = regenerate(people, &key)?;
    ensure!(status == 200, "the last key is none: {status}");
    // It is for its own paths.
    let next = people.hide(&text(&next)?);
    let elsewhere = people.bearer(&next).call("GET /status", &Value::Null)?.status;
    ensure!(matches!(elsewhere, 401 | 403), "a key of the supervisor reads the status: {elsewhere}");
    people.admin().ask("DELETE /auth/supervisor_keys", &json!({ "project": "web" }), 200)?;
    let (status, _) = regenerate(people, &next)?;
    ensure!(status == 401, "a key that was taken away is good");
    Ok(())
}

fn regenerate(people: &People, key: &str) -> anyhow::Result<(u16, Value)> {
    let caller = people.from("198.51.100.7").with("authorization", &format!("ApiKey {key}"));
    let answer = caller.call("POST /v1/regenerate-api-key", &Value::Null)?;
    Ok((answer.status, answer.body))
}
