//! New versions that do not work.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, free_port, until_ok};

use crate::{World, compose::nginx};

/// The `Server` header of what answers on a port of this machine.
pub fn server_header(port: u16) -> anyhow::Result<String> {
    until_ok(&format!("port {port} answers"), Duration::from_secs(10), || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let header = answer.lines().find(|line| line.starts_with("Server:")).context("no Server header")?;
        Ok(header.to_owned())
    })
}

pub fn one_that_exits_is_rolled_back(world: &World) -> Outcome {
    rolled_back(world, "nginx-exits", "exit")
}

pub fn one_that_never_answers_is_rolled_back(world: &World) -> Outcome {
    rolled_back(world, "nginx-silent", "port")
}

pub fn one_that_is_unhealthy_is_rolled_back(world: &World) -> Outcome {
    rolled_back(world, "nginx-unhealthy", "health")
}

/// Updates to a broken version and expects everything back as it was, and a reason that has `reason` in it.
fn rolled_back(world: &World, image: &str, reason: &str) -> Outcome {
    let versions = world.run.fixtures.versions(image)?;
    let port = free_port()?;
    let project = Project::up(&world.run, &format!("hp-{image}"), &nginx(&versions.old_image(), port))?;
    let before = project.file("compose.yaml")?;
    let container = project.container("web")?;
    let image_before = world.run.engine.inspect(&container)?["Image"].clone();

    let operation = world.stack.start_update(&container, Some(&versions.new))?;
    let operation = world.stack.wait_for(&operation, Duration::from_secs(120))?;
    ensure!(operation["status"] == "failed" && operation["rollback_occurred"] == true, "{operation:#}");
    let message = operation["error_message"].as_str().unwrap_or_default().to_lowercase();
    ensure!(message.contains(reason), "the history does not say why: {message}");

    ensure!(project.file("compose.yaml")? == before, "the file became\n{}", project.file("compose.yaml")?);
    let after = world.run.engine.inspect(&project.container("web")?)?;
    ensure!(after["Image"] == image_before, "it runs {}", after["Config"]["Image"]);
    ensure!(after["State"]["Running"] == true, "it does not run");
    ensure!(server_header(port)?.contains("1.22"), "the old version does not answer");
    ensure!(world.run.engine.containers(&format!("label=com.docker.compose.project={}", project.name))?.len() == 1);
    Ok(())
}

pub fn one_of_docker_run_is_rolled_back(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx-exits")?;
    let (label, port, name) = (world.run.label(), free_port()?, "hp-run-exits");
    let publish = format!("127.0.0.1:{port}:80");
    let engine = &world.run.engine;
    engine.docker(&["run", "-d", "--name", name, "--label", &label, "-p", &publish, &versions.old_image()])?;
    let before = engine.inspect(name)?;
    let operation = world.stack.start_update(name, Some(&versions.new))?;
    let operation = world.stack.wait_for(&operation, Duration::from_secs(120))?;
    ensure!(operation["status"] == "failed" && operation["rollback_occurred"] == true, "{operation:#}");
    let after = engine.inspect(name)?;
    ensure!(after["Id"] == before["Id"], "the old container was replaced although it was still there");
    ensure!(after["State"]["Running"] == true && server_header(port)?.contains("1.22"));
    ensure!(engine.containers(&format!("name={name}"))?.len() == 1, "something was left over");
    Ok(())
}
