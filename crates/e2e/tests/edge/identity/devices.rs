//! Devices as SelfPrivacy's application lets them in.

use anyhow::ensure;
use homeport_e2e::Outcome;
use serde_json::{Value, json};

use super::text;
use crate::World;

pub fn words_let_one_device_in(world: &World) -> Outcome {
    let people = &world.people;
    let device = people.from("198.51.100.5");
    let words = people.hide(&text(&people.admin().ask("POST /auth/new_device", &Value::Null, 200)?["token"])?);
    ensure!(words.split(' ').count() == 12, "{} words", words.split(' ').count());
    let redeem = json!({ "token": words, "device": "a telephone" });
    let token = device.ask("POST /auth/new_device/authorize", &redeem, 200)?;
    let token = people.hide(&text(&token["token"])?);
    device.ask("POST /auth/new_device/authorize", &redeem, 404)?;
    let listed = people.bearer(&token).ask("GET /auth/tokens", &Value::Null, 200)?;
    let of_device = listed.as_array().into_iter().flatten().find(|entry| entry["is_caller"] == true);
    ensure!(of_device.is_some_and(|entry| entry["name"] == "a_telephone"), "{listed}");
    // Words that were taken back let nobody in.
    let words = people.hide(&text(&people.admin().ask("POST /auth/new_device", &Value::Null, 200)?["token"])?);
    people.admin().ask("DELETE /auth/new_device", &Value::Null, 200)?;
    device.ask("POST /auth/new_device/authorize", &json!({ "token": words, "device": "b" }), 404)?;
    let renewed = people.bearer(&token).ask("POST /auth/tokens", &Value::Null, 200)?;
    let renewed = people.hide(&text(&renewed["token"])?);
    people.bearer(&token).ask("GET /auth/tokens", &Value::Null, 401)?;
    people.admin().ask("DELETE /auth/tokens", &json!({ "token_name": "a_telephone" }), 200)?;
    people.bearer(&renewed).ask("GET /auth/tokens", &Value::Null, 401).map(drop)
}

pub fn words_from_the_drawer_have_their_uses(world: &World) -> Outcome {
    let people = &world.people;
    let device = people.from("198.51.100.6");
    let wanted = json!({ "expiration": "2099-01-01T00:00:00.000Z", "uses": 2 });
    let words = people.hide(&text(&people.admin().ask("POST /auth/recovery_token", &wanted, 200)?["token"])?);
    ensure!(words.split(' ').count() == 18, "{} words", words.split(' ').count());
    for left in [1, 0] {
        let redeem = json!({ "token": words, "device": format!("tablet {left}") });
        let made = device.ask("POST /auth/recovery_token/use", &redeem, 200)?;
        people.hide(&text(&made["token"])?);
        let known = people.admin().ask("GET /auth/recovery_token", &Value::Null, 200)?;
        ensure!(known["uses_left"] == left && known["valid"] == (left > 0), "{known}");
    }
    device.ask("POST /auth/recovery_token/use", &json!({ "token": words, "device": "a third" }), 404).map(drop)
}
