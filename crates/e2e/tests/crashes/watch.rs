//! Sees the steps of an update as they begin.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use homeport_e2e::{Outcome, Stack, binary};
use serde_json::Value;

/// Follows `update:progress` on the bus.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    /// Subscribes, and returns once the subscription stands.
    pub(crate) fn start(stack: &Stack) -> anyhow::Result<Self> {
        let mut command = Command::new(binary("sprbus"));
        command.args(["-t", "update:,test:", "-j", "-timeout", "0"]);
        command.env("HOMEPORT_STATE", stack.directory().join("state"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        let (sender, lines) = sync_channel(10_000);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let watch = Self { child, lines };
        watch.wait_until_subscribed(stack)?;
        Ok(watch)
    }

    fn wait_until_subscribed(&self, stack: &Stack) -> Outcome {
        for _ in 0..100 {
            let mut command = Command::new(binary("sprbus"));
            command.args(["-t", "test:here", "-p", "{}"]).env("HOMEPORT_STATE", stack.directory().join("state"));
            command.output()?;
            if self.lines.recv_timeout(Duration::from_millis(100)).is_ok_and(|line| line.contains("test:here")) {
                return Ok(());
            }
        }
        bail!("the bus delivers nothing")
    }

    /// Waits until a step of an operation begins for a container: until `update:step` says so.
    pub(crate) fn wait_for(&self, operation: &str, container: &str, step: &str) -> Outcome {
        let start = Instant::now();
        let limit = Duration::from_mins(1);
        let mut seen = Vec::new();
        while start.elapsed() < limit {
            match self.lines.recv_timeout(Duration::from_millis(500)) {
                Ok(line) => {
                    let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
                    let event = &event["Value"];
                    if event["operation_id"] == operation && event["container_name"] == container {
                        if event["step"] == step && event["state"] == "begun" {
                            return Ok(());
                        }
                        seen.push(event["step"].to_string());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("the bus went away"),
            }
        }
        bail!("step {step} did not begin; these did: {seen:?}")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
