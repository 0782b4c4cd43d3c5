//! The Dockerfiles as they stand, of Homeport and of the plugins that ship, and what comes of them at work. At night: their
//! base images cannot be had here, so images of the same names are made of Debian's packages first, which takes minutes.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, binary, root, until_ok};
use serde_json::{Value, json};

use crate::{
    World,
    plugins::Admin,
    repository::{Repository, address_for},
};

/// What the fixtures are made of.
const DEBIAN: &str = "homeport-fixtures/debian:trixie";
/// Images in whose place others stand, and what of them is used here.
const STAND_INS: [(&str, &str); 5] = [
    ("docker:28-cli", DOCKER),
    ("busybox:1.37-musl", BUSYBOX),
    ("python:3.13-alpine", PYTHON),
    ("golang:1.22-alpine", GO),
    ("rust:1.95-slim-bookworm", RUST),
];
const DOCKER: &str = "
RUN apt-get -q update && apt-get -q -y install --no-install-recommends git
COPY docker /usr/local/bin/docker
COPY docker-compose /usr/local/libexec/docker/cli-plugins/docker-compose
";
const BUSYBOX: &str = "
RUN apt-get -q update && apt-get -q -y install --no-install-recommends busybox-static
";
const PYTHON: &str = "
RUN apt-get -q update && apt-get -q -y install --no-install-recommends python3 python3-dnspython
RUN ln -s dist-packages /usr/lib/python3/site-packages && mkdir -p /usr/local/lib/python3.13/site-packages
RUN ln -s /bin/true /usr/bin/apk
";
const GO: &str = "
RUN apt-get -q update && apt-get -q -y install --no-install-recommends golang-go
";
/// The compiler itself would be a gigabyte, and would compile everything again: this one answers with what it made here.
const RUST: &str = r#"
COPY homeport-plugin-db /made/
RUN printf '%s\n' '#!/bin/sh' '[ "$*" = "build --release -p homeport-plugin-db" ] || exit 1' \
    'mkdir -p target/any/release && cp /made/* target/any/release/' > /usr/bin/cargo && chmod +x /usr/bin/cargo
"#;
/// What a plugin that ships is asked for, and a word of its answer.
const PLUGINS: [(&str, &str, &str); 4] = [
    ("hello", "/plugins/hello/", "Hello from a plugin"),
    ("db", "/plugins/db/stats", "topics"),
    ("dyndns", "/plugins/dyndns/status", "Records"),
    ("notify", "/plugins/notify/config", "Hooks"),
];
/// Those with an image of their own, and the context that it is built in.
const CONTEXTS: [(&str, &str); 3] = [("db", "."), ("dyndns", "plugins/dyndns"), ("notify", "plugins/notify")];
const PATIENCE: Duration = Duration::from_secs(30);

pub fn of_homeport_are_built_and_docker_agent_has_a_git_that_fetches(world: &World) -> Outcome {
    stand_ins(world, &STAND_INS[..2])?;
    let engine = &world.run.engine;
    let context = world.run.directory.join("official");
    std::fs::create_dir_all(context.join("bin"))?;
    for name in ["homeport", "homeport-auth", "homeport-bus"] {
        std::fs::copy(binary(name), context.join("bin").join(name))?;
    }
    let file = root().join("compose/Dockerfile");
    let label = world.run.label();
    let tag = |target: &str| format!("homeport-official/{target}:test");
    for target in ["homeport", "auth", "bus", "updater", "docker-agent"] {
        let words = ["--target", target, "--build-arg", "BINARIES=prebuilt"];
        build(world, &context, &file, &tag(target), &words)?;
        engine.docker(&["run", "--rm", "--label", &label, &tag(target), "--version"])?;
    }
    let run = |target: &str, program: &str, words: &[&str]| {
        let tag = tag(target);
        let mut command = vec!["run", "--rm", "--label", &label, "--network", "homeport_repositories"];
        let authority = format!("{}:/root.pem:ro", world.run.directory.join("configs/git-root.pem").display());
        command.extend(["--volume", &authority, "--env", "GIT_SSL_CAINFO=/root.pem", "--entrypoint", program, &tag]);
        command.extend(words);
        engine.docker(&command)
    };
    let address = address_for(world)?;
    let repository = Repository::serve(&world.run, &world.authority, &address, "official")?;
    repository.commit(&[("plugin.json", "{}")])?;
    let said = run("docker-agent", "/usr/bin/git", &["ls-remote", repository.url(), "HEAD"])?;
    ensure!(said.ends_with("HEAD"), "git says {said}");
    run("docker-agent", "/usr/bin/docker", &["compose", "version"])?;
    let shell = run("updater", "/bin/sh", &["-c", "echo scripts run"])?;
    ensure!(shell == "scripts run", "the updater's shell says {shell}");
    for target in ["homeport", "auth", "bus", "updater", "docker-agent"] {
        engine.docker(&["rmi", &tag(target)])?;
    }
    Ok(())
}

pub fn of_the_plugins_that_ship_answer_behind_the_stack(world: &World) -> Outcome {
    stand_ins(world, &STAND_INS[2..])?;
    let admin = Admin::of(world)?;
    let installed = world.run.directory.join("plugins");
    let paths = PLUGINS.map(|(name, ..)| format!("plugins/{name}/docker-compose.yml"));
    admin.put("/plugin/custom_compose_paths", &json!(paths), 200)?;
    for (name, context) in CONTEXTS {
        let file = root().join("plugins").join(name).join("Dockerfile");
        build(world, &root().join(context), &file, &format!("homeport/plugin-{name}:local"), &[])?;
    }
    for (name, path, words) in PLUGINS {
        copy(&root().join("plugins").join(name), &installed.join(name))?;
        let text = std::fs::read(installed.join(name).join("plugin.json"))?;
        let mut entry: Value = serde_json::from_slice(&text)?;
        let line = format!("/plugins_api/{name}");
        let (status, answer) = admin.call(reqwest::Method::PUT, &line, Some(&entry))?;
        if status == 409 {
            entry["Confirm"] = answer["Concerns"].clone();
            admin.put(&line, &entry, 200)?;
        } else {
            ensure!(status == 200, "{name}: {status} {answer}");
        }
        until_ok(&format!("{name} answers"), PATIENCE, || {
            let (status, body) = admin.get(path)?;
            ensure!(status == 200 && body.to_string().contains(words), "{path}: {status} {body}");
            Ok(())
        })?;
        let (status, answer) = admin.call(reqwest::Method::DELETE, &line, Some(&json!({})))?;
        ensure!(status == 200, "{name} is not deleted: {status} {answer}");
        let left = world.run.engine.containers(&format!("label=com.docker.compose.project=plugin-{name}"))?;
        ensure!(left.is_empty(), "{left:?} are left of {name}");
    }
    admin.put("/plugin/custom_compose_paths", &json!([]), 200).map(drop)
}

/// Makes images of names that others are built from.
fn stand_ins(world: &World, wanted: &[(&str, &str)]) -> Outcome {
    let context = world.run.directory.join("stand-ins");
    std::fs::create_dir_all(&context)?;
    std::fs::copy(found("docker")?, context.join("docker"))?;
    std::fs::copy(compose_plugin(world)?, context.join("docker-compose"))?;
    std::fs::copy(binary("homeport-plugin-db"), context.join("homeport-plugin-db"))?;
    for (tag, steps) in wanted {
        let file = context.join("Dockerfile");
        std::fs::write(&file, format!("FROM {DEBIAN}\n{steps}"))?;
        build(world, &context, &file, tag, &["--network", "host"])?;
    }
    Ok(())
}

fn build(world: &World, context: &Path, file: &Path, tag: &str, more: &[&str]) -> Outcome {
    let mut command = world.run.engine.command();
    command.env("DOCKER_BUILDKIT", "1").args(["build", "--quiet", "--tag", tag, "--file"]).arg(file);
    let output = command.args(more).arg(context).output().context("cannot run docker")?;
    ensure!(output.status.success(), "building {tag}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A program of this machine.
fn found(name: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new("sh").args(["-c", &format!("command -v {name}")]).output()?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()).canonicalize()?)
}

fn compose_plugin(world: &World) -> anyhow::Result<PathBuf> {
    let listed = world.run.engine.docker(&["info", "--format", "{{json .ClientInfo.Plugins}}"])?;
    let listed: Value = serde_json::from_str(&listed)?;
    let compose = listed.as_array().into_iter().flatten().find(|plugin| plugin["Name"] == "compose");
    Ok(compose.and_then(|plugin| plugin["Path"].as_str()).context("there is no compose")?.into())
}

/// A folder as it is installed.
fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
