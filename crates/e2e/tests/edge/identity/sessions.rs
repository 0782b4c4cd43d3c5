//! Sessions as HomelabARR's clients know them, tokens with scopes, and the second factor as SPR's know it.

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use homeport_e2e::{Outcome, PASSWORD};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use super::text;
use crate::World;

pub fn begin_with_a_jwt_and_end_at_once(world: &World) -> Outcome {
    let people = &world.people;
    let token = people.login("admin", PASSWORD)?;
    let claims = claims(&token)?;
    for claim in ["id", "username", "role", "iat", "exp"] {
        ensure!(!claims[claim].is_null(), "the claim {claim} is not in {claims}");
    }
    ensure!(claims["username"] == "admin" && claims["role"] == "admin", "{claims}");
    let me = people.bearer(&token).ask("GET /auth/me", &Value::Null, 200)?;
    ensure!(me["user"]["username"] == "admin", "{me}");
    people.bearer(&token).ask("POST /auth/logout", &Value::Null, 200)?;
    people.bearer(&token).ask("GET /auth/me", &Value::Null, 401)?;
    // Somebody else's signature, and none.
    let other = people.login("admin", PASSWORD)?;
    let body = other.rsplit_once('.').context("a JWT")?.0;
    for forged in [format!("{body}."), format!("{body}.{}", "A".repeat(43))] {
        people.from("198.51.100.9").with("authorization", &format!("Bearer {forged}")).ask(
            "GET /auth/me",
            &Value::Null,
            401,
        )?;
    }
    Ok(())
}

pub fn a_token_reaches_its_scopes_and_ends(world: &World) -> Outcome {
    let people = &world.people;
    let wanted = json!({ "Name": "widget", "Expire": 0, "ScopedPaths": ["/status:r", "/events:rw"] });
    let made = people.admin().ask("PUT /tokens", &wanted, 200)?;
    let secret = people.hide(&text(&made["Token"])?);
    let token = people.bearer(&secret);
    token.ask("GET /status", &Value::Null, 200)?;
    token.ask("POST /events", &json!({ "topic": "edge:token", "value": "{}" }), 204)?;
    for line in ["POST /status", "GET /statuses", "GET /tokens", "GET /events/../tokens", "DELETE /auth/sessions"] {
        let status = token.call(line, &Value::Null)?.status;
        ensure!(matches!(status, 301 | 401 | 403), "{line}: {status}");
    }
    people.admin().ask("DELETE /tokens", &json!({ "Token": secret }), 200)?;
    token.ask("GET /status", &Value::Null, 401)?;
    let past = json!({ "Name": "past", "Expire": 1, "ScopedPaths": ["/status"] });
    ensure!(people.admin().call("PUT /tokens", &past)?.status == 400, "a token that has ended is made");
    Ok(())
}

pub fn take_the_second_factor_once_there_is_one(world: &World) -> Outcome {
    let people = &world.people;
    let password = people.hide("second factor's password");
    let body = json!({ "username": "tess", "password": password, "role": "admin" });
    people.admin().ask("POST /auth/register", &body, 200)?;
    let tess = || people.from("198.51.100.4").basic("tess", &password);
    let made = tess().ask("PUT /otp_register", &json!({ "Name": "tess" }), 200)?;
    let secret = people.hide(&text(&made["Secret"])?);
    let shown = code(&secret, 0)?;
    let proof = text(&tess().ask("PUT /otp_validate", &json!({ "Name": "tess", "Code": shown }), 200)?)?;
    let claims = claims(&proof)?;
    ensure!(claims["iss"] == "SPR-OTP" && claims["sub"] == "tess", "{claims}");
    people.hide(&proof);
    tess().ask("PUT /otp_validate", &json!({ "Name": "tess", "Code": shown }), 403)?;

    let sent_away = tess().call("GET /tokens", &Value::Null)?;
    ensure!(sent_away.status == 302 && sent_away.headers["location"] == "/auth/validate", "{}", sent_away.status);
    let with_proof = tess().with("x-jwt-otp", &proof);
    with_proof.ask("GET /tokens", &Value::Null, 200)?;
    tess().with("x-jwt-otp", &format!("{proof}x")).ask("GET /tokens", &Value::Null, 302)?;
    // What does not take it goes on as before, until it is always wanted.
    tess().ask("GET /status", &Value::Null, 200)?;
    let always = json!({ "Name": "tess", "Code": code(&secret, 1)?, "UpdateAlwaysOn": true, "AlwaysOn": true });
    tess().ask("PUT /otp_validate", &always, 200)?;
    tess().ask("GET /status", &Value::Null, 302)?;
    with_proof.ask("GET /status", &Value::Null, 200)?;

    for number in 0..5 {
        let guess = json!({ "Name": "tess", "Code": format!("{number:06}") });
        let answer = tess().call("PUT /otp_validate", &guess)?;
        ensure!(answer.status == 403 || answer.status == 429, "{} {}", answer.status, answer.body);
    }
    let locked = tess().call("PUT /otp_validate", &json!({ "Name": "tess", "Code": "000000" }))?;
    ensure!(locked.status == 429, "guesses go on: {} {}", locked.status, locked.body);
    Ok(())
}

/// What a telephone shows, now or some steps of half a minute later.
fn code(secret: &str, steps: u64) -> anyhow::Result<String> {
    let secret = Secret::try_from_base32(secret).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let totp = Builder::new().with_secret(secret).build()?;
    Ok(totp.generate(std::time::UNIX_EPOCH.elapsed()?.as_secs() + 30 * steps).to_string())
}

/// What a JWT says of itself.
fn claims(token: &str) -> anyhow::Result<Value> {
    let body = token.split('.').nth(1).context("a JWT has three parts")?;
    Ok(serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(body)?)?)
}
