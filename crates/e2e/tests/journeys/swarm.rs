//! Services of a Swarm: one entry each, updated with the rest of their specification as it is, and back.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until_ok};
use serde_json::{Value, json};

use crate::World;

/// The Swarm of one scenario; left when dropped, and with it all of its services.
struct Swarm<'a>(&'a World);

impl<'a> Swarm<'a> {
    fn init(world: &'a World) -> anyhow::Result<Self> {
        world.run.engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"])?;
        Ok(Self(world))
    }

    fn spec(&self, service: &str) -> anyhow::Result<Value> {
        let text = self.0.run.engine.docker(&["service", "inspect", "--format", "{{json .Spec}}", service])?;
        Ok(serde_json::from_str(&text)?)
    }

    fn create(&self, service: &str, image: &str, more: &[&str]) -> Outcome {
        let label = self.0.run.label();
        let mut command = vec!["service", "create", "--detach", "--name", service, "--container-label", &label];
        command.extend(more);
        command.push(image);
        self.0.run.engine.docker(&command)?;
        until_ok("its tasks run", Duration::from_mins(1), || {
            let filter = format!("name={service}");
            let replicas =
                self.0.run.engine.docker(&["service", "ls", "--filter", &filter, "--format", "{{.Replicas}}"])?;
            ensure!(replicas == "2/2", "{replicas}");
            Ok(())
        })
    }
}

impl Drop for Swarm<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.run.engine.docker(&["swarm", "leave", "--force"]) {
            eprintln!("left behind: the Swarm: {error:#}");
        }
    }
}

fn image_of(spec: &Value) -> &str {
    spec["TaskTemplate"]["ContainerSpec"]["Image"].as_str().unwrap_or_default()
}

pub fn a_service_is_one_thing_and_goes_forward_and_back(world: &World) -> Outcome {
    let swarm = Swarm::init(world)?;
    let versions = world.run.fixtures.versions("nginx")?;
    let name = "hp-swarm";
    #[rustfmt::skip]
    swarm.create(name, &versions.old_image(), &[
        "--replicas", "2", "--env", "GREETING=hello", "--limit-memory", "96m", "--label", "owner=me",
        "--update-parallelism", "2", "--update-failure-action", "continue", "--restart-max-attempts", "9",
        "--stop-grace-period", "3s", "--health-cmd", "true", "--health-interval", "1s",
    ])?;
    let before = swarm.spec(name)?;

    let status = world.stack.get("/api/check?wait=60s")?;
    let named: Vec<&Value> = status["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|container| container["name"].as_str().is_some_and(|found| found.starts_with(name)))
        .collect();
    ensure!(named.len() == 1 && named[0]["name"] == name, "the tasks are listed: {named:#?}");
    ensure!(named[0]["latest_version"] == versions.new, "{:#}", named[0]);
    let plan = world.stack.post("/api/plan", &json!({"container_name": name}))?;
    ensure!(plan.to_string().contains("update the Swarm service"), "{plan:#}");

    let done = world.stack.update(name, None)?;
    let after = swarm.spec(name)?;
    ensure!(image_of(&after).starts_with(&format!("{}@sha256:", versions.new_image())), "{}", image_of(&after));
    let mut comparable = after.clone();
    comparable["TaskTemplate"]["ContainerSpec"]["Image"] = before["TaskTemplate"]["ContainerSpec"]["Image"].clone();
    ensure!(comparable == before, "more than the image changed: {after:#}");

    let id = done["operation_id"].as_str().context("an operation has an id")?;
    let answer = world.stack.post("/api/rollback", &json!({"operation_id": id}))?;
    let id = answer["operation_id"].as_str().context("the way back has an id")?;
    let back = world.stack.wait_for(id, Duration::from_mins(2))?;
    ensure!(back["status"] == "complete", "{back:#}");
    ensure!(swarm.spec(name)? == before, "{:#}", swarm.spec(name)?);

    // A version whose tasks end after three seconds, by the same rules.
    let broken = world.run.fixtures.versions("nginx-exits")?;
    let name = "hp-swarm-broken";
    swarm.create(name, &broken.old_image(), &["--replicas", "2", "--update-failure-action", "continue"])?;
    let before = swarm.spec(name)?;
    let id = world.stack.start_update(name, Some(&broken.new))?;
    let failed = world.stack.wait_for(&id, Duration::from_mins(2))?;
    ensure!(failed["status"] == "failed" && failed["rollback_occurred"] == true, "{failed:#}");
    ensure!(swarm.spec(name)? == before, "{:#}", swarm.spec(name)?);

    let (status, answer) = world.stack.request(reqwest::Method::POST, &format!("/api/containers/{name}/stop"), None)?;
    ensure!(status >= 400 && answer.to_string().contains("Swarm service"), "{status} {answer}");
    Ok(())
}
