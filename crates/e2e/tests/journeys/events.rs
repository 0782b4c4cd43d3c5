//! What an update says while it runs.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, Stack, binary, free_port, until};

use crate::{World, compose::nginx};

/// A command whose output is collected line by line; killed when dropped.
struct Listener {
    child: Child,
    lines: Arc<Mutex<String>>,
}

impl Listener {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        let lines = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut text = sink.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&line);
                text.push('\n');
            }
        });
        Ok(Self { child, lines })
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn listeners(stack: &Stack) -> anyhow::Result<[(&'static str, Listener); 3]> {
    let mut sprbus = Command::new(binary("sprbus"));
    sprbus.args(["-t", "update:", "-j", "-timeout", "0"]).env("HOMEPORT_STATE", stack.directory().join("state"));
    let mut curl = Command::new("curl");
    let bearer = format!("Authorization: Bearer {}", stack.token());
    curl.args(["-sN", "-H", &bearer, &format!("{}/api/events", stack.url())]);
    let mut cli = stack.homeport();
    cli.args(["events", "--json"]);
    Ok([
        ("sprbus", Listener::start(sprbus)?),
        ("the event stream", Listener::start(curl)?),
        ("homeport events", Listener::start(cli)?),
    ])
}

pub fn an_update_is_seen_everywhere(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let project = Project::up(&world.run, "hp-events", &nginx(&versions.old_image(), free_port()?))?;
    let listeners = listeners(&world.stack)?;
    until("the event stream is open", Duration::from_secs(5), || listeners[1].1.text().contains("connected"))?;
    let operation = world.stack.update(&project.container("web")?, Some(&versions.new))?;
    let id = operation["operation_id"].as_str().context("no id")?;
    for (name, listener) in &listeners {
        for stage in ["pulling_image", "updating_compose", "recreating", "health_check", "complete"] {
            let seen =
                || listener.text().lines().any(|line| line.contains(id) && line.contains(&format!("\"{stage}\"")));
            until(&format!("{name} shows {stage}"), Duration::from_secs(5), seen)
                .with_context(|| format!("it shows\n{}", listener.text()))?;
        }
    }
    ensure!(listeners[1].1.text().contains("event: update.progress"), "events have no names");
    Ok(())
}
