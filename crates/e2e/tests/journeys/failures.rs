//! What goes wrong around an update, and what is said about it.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use anyhow::ensure;
use homeport_e2e::{Outcome, Project, free_port, until};
use reqwest::Method;
use serde_json::json;

use crate::{World, broken::server_header, compose::nginx};

pub fn unknown_things_are_said_clearly(world: &World) -> Outcome {
    for (method, path, body, code) in [
        (Method::POST, "/api/update", json!({"container_name": "no-such-container"}), 404),
        (Method::POST, "/api/update", json!({}), 400),
        (Method::POST, "/api/update/batch", json!({"containers": []}), 400),
        (Method::POST, "/api/rollback", json!({"operation_id": "no-such-operation"}), 404),
        (Method::GET, "/api/operations/no-such-operation", json!(null), 404),
        (Method::GET, "/api/container/no-such-container/recheck", json!(null), 404),
        (Method::GET, "/api/no-such-route", json!(null), 404),
        (Method::DELETE, "/api/status", json!(null), 405),
    ] {
        let (got, answer) = world.stack.request(method.clone(), path, (!body.is_null()).then_some(&body))?;
        ensure!(got == code, "{method} {path}: {got} {answer}");
        ensure!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}: {answer}");
    }
    let output = world.stack.homeport().args(["update", "no-such-container"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1) && said.contains("no-such-container"), "{:?} {said}", output.status);
    Ok(())
}

pub fn an_invalid_compose_file_stops_the_update(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let project = Project::up(&world.run, "hp-invalid", &nginx(&versions.old_image(), port))?;
    let (container, good) = (project.container("web")?, project.file("compose.yaml")?);
    let path = project.directory.join("compose.yaml");
    for (what, text) in [("invalid", Some("services:\n  web: [\n")), ("missing", None)] {
        match text {
            Some(text) => std::fs::write(&path, text)?,
            None => std::fs::remove_file(&path)?,
        }
        let answer = world.stack.request(
            Method::POST,
            "/api/update",
            Some(&json!({"container_name": container, "target_version": versions.new})),
        )?;
        let message = match answer.1["data"]["operation_id"].as_str() {
            Some(id) => world.stack.wait_for(id, Duration::from_secs(60))?["error_message"].to_string(),
            None => answer.1["error"].to_string(),
        };
        ensure!(message.contains("compose.yaml"), "{what}: the file is not named: {message}");
        std::fs::write(&path, &good)?;
        ensure!(server_header(port)?.contains(&versions.old), "{what}: the old version does not answer");
    }
    Ok(())
}

/// A registry that answers every request alike.
fn nonsense(status: &'static str, body: &'static str) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            drop(stream.read(&mut request));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            drop(stream.write_all(head.as_bytes()));
            drop(stream.write_all(body.as_bytes()));
        }
    });
    Ok(port)
}

pub fn a_registry_that_answers_nonsense_is_named(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let engine = &world.run.engine;
    let closed = free_port()?;
    for (name, port) in [
        ("garbage", nonsense("200 OK", "<html>not a registry")?),
        ("unauthorized", nonsense("401 Unauthorized", "")?),
        ("limited", nonsense("429 Too Many Requests", "")?),
        ("broken", nonsense("500 Internal Server Error", "oops")?),
        ("down", closed),
    ] {
        let image = format!("127.0.0.1:{port}/web:1.22.1");
        let container = format!("hp-registry-{name}");
        engine.docker(&["tag", &versions.old_image(), &image])?;
        engine.docker(&["run", "-d", "--name", &container, "--label", &world.run.label(), &image])?;
        let (code, answer) = world.stack.request(
            Method::POST,
            "/api/update",
            Some(&json!({"container_name": container, "target_version": "1.26.3"})),
        )?;
        let message = match answer["data"]["operation_id"].as_str() {
            Some(id) => world.stack.wait_for(id, Duration::from_secs(90))?["error_message"].to_string(),
            None => answer["error"].to_string(),
        };
        ensure!(message.contains(&format!("127.0.0.1:{port}")), "{name}: {code} {message}");
        ensure!(engine.inspect(&container)?["State"]["Running"] == true, "{name}: it no longer runs");
        engine.docker(&["rm", "-f", &container])?;
        engine.docker(&["rmi", &image])?;
    }
    Ok(())
}

pub fn a_container_removed_midway_is_put_back(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let project = Project::up(&world.run, "hp-removed", &nginx(&versions.old_image(), port))?;
    let (container, before) = (project.container("web")?, project.file("compose.yaml")?);
    let operation = world.stack.start_update(&container, Some(&versions.new))?;
    until("the new version is being proved", Duration::from_secs(60), || {
        let current = world.stack.get(&format!("/api/operations/{operation}"));
        current.is_ok_and(|operation| operation["stage"] == "health_check")
    })?;
    world.run.engine.docker(&["rm", "-f", &container])?;
    let operation = world.stack.wait_for(&operation, Duration::from_secs(90))?;
    ensure!(operation["status"] == "failed" && operation["rollback_occurred"] == true, "{operation:#}");
    ensure!(project.file("compose.yaml")? == before, "the file became\n{}", project.file("compose.yaml")?);
    ensure!(server_header(port)?.contains(&versions.old), "the old version does not answer");
    Ok(())
}

pub fn s10_1_a_tag_that_does_not_exist_changes_nothing(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let project = Project::up(&world.run, "hp-missing", &nginx(&versions.old_image(), free_port()?))?;
    let (container, file) = (project.container("web")?, project.file("compose.yaml")?);
    let id = world.run.engine.inspect(&container)?["Id"].clone();
    let body = json!({"container_name": container, "target_version": "9.9.9"});
    let (_, answer) = world.stack.request(Method::POST, "/api/update", Some(&body))?;
    let message = match answer["data"]["operation_id"].as_str() {
        Some(id) => world.stack.wait_for(id, Duration::from_secs(60))?["error_message"].to_string(),
        None => answer["error"].to_string(),
    };
    ensure!(message.contains("9.9.9"), "the tag is not named: {message}");
    ensure!(world.run.engine.inspect(&container)?["Id"] == id, "the container was touched");
    ensure!(project.file("compose.yaml")? == file, "the file was touched");
    Ok(())
}

pub fn a_full_disk_is_noticed_before_anything_changes(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("redis")?;
    let engine = &world.run.engine;
    let compose = format!(
        "services:\n  store:\n    image: {}\n    labels: [\"{{label}}\"]\n    volumes:\n      - data:/data\nvolumes:\n  data:\n    \
         labels: [\"{{label}}\"]\n",
        versions.old_image()
    );
    let project = Project::up(&world.run, "hp-full-disk", &compose)?;
    let (container, file) = (project.container("store")?, project.file("compose.yaml")?);
    let id = engine.inspect(&container)?["Id"].clone();
    // Data that takes more than half of what is free cannot be copied. It is allocated without being written.
    let free = engine.docker(&["exec", &container, "df", "--output=avail", "-B1", "/data"])?;
    let free: u64 = free.lines().last().unwrap_or_default().trim().parse()?;
    let size = (free / 10 * 6).to_string();
    engine.docker(&["exec", "-u", "0", &container, "fallocate", "-l", &size, "/data/large"])?;
    let operation = world.stack.start_update(&container, Some(&versions.new))?;
    let operation = world.stack.wait_for(&operation, Duration::from_secs(60))?;
    let message = operation["error_message"].as_str().unwrap_or_default();
    ensure!(operation["status"] == "failed" && message.contains("free"), "{operation:#}");
    let after = engine.inspect(&container)?;
    ensure!(after["Id"] == id && after["State"]["Running"] == true, "the container was touched");
    ensure!(project.file("compose.yaml")? == file, "the file was touched");
    Ok(())
}

pub fn a_deleted_image_is_kept_for_the_way_back(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let (engine, repository) = (&world.run.engine, "127.0.0.1:5000/hp-deleted");
    for (image, tag) in [(versions.old_image(), &versions.old), (versions.new_image(), &versions.new)] {
        let own = format!("{repository}:{tag}");
        engine.docker(&["pull", "-q", &image])?;
        engine.docker(&["tag", &image, &own])?;
        engine.docker(&["push", "-q", &own])?;
    }
    let (old, port) = (format!("{repository}:{}", versions.old), free_port()?);
    let project = Project::up(&world.run, "hp-deleted", &nginx(&old, port))?;
    let before = project.file("compose.yaml")?;
    engine.docker(&["rmi", "-f", &old])?;

    let operation = world.stack.update(&project.container("web")?, Some(&versions.new))?;
    ensure!(server_header(port)?.contains(&versions.new), "the new version does not answer");
    let answer = world.stack.post("/api/rollback", &json!({"operation_id": operation["operation_id"]}))?;
    let rollback =
        world.stack.wait_for(answer["operation_id"].as_str().unwrap_or_default(), Duration::from_secs(90))?;
    ensure!(rollback["status"] == "complete", "{rollback:#}");
    ensure!(server_header(port)?.contains(&versions.old), "the old version does not answer");
    ensure!(project.file("compose.yaml")? == before, "the file became\n{}", project.file("compose.yaml")?);
    Ok(())
}
