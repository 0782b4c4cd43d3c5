//! What comes before an update: a plan that it is held to, a script that has to agree, locks of the application, and a
//! rehearsal.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until, until_ok};
use reqwest::Method;
use serde_json::{Value, json};

use crate::World;

/// Directory of the scripts, for the stack's settings.
pub fn scripts(world: &homeport_e2e::Run) -> PathBuf {
    world.directory.join("scripts")
}

/// Puts a script there.
pub fn write_script(world: &World, name: &str, text: &str) -> Outcome {
    let path = scripts(&world.run).join(name);
    fs::create_dir_all(scripts(&world.run))?;
    fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
    Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?)
}

/// A container of an image's old version, by `docker run`.
fn run(world: &World, name: &str, image: &str, options: &[&str]) -> anyhow::Result<Value> {
    let (label, image) = (world.run.label(), world.run.fixtures.versions(image)?.old_image());
    let mut command = vec!["run", "-d", "--name", name, "--label", &label];
    command.extend(options);
    command.push(&image);
    world.run.engine.docker(&command)?;
    world.run.engine.inspect(name)
}

/// Asks for the update with more in the request, and returns the operation's id.
fn start(world: &World, name: &str, image: &str, more: &Value) -> anyhow::Result<String> {
    let mut body = json!({ "container_name": name, "target_version": world.run.fixtures.versions(image)?.new });
    body.as_object_mut().context("it is an object")?.extend(more.as_object().cloned().unwrap_or_default());
    let answer = world.stack.post("/api/update", &body)?;
    Ok(answer["operation_id"].as_str().context("no operation_id")?.to_owned())
}

fn ended(world: &World, operation: &str) -> anyhow::Result<(String, String)> {
    let operation = world.stack.wait_for(operation, Duration::from_mins(2))?;
    let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
    Ok((text("status"), text("error_message")))
}

fn untouched(world: &World, name: &str, before: &Value) -> Outcome {
    let after = world.run.engine.inspect(name)?;
    ensure!(
        after["Id"] == before["Id"] && after["State"]["StartedAt"] == before["State"]["StartedAt"],
        "it was touched"
    );
    Ok(())
}

/// The plan once it stays the same: what a container answers on is part of it, and this one has only just started.
fn settled_plan(world: &World, body: &Value) -> anyhow::Result<Value> {
    let mut former = Value::Null;
    until_ok("the plan stays the same", Duration::from_secs(30), || {
        let shown = world.stack.post("/api/plan", body)?;
        let settled = shown["hash"] == former["hash"];
        former = shown.clone();
        if !settled {
            thread::sleep(Duration::from_secs(2));
        }
        ensure!(settled, "it was another one just now");
        Ok(shown)
    })
}

pub fn an_update_is_held_to_its_plan(world: &World) -> Outcome {
    let name = "hp-planned";
    let before = run(world, name, "nginx", &["-v", "/data"])?;
    let new = world.run.fixtures.versions("nginx")?.new;
    let body = json!({ "container_name": name, "target_version": new });
    let shown = settled_plan(world, &body)?;
    ensure!(shown["outlook"]["data"]["free_bytes"].as_u64().is_some_and(|free| free > 0), "{shown:#}");
    ensure!(shown["outlook"]["downtime"]["estimate_ms"].as_u64().is_some(), "{shown:#}");
    let text = world.stack.cli(&["plan", name, "--to", &new])?;
    let hash = shown["hash"].as_str().context("no hash")?;
    ensure!(text.contains(&hash[..12]) && text.contains("Interruption: about"), "{text}");
    untouched(world, name, &before)?;

    world.run.engine.docker(&["rm", "-f", "-v", name])?;
    run(world, name, "nginx", &["-v", "/data"])?;
    let body = json!({ "container_name": name, "target_version": new, "plan_hash": hash });
    let (status, answer) = world.stack.request(Method::POST, "/api/update", Some(&body))?;
    ensure!(status == 409 && answer.to_string().contains("container.id is"), "{status} {answer}");
    let hash = settled_plan(world, &body)?["hash"].clone();
    let operation = start(world, name, "nginx", &json!({ "plan_hash": hash }))?;
    let (status, error) = ended(world, &operation)?;
    ensure!(status == "complete", "{error}");
    Ok(())
}

pub fn a_script_that_says_no_is_final(world: &World) -> Outcome {
    let name = "hp-scripted";
    let before = run(world, name, "nginx", &[])?;
    write_script(world, "no.sh", "echo \"$2 to $TARGET_VERSION: not now\"; exit 3")?;
    let operation = start(world, name, "nginx", &json!({ "script": "no.sh" }))?;
    let (status, error) = ended(world, &operation)?;
    let expected = format!("script exited with code 3: {name} to ");
    ensure!(status == "failed" && error.contains(&expected) && error.contains("not now"), "{error}");
    untouched(world, name, &before)
}

/// A container with a directory of locks, in which it holds one.
fn locked(world: &World, name: &str) -> anyhow::Result<(PathBuf, Value)> {
    let directory = world.run.directory.join("locks").join(name);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("updates.lock"), "burning a disc\n")?;
    let mount = format!("{}:/tmp/balena", directory.display());
    Ok((directory, run(world, name, "nginx", &["-v", &mount])?))
}

fn wait_until_locking(world: &World, operation: &str) -> Outcome {
    until("it waits for the lock", Duration::from_mins(1), || {
        world.stack.get(&format!("/api/operations/{operation}")).is_ok_and(|found| found["stage"] == "locking")
    })?;
    // Long enough to have looked at it more than once.
    std::thread::sleep(Duration::from_secs(2));
    Ok(())
}

pub fn a_lock_of_the_application_is_waited_for(world: &World) -> Outcome {
    let (directory, before) = locked(world, "hp-locked")?;
    let operation = start(world, "hp-locked", "nginx", &json!({}))?;
    wait_until_locking(world, &operation)?;
    untouched(world, "hp-locked", &before)?;
    fs::remove_file(directory.join("updates.lock"))?;
    let (status, error) = ended(world, &operation)?;
    ensure!(status == "complete" && error.is_empty(), "{error}");
    ensure!(fs::read_dir(directory)?.next().is_none(), "our own locks were left");
    Ok(())
}

pub fn force_breaks_a_lock_and_says_whose(world: &World) -> Outcome {
    let (directory, _) = locked(world, "hp-broken-lock")?;
    let operation = start(world, "hp-broken-lock", "nginx", &json!({}))?;
    wait_until_locking(world, &operation)?;
    let again = start(world, "hp-broken-lock", "nginx", &json!({ "force": true }))?;
    ensure!(again == operation, "force began another one");
    let (status, error) = ended(world, &operation)?;
    ensure!(status == "complete" && error.contains("hp-broken-lock (updates.lock, uid 0"), "{error}");
    ensure!(error.contains("burning a disc") && fs::read_dir(directory)?.next().is_none(), "{error}");
    Ok(())
}

/// What a person asks for does not wait for a lock: it is refused, or breaks it.
pub fn s2_4_by_hand_a_lock_is_a_423(world: &World) -> Outcome {
    let name = "hp-locked-by-hand";
    let (directory, before) = locked(world, name)?;
    for path in [format!("/api/containers/{name}/stop"), format!("/api/restart/container/{name}")] {
        let (status, refused) = world.stack.request(Method::POST, &path, None)?;
        ensure!(status == 423 && refused["error_code"] == "LOCKED", "{path}: {status} {refused}");
        let text = refused["error"].as_str().unwrap_or_default();
        ensure!(text.contains("Lockfile exists") && text.contains(name) && text.contains("burning a disc"), "{text}");
    }
    untouched(world, name, &before)?;
    let (status, stopped) =
        world.stack.request(Method::POST, &format!("/api/containers/{name}/stop?timeout=1&force=true"), None)?;
    ensure!(status == 200, "{status} {stopped}");
    ensure!(world.run.engine.inspect(name)?["State"]["Running"] == false, "it still runs");
    ensure!(fs::read_dir(directory)?.next().is_none(), "a lock was left");
    Ok(())
}

pub fn one_that_fails_its_rehearsal_is_never_started(world: &World) -> Outcome {
    let before = run(world, "hp-rehearsed-badly", "nginx-exits", &["-v", "/data"])?;
    let operation = start(world, "hp-rehearsed-badly", "nginx-exits", &json!({ "rehearse": true }))?;
    let (status, error) = ended(world, &operation)?;
    ensure!(status == "failed" && error.contains("rehearsal") && error.contains("Nothing was changed"), "{error}");
    untouched(world, "hp-rehearsed-badly", &before)?;
    nothing_of_a_rehearsal(world, "hp-rehearsed-badly", &operation)
}

pub fn a_rehearsal_on_a_copy_leaves_the_data_alone(world: &World) -> Outcome {
    let (engine, name) = (&world.run.engine, "hp-rehearsed");
    run(world, name, "redis", &["-v", "/data", "-p", "127.0.0.1::6379"])?;
    let redis = |words: &[&str]| -> anyhow::Result<String> {
        let mut command = vec!["exec", name, "redis-cli"];
        command.extend(words);
        engine.docker(&command)
    };
    until("redis answers", Duration::from_secs(20), || redis(&["ping"]).is_ok_and(|answer| answer == "PONG"))?;
    redis(&["set", "colour", "green"])?;
    redis(&["save"])?;
    let operation = start(world, name, "redis", &json!({ "rehearse": true }))?;
    let (status, said) = ended(world, &operation)?;
    ensure!(status == "complete" && said.contains("without network on a copy of the data"), "{said}");
    until("redis answers", Duration::from_secs(20), || {
        redis(&["get", "colour"]).is_ok_and(|answer| answer == "green")
    })?;
    nothing_of_a_rehearsal(world, name, &operation)
}

pub fn a_single_file_is_rehearsed_as_a_file(world: &World) -> Outcome {
    let (name, directory) = ("hp-rehearsed-file", world.run.directory.join("rehearsed"));
    fs::create_dir_all(&directory)?;
    let (file, text) = (directory.join("own.conf"), "server { listen 81; }\n");
    fs::write(&file, text)?;
    // nginx reads all that is called so there, and does not start over a directory.
    let mount = format!("{}:/etc/nginx/conf.d/own.conf", file.display());
    run(world, name, "nginx", &["-v", &mount, "--tmpfs", "/scratch", "--label", "homeport.snapshot=all"])?;
    let operation = start(world, name, "nginx", &json!({ "rehearse": true }))?;
    let (status, said) = ended(world, &operation)?;
    ensure!(status == "complete" && said.contains("without network on a copy of the data"), "{said}");
    ensure!(fs::read_to_string(&file)? == text, "the file was changed");
    nothing_of_a_rehearsal(world, name, &operation)
}

fn nothing_of_a_rehearsal(world: &World, name: &str, operation: &str) -> Outcome {
    let filter = format!("label=homeport.rehearsal={operation}-0-rehearsal");
    let volumes = world.run.engine.docker(&["volume", "ls", "-q", "--filter", &filter])?;
    ensure!(volumes.is_empty(), "left over: {volumes}");
    let containers = world.run.engine.containers(&format!("name={name}."))?;
    ensure!(containers.iter().all(|found| !found.contains("rehearsal")), "left over: {containers:?}");
    Ok(())
}
