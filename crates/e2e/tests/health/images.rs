//! The images of the table: nginx of the fixtures, with another command. They differ in nothing but their
//! configuration, so that a hundred of them take no room.

use std::{
    io::Write as _,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Run};
use serde_json::json;

use crate::cases::{Case, Version};

/// Images that are made at a time.
const THREADS: usize = 4;

/// The reference of a version.
pub(crate) fn reference(case: &Case, tag: &str) -> String {
    format!("127.0.0.1:5000/health/{}:{tag}", case.name)
}

/// Makes and pushes them.
pub(crate) fn push(run: &Run, cases: &[Case]) -> Outcome {
    let base = run.fixtures.versions("nginx")?.old_image();
    run.engine.docker(&["pull", "-q", &base])?;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || -> Outcome {
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                make(run, &base, &case.old, &reference(case, "1"))?;
                make(run, &base, &case.new, &reference(case, "2"))?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a thread panicked")))
    })
}

fn make(run: &Run, base: &str, version: &Version, reference: &str) -> Outcome {
    let command = json!(["bash", "-c", version.command]);
    let check = if version.check.is_empty() { String::new() } else { format!("HEALTHCHECK {}\n", version.check) };
    let file = format!("FROM {base}\nSTOPSIGNAL SIGKILL\n{check}CMD {command}\nLABEL of={reference}\n");
    let mut build = run.engine.command();
    build.args(["build", "-q", "-t", reference, "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = build.stderr(Stdio::piped()).spawn().context("cannot run docker build")?;
    child.stdin.take().context("no input")?.write_all(file.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "building {reference}: {}", String::from_utf8_lossy(&output.stderr));
    run.engine.docker(&["push", "-q", reference]).map(drop)
}
