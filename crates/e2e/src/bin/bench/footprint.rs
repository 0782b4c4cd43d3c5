//! How fast the processes start, and what they take while nothing happens.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use homeport_e2e::{Run, SERVICES, Stack};

use crate::{
    figures::{row, spread},
    process::kilobytes,
};

/// How often the stack is started.
const STARTS: usize = 5;

/// How long it is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(20);

pub(crate) fn measure(run: &Run) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for count in 0..STARTS {
        let name = format!("start-{count}");
        let start = Instant::now();
        let stack = Stack::start(run, &name, &[])?;
        starts.push(start.elapsed());
        if count + 1 == STARTS {
            thread::sleep(IDLE);
            memory(&stack)?;
        }
    }
    row("start of the five processes until all are healthy and a person is signed in", &spread(&starts), "2000 ms");
    Ok(())
}

fn memory(stack: &Stack) -> anyhow::Result<()> {
    let (mut resident, mut proportional) = (0, 0);
    let mut parts = Vec::new();
    for service in SERVICES {
        let pid = stack.process_id(service).with_context(|| format!("{service} does not run"))?;
        let rss = kilobytes(&format!("/proc/{pid}/status"), "VmRSS:")?;
        resident += rss;
        proportional += kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")?;
        parts.push(format!("{service} {}", rss / 1024));
    }
    let measured = format!(
        "{} MB resident ({}), {} MB with shared pages counted once",
        resident / 1024,
        parts.join(", "),
        proportional / 1024
    );
    row("idle memory of all five", &measured, "80 MB");
    Ok(())
}
