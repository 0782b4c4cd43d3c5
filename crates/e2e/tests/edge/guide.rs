//! The guide for plugin authors, done as it says: its own commands, in an empty folder, as somebody who has never seen this.

use std::{
    io::{BufRead, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, root, until_ok};
use serde_json::{Value, json};

use crate::{
    Program, World,
    plugins::{PATIENCE, PYTHON, go},
};

/// The guide promises ten minutes; the machine's part of them is seconds.
const LIMIT: Duration = Duration::from_secs(30);

pub fn from_an_empty_folder_to_a_url(world: &World) -> Outcome {
    let guide = std::fs::read_to_string(root().join("plugins/README.md"))?;
    let begin = Instant::now();
    let folder = world.stack.directory();
    std::fs::write(folder.join("clock.py"), block(&guide, "python", "clock.py")?)?;
    let start = block(&guide, "sh", "python3 clock.py")?;
    let _plugin = Program::start(Command::new("sh").current_dir(folder).args(["-ec", &start.replace(" &\n", "\n")]))?;
    let entry: serde_json::Value = serde_json::from_str(&block(&guide, "json", "\"clock\"")?)?;
    world.list(&entry)?;
    let ask = block(&guide, "sh", "/plugins/clock/now")?.replace("http://127.0.0.1:8080", &world.stack.url());
    let said = until_ok("the plugin answers", LIMIT, || {
        let output = Command::new("sh").args(["-ec", &ask]).env("TOKEN", world.stack.token()).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success() && said.contains("\"now\""), "{said}");
        Ok(said)
    })?;
    ensure!(begin.elapsed() < LIMIT, "it took {:?}: {said}", begin.elapsed());
    Ok(())
}

pub fn publishing_and_following_in_python(world: &World) -> Outcome {
    let file = example(world, "python", "class Publisher", "lines.py")?;
    tells_and_hears(world, Command::new(PYTHON).arg(file), "lines.py")
}

pub fn publishing_and_following_in_go(world: &World) -> Outcome {
    let program = build_go(world, "func (p *Publisher) Publish", "lines")?;
    tells_and_hears(world, &mut Command::new(program), "lines.go")
}

/// An example tells that it started, and hears of updates, also those after a restart of the bus.
fn tells_and_hears(world: &World, command: &mut Command, name: &str) -> Outcome {
    let mut bus = UnixStream::connect(bus(world))?;
    bus.set_read_timeout(Some(Duration::from_millis(200)))?;
    bus.write_all(b"{\"topic\":\"subscribe:\"}\n")?;
    // A subscription has no answer; an event of one's own says that it stands.
    let mut told = BufReader::new(bus);
    until_ok("the test hears the bus", PATIENCE, || {
        publish(world, "guide:ready")?;
        wait_for(&mut told, "guide:ready")
    })?;
    told.get_ref().set_read_timeout(Some(PATIENCE))?;
    let output = world.stack.directory().join(format!("{name}.out"));
    let _example = Program::start_writing(command, &output)?;
    let started = wait_for(&mut told, "myplugin:started")?;
    ensure!(started["value"] == r#"{"version":"1.0"}"# || started["value"] == r#"{"version": "1.0"}"#, "{started}");
    for topic in ["update:guide", "update:again"] {
        until_ok("the example hears of it", PATIENCE, || {
            publish(world, topic)?;
            count(&output, topic).map(drop)
        })?;
        if topic == "update:guide" {
            world.stack.kill("bus")?;
            world.stack.start_service("bus")?;
        }
    }
    Ok(())
}

pub fn kept_events_in_python(world: &World) -> Outcome {
    let file = example(world, "python", "homeport/bus/v1/bus.proto", "kept.py")?;
    let output = world.stack.directory().join("kept.out");
    let mut command = Command::new(PYTHON);
    command.arg(root().join("crates/e2e/tests/edge/protos.py")).arg(file);
    command.arg(root().join("crates/proto/src/generated/descriptors.bin"));
    let _example = Program::start_writing(&mut command, &output)?;
    until_ok("it reads what it stored", PATIENCE, || count(&output, "app:myplugin:started").map(drop))?;
    for topic in ["app:myplugin:guide", "app:myplugin:again"] {
        until_ok("an event is stored", PATIENCE, || world.publish(topic, &json!({})))?;
        until_ok("it reads an event", PATIENCE, || count(&output, topic).map(drop))?;
        if topic == "app:myplugin:guide" {
            world.stack.kill("bus")?;
            world.stack.start_service("bus")?;
        }
    }
    // The last event came once, so the one before it came no second time after the restart.
    ensure!(count(&output, "app:myplugin:guide")? == 1, "it came again: {}", std::fs::read_to_string(&output)?);
    Ok(())
}

pub fn kept_events_in_go(world: &World) -> Outcome {
    let program = build_go(world, "Last-Event-ID", "kept")?;
    let output = world.stack.directory().join("kept.go.out");
    let mut command = Command::new(program);
    command.env("HOMEPORT_URL", world.stack.url()).env("HOMEPORT_TOKEN", world.stack.token());
    let _example = Program::start_writing(&mut command, &output)?;
    for topic in ["app:myplugin:guide", "app:myplugin:again"] {
        until_ok("it hears an event", PATIENCE, || {
            world.publish(topic, &json!({}))?;
            count(&output, topic).map(drop)
        })?;
        if topic == "app:myplugin:guide" {
            world.stack.kill("bus")?;
            world.stack.start_service("bus")?;
        }
    }
    Ok(())
}

/// A block of the guide as a file, with this stack's bus in the place of the guide's.
fn example(world: &World, language: &str, words: &str, name: &str) -> anyhow::Result<PathBuf> {
    let guide = std::fs::read_to_string(root().join("plugins/README.md"))?;
    let text = block(&guide, language, words)?.replace("/state/api/eventbus.sock", &bus(world).display().to_string());
    let file = world.stack.directory().join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

fn build_go(world: &World, words: &str, name: &str) -> anyhow::Result<PathBuf> {
    example(world, "go", words, &format!("{name}.go"))?;
    let program = world.stack.directory().join(format!("{name}-go"));
    go(world.stack.directory(), &["build", "-o", &program.display().to_string(), &format!("{name}.go")])?;
    Ok(program)
}

fn bus(world: &World) -> PathBuf {
    world.stack.directory().join("state/api/eventbus.sock")
}

fn publish(world: &World, topic: &str) -> Outcome {
    let mut bus = UnixStream::connect(bus(world))?;
    Ok(writeln!(bus, "{}", json!({ "topic": topic, "value": "{}" }))?)
}

/// The next event of a topic.
fn wait_for(told: &mut impl BufRead, topic: &str) -> anyhow::Result<Value> {
    loop {
        let mut line = String::new();
        ensure!(told.read_line(&mut line)? > 0, "the bus is gone before {topic} came");
        let event: Value = serde_json::from_str(&line)?;
        if event["topic"] == topic {
            return Ok(event);
        }
    }
}

/// In how many lines an example wrote some words, if in any.
fn count(output: &Path, words: &str) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(output)?;
    let lines = text.lines().filter(|line| line.contains(words)).count();
    ensure!(lines > 0, "no {words:?} in {text:?}");
    Ok(lines)
}

/// The first block of a language that holds some words.
fn block(guide: &str, language: &str, words: &str) -> anyhow::Result<String> {
    let fence = format!("```{language}\n");
    let blocks = guide.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    let found = blocks.into_iter().find(|block| block.contains(words));
    found.map(str::to_owned).with_context(|| format!("the guide has no {language} with {words:?}"))
}
