//! The record: nothing that was answered is missing in it, and nothing in it can be changed unseen.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until_ok};
use serde_json::Value;

use crate::World;

const PATIENCE: Duration = Duration::from_secs(10);
/// What a row of the record holds, and nothing else in the database.
const MARK: &str = "/nowhere/that-anybody-asks-for";

pub fn of_a_change_outlives_the_gateway(world: &World) -> Outcome {
    let people = &world.people;
    let address = people.stack.url().replace("http://", "");
    let token = people.stack.token();
    for round in 0..5 {
        let path = format!("/auth/me/stars/star-{round}");
        let mut stream = TcpStream::connect(&address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n");
        write!(stream, "{head}Content-Length: 0\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        people.stack.kill("gateway")?;
        ensure!(&status == b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&status));
        people.stack.start_service("gateway")?;
        people.stack.wait_until_healthy()?;
        let rows = until_ok("the record can be read", PATIENCE, || {
            people.bearer(&token).ask("GET /audit?limit=20", &Value::Null, 200)
        })?;
        let rows = rows["rows"].as_array().context("no rows")?;
        let row = rows.iter().find(|row| row["path"] == path.as_str());
        let row = row.with_context(|| format!("what was answered in round {round} is not in the record"))?;
        ensure!(row["who"]["name"] == "admin", "{row}");
    }
    Ok(())
}

pub fn shows_a_changed_byte(world: &World) -> Outcome {
    let people = &world.people;
    people.from("198.51.100.8").ask(&format!("PUT {MARK}"), &Value::Null, 401)?;
    until_ok("the refusal is recorded", PATIENCE, || {
        let shown = people.stack.cli(&["audit", "-n", "5", "--json"])?;
        ensure!(shown.contains(MARK), "{shown}");
        Ok(())
    })?;
    let intact = people.stack.cli(&["audit", "verify"])?;
    ensure!(intact.contains("as they were written"), "{intact}");
    let file = people.stack.directory().join("state/auth/auth.db");
    people.stack.stop("auth")?;
    let original = std::fs::read(&file)?;
    let at = original.windows(MARK.len()).position(|window| window == MARK.as_bytes());
    let at = at.context("the row is not in the database's file")?;
    let mut changed = original.clone();
    changed[at + 1] ^= 0x20;
    std::fs::write(&file, &changed)?;
    let verdict = verify(world);
    people.stack.stop("auth")?;
    // Nothing else that happened meanwhile is lost with it.
    let mut back = std::fs::read(&file)?;
    back[at + 1] = original[at + 1];
    std::fs::write(&file, back)?;
    let again = verify(world);
    let (verdict, again) = (verdict?, again?);
    ensure!(verdict.contains("not what was written, from row"), "{verdict}");
    ensure!(again.contains("as they were written"), "{again}");
    Ok(())
}

/// What `homeport audit verify` says of the file as it is now.
fn verify(world: &World) -> anyhow::Result<String> {
    let stack = &world.people.stack;
    stack.start_service("auth")?;
    stack.wait_until_healthy()?;
    until_ok("the gateway has found auth", PATIENCE, || {
        let output = stack.homeport().args(["audit", "verify"]).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() || said.contains("from row"), "{said}");
        ensure!(output.status.success() != said.contains("from row"), "its exit code says otherwise: {said}");
        Ok(said)
    })
}
