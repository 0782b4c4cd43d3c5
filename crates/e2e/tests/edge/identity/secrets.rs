//! What is secret is written nowhere that somebody else could read it.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, SERVICES};

use crate::World;

/// Everything that the scenarios before have said: passwords, tokens, words, keys, proofs.
pub fn are_neither_logged_nor_shown_nor_kept(world: &World) -> Outcome {
    let people = &world.people;
    let secrets = people.secrets();
    let directory = people.stack.directory();
    let mut places: Vec<(String, Vec<u8>)> = Vec::new();
    for service in SERVICES {
        let pid = people.stack.process_id(service).with_context(|| format!("{service} does not run"))?;
        for place in ["cmdline", "comm"] {
            let file = PathBuf::from(format!("/proc/{pid}/{place}"));
            places.push((file.display().to_string(), std::fs::read(&file)?));
        }
        let log = directory.join(format!("{service}.log"));
        places.push((log.display().to_string(), std::fs::read(&log)?));
    }
    // The rows of the record and the events as whoever may read them gets them, and the files they are in.
    places.push(("the record".to_owned(), people.stack.cli(&["audit", "-n", "1000", "--json"])?.into_bytes()));
    for file in ["api/bus/bus.db", "api/bus/bus.db-wal", "auth/auth.db", "auth/auth.db-wal"] {
        let path = directory.join("state").join(file);
        match std::fs::read(&path) {
            Ok(bytes) => places.push((path.display().to_string(), bytes)),
            Err(error) => ensure!(file.ends_with("-wal"), "{}: {error}", path.display()),
        }
    }
    for (place, bytes) in &places {
        for secret in &secrets {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            // A code cannot be checked without what it is made of.
            let is_needed = place.contains("auth.db") && is_second_factor(secret);
            ensure!(!is_there || is_needed, "{}… is in {place}", &secret[..secret.len().min(6)]);
        }
    }
    Ok(())
}

/// 32 letters and digits of base32, which nothing else here is.
fn is_second_factor(secret: &str) -> bool {
    secret.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'))
}
