//! What the containers of the stack may and can do.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use homeport_e2e::{Outcome, Project, free_port, until_ok};
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::World;

/// The processes that go on running.
const SERVICES: [&str; 5] = ["gateway", "bus", "auth", "updater", "docker-agent"];

pub fn none_has_more_rights_than_it_needs(world: &World) -> Outcome {
    let engine = &world.run.engine;
    for service in SERVICES {
        let inspect = engine.inspect(&format!("homeport-{service}-1"))?;
        let host = &inspect["HostConfig"];
        ensure!(host["Privileged"] == false && host["ReadonlyRootfs"] == true, "{service}: {host:#}");
        ensure!(host["CapDrop"] == json!(["ALL"]), "{service} keeps capabilities");
        ensure!(service == "docker-agent" || host["CapAdd"] == Value::Null, "{service} has {}", host["CapAdd"]);
        ensure!(host["SecurityOpt"].to_string().contains("no-new-privileges"), "{service}: {}", host["SecurityOpt"]);
        ensure!(service == "docker-agent" || inspect["Config"]["User"] != "0:10000", "{service} is root");
        let mounts = inspect["Mounts"].to_string();
        ensure!((service == "docker-agent") == mounts.contains("docker.sock"), "{service} mounts {mounts}");
        ensure!(
            service == "auth" || service == "gateway" || !mounts.contains("/state/auth"),
            "{service} mounts {mounts}"
        );
    }
    Ok(())
}

pub fn an_update_works_from_inside(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("redis")?;
    let compose = format!(
        "services:\n  store:\n    image: {}\n    command: [\"redis-server\", \"--appendonly\", \"yes\", \"--dir\", \"/data\"]\n    \
         labels: [\"{{label}}\"]\n    ports: [\"127.0.0.1:{}:6379\"]\n    volumes:\n      - data:/data\nvolumes:\n  data:\n    \
         labels: [\"{{label}}\"]\n",
        versions.old_image(),
        free_port()?
    );
    let project = Project::up(&world.run, "hp-inside", &compose)?;
    let before = project.file("compose.yaml")?;
    let token = world.installation.sign_in()?;
    let (http, url) = (Client::new(), world.installation.url());
    let body = json!({"container_name": project.container("store")?, "target_version": versions.new});
    let answer: Value = http.post(format!("{url}/api/update")).bearer_auth(&token).json(&body).send()?.json()?;
    let id = answer["data"]["operation_id"].as_str().with_context(|| format!("{answer}"))?;
    let operation = until_ok("the update ends", Duration::from_secs(120), || {
        let answer: Value = http.get(format!("{url}/api/operations/{id}")).bearer_auth(&token).send()?.json()?;
        match answer["data"]["status"].as_str() {
            Some("complete" | "failed") => Ok(answer["data"].clone()),
            other => bail!("it is {other:?}"),
        }
    })?;
    ensure!(operation["status"] == "complete", "{operation:#}");
    ensure!(project.file("compose.yaml")? == before.replace(&versions.old, &versions.new));
    Ok(())
}

/// What Homeport says of itself and does with itself, where it runs in containers.
pub fn it_reads_its_own_logs_and_restarts_as_a_whole(world: &World) -> Outcome {
    let (http, url) = (Client::new(), world.installation.url());
    let setup: Value = http.get(format!("{url}/setup")).send()?.json()?;
    ensure!(setup == json!({"status": "ok"}), "the first password is still there: {setup}");
    let token = world.installation.sign_in()?;
    let logs: Vec<Value> = http.get(format!("{url}/logs")).bearer_auth(&token).send()?.json()?;
    let times: Vec<&str> = logs.iter().filter_map(|line| line["__REALTIME_TIMESTAMP"].as_str()).collect();
    ensure!(!times.is_empty() && times.is_sorted_by(|newer, older| newer >= older), "not the newest first");
    // A bus that starts has nothing to say.
    for service in SERVICES.iter().filter(|service| **service != "bus") {
        let name = format!("homeport-{service}-1");
        ensure!(logs.iter().any(|line| line["CONTAINER_NAME"] == name.as_str()), "nothing of {name}");
    }
    let started = || {
        let of = |service: &&str| Ok(world.run.engine.inspect(&format!("homeport-{service}-1"))?["State"].clone());
        SERVICES.iter().map(of).collect::<anyhow::Result<Vec<Value>>>()
    };
    let before = started()?;
    let answer = http.put(format!("{url}/restart")).bearer_auth(&token).send()?;
    ensure!(answer.status() == 200, "{answer:?}");
    until_ok("all of it has restarted", Duration::from_secs(120), || {
        for ((service, before), now) in SERVICES.iter().zip(&before).zip(started()?) {
            ensure!(now["StartedAt"] != before["StartedAt"], "{service} has not restarted");
            ensure!(now["Health"]["Status"] == "healthy", "{service} is {}", now["Health"]["Status"]);
        }
        let answer = http.get(format!("{url}/status")).bearer_auth(&token).send()?;
        ensure!(answer.status() == 200, "{answer:?}");
        Ok(())
    })
}
