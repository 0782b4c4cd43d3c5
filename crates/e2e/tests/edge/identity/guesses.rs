//! Guessing, of every kind.

use std::ops::RangeInclusive;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, PASSWORD};
use serde_json::{Value, json};

use super::Caller;
use crate::World;

/// Seconds that are left of five minutes, however slow the machine is.
const LOCKED_S: RangeInclusive<u64> = 200..=300;

pub fn of_passwords_is_slowed_down_by_address(world: &World) -> Outcome {
    let people = &world.people;
    let guesser = people.from("203.0.113.1");
    let login = |name: &str, password: &str| json!({ "username": name, "password": password });
    for name in ["admin", "admin", "nobody", "nobody", "admin"] {
        guesser.ask("POST /auth/login", &login(name, "wrong guess"), 401)?;
    }
    // Neither does the right one tell anything now.
    waits(&guesser, "POST /auth/login", &login("admin", PASSWORD))?;
    people.from("203.0.113.2").ask("POST /auth/login", &login("admin", PASSWORD), 200).map(drop)
}

pub fn with_every_request_is_slowed_down_by_different_guesses(world: &World) -> Outcome {
    let people = &world.people;
    // A client with an outdated password is no attacker.
    for _ in 0..12 {
        basic(world, "203.0.113.3", "an old one").ask("GET /status", &Value::Null, 401)?;
    }
    for number in 0..10 {
        basic(world, "203.0.113.4", &format!("guess {number}")).ask("GET /status", &Value::Null, 401)?;
    }
    let after = waits(&basic(world, "203.0.113.4", PASSWORD), "GET /status", &Value::Null)?;
    ensure!(LOCKED_S.contains(&after), "it says {after} s");
    basic(world, "203.0.113.3", PASSWORD).ask("GET /status", &Value::Null, 200)?;
    // Of tokens too, and then right ones work all the same.
    for number in 0..20 {
        people.from("203.0.113.5").with("authorization", &format!("Bearer {number:043}")).ask(
            "GET /status",
            &Value::Null,
            401,
        )?;
    }
    waits(&people.from("203.0.113.5").with("authorization", "Bearer another"), "GET /status", &Value::Null)?;
    let right = people.from("203.0.113.5").with("authorization", &format!("Bearer {}", people.stack.token()));
    right.ask("GET /status", &Value::Null, 200).map(drop)
}

pub fn of_words_is_slowed_down(world: &World) -> Outcome {
    let guesser = world.people.from("203.0.113.6");
    let body = json!({ "token": "zoo zoo zoo", "device": "a phone" });
    for _ in 0..5 {
        guesser.ask("POST /auth/new_device/authorize", &body, 404)?;
    }
    waits(&guesser, "POST /auth/new_device/authorize", &body).map(drop)
}

/// Told to come back later; in how many seconds.
fn waits(caller: &Caller<'_>, line: &str, body: &Value) -> anyhow::Result<u64> {
    let answer = caller.call(line, body)?;
    ensure!(answer.status == 429, "{line}: {} {}", answer.status, answer.body);
    let after = answer.headers.get("retry-after").context("it does not say when")?;
    Ok(after.to_str()?.parse()?)
}

fn basic<'a>(world: &'a World, address: &'static str, password: &str) -> Caller<'a> {
    world.people.from(address).basic("admin", password)
}
