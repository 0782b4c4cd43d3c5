//! From nothing to the running stack, and back.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::{Command, Output},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Run};
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::World;

/// An installation made by `cargo xtask up`, with directories of its own; taken down when dropped.
pub struct Installation {
    directory: PathBuf,
    address: String,
    host: String,
}

impl Installation {
    pub fn new(run: &Run, port: u16) -> Self {
        Self {
            directory: run.directory.clone(),
            address: format!("127.0.0.1:{port}"),
            host: run.engine.host().to_owned(),
        }
    }

    /// Where its stacks are.
    pub fn stacks(&self) -> PathBuf {
        self.directory.join("stacks")
    }

    /// Its state.
    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn xtask(&self, command: &str) -> anyhow::Result<Output> {
        std::fs::create_dir_all(self.stacks())?;
        let socket = self.host.trim_start_matches("unix://");
        let output = Command::new("cargo")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .args(["xtask", command])
            .env("DOCKER_HOST", &self.host)
            .env("HOMEPORT_DOCKER_SOCKET", socket)
            .env("HOMEPORT_HTTP", &self.address)
            .env("HOMEPORT_STATE", self.state())
            .env("HOMEPORT_CONFIGS", self.directory.join("configs"))
            .env("HOMEPORT_ROOT", &self.directory)
            .env("HOMEPORT_STACKS", self.stacks())
            // What the other tests have built already.
            .env("HOMEPORT_PROFILE", "release")
            // The registry of the tests listens on the loopback.
            .env("HOMEPORT_UPDATER_NETWORK", "host")
            .output()
            .context("cannot run cargo xtask")?;
        ensure!(output.status.success(), "xtask {command}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output)
    }

    /// Signs in with the password that the first start made up, and returns the token.
    pub fn sign_in(&self) -> anyhow::Result<String> {
        let password = std::fs::read_to_string(self.state().join("auth/initial-admin-password"))?;
        let body = json!({"username": "admin", "password": password.trim()});
        let answer: Value = Client::new().post(format!("{}/auth/login", self.url())).json(&body).send()?.json()?;
        answer["token"].as_str().map(str::to_owned).with_context(|| format!("no token in {answer}"))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if let Err(error) = self.xtask("down") {
            eprintln!("left behind: the stack: {error:#}");
        }
    }
}

/// Ids of the stack's containers.
fn ids(world: &World) -> anyhow::Result<BTreeSet<String>> {
    let text = world.run.engine.docker(&[
        "ps",
        "-q",
        "--no-trunc",
        "--filter",
        "label=com.docker.compose.project=homeport",
    ])?;
    Ok(text.lines().map(str::to_owned).collect())
}

pub fn it_ends_healthy_and_says_where(world: &World) -> Outcome {
    let output = world.installation.xtask("up")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let line = format!("Homeport is up: {}", world.installation.url());
    ensure!(said.contains(&line) && said.contains("initial-admin-password"), "it said\n{said}");
    ensure!(ids(world)?.len() == 5, "these run: {:?}", ids(world)?);
    let health = Client::new().get(format!("{}/healthz", world.installation.url())).send()?;
    ensure!(health.status() == 200, "/healthz answers {}", health.status());
    world.installation.sign_in().map(drop)
}

pub fn again_changes_nothing(world: &World) -> Outcome {
    let before = ids(world)?;
    world.installation.xtask("up")?;
    ensure!(ids(world)? == before, "the containers were replaced");
    Ok(())
}

pub fn down_and_up_keep_the_state(world: &World) -> Outcome {
    let history = || -> anyhow::Result<Value> {
        let token = world.installation.sign_in()?;
        let answer =
            Client::new().get(format!("{}/api/operations", world.installation.url())).bearer_auth(token).send()?;
        Ok(answer.json::<Value>()?["data"].take())
    };
    let before = history()?;
    ensure!(before["count"] == 1, "{before:#}");
    world.installation.xtask("down")?;
    ensure!(ids(world)?.is_empty(), "still running: {:?}", ids(world)?);
    world.installation.xtask("up")?;
    ensure!(history()? == before, "the history changed: {:#}", history()?);
    Ok(())
}
