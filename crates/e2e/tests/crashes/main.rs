//! Work is cut short by SIGKILL at each of its journalled steps, in each process that takes part. Afterwards exactly one
//! version of every container runs, image, compose file and data belong together, and nothing is left over.
//!
//! Every way, victim and step makes one run, and by night, with `HOMEPORT_TEST_NIGHTLY` set, each is repeated with another
//! moment after the step's beginning. By day it is a part of them, spread evenly over all. `HOMEPORT_TEST_SEED` makes
//! another choice of part and moments; the seed is printed, and the same seed makes the same runs.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unnecessary_wraps,
    reason = "the names of the scenarios say what they show"
)]

mod aftermath;
mod seed;
mod subject;
mod swarm;
mod watch;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use homeport_e2e::{Outcome, Run, Stack, conclude, is_nightly, until, until_ok};

use crate::{
    aftermath::check,
    seed::Seed,
    subject::{Subject, WAYS, Way},
    watch::Watch,
};

/// How often each is done by night: 288 runs.
const NIGHTLY_ROUNDS: usize = 2;
/// How many there are by day, in some five minutes: every step of every way once, with one of the three.
const DAILY_RUNS: usize = 48;
/// The latest moment after the beginning of a step.
const LATEST_MS: u64 = 400;

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Updater,
    DockerAgent,
    Engine,
}

const VICTIMS: [(&str, Victim); 3] =
    [("updater", Victim::Updater), ("docker-agent", Victim::DockerAgent), ("engine", Victim::Engine)];

/// What the scenarios share.
struct World {
    stack: Stack,
    run: Run,
    count: AtomicU32,
}

/// One run.
#[derive(Debug, Clone)]
struct Crash {
    name: String,
    way: Way,
    victim: Victim,
    step: &'static str,
    /// After the step has begun.
    moment: Duration,
}

fn main() -> ExitCode {
    let seed = Seed::chosen();
    eprintln!("HOMEPORT_TEST_SEED={seed}");
    let scenarios =
        crashes(seed).into_iter().map(|crash| (crash.name.clone(), move |world: &World| play(world, &crash)));
    // One after the other: they kill what the others would need.
    conclude(world, scenarios, 1)
}

fn crashes(mut seed: Seed) -> Vec<Crash> {
    let mut all = Vec::new();
    let rounds = if is_nightly() { NIGHTLY_ROUNDS } else { 1 };
    for round in 0..rounds {
        for (way_name, way) in WAYS {
            for step in way.steps() {
                for (victim_name, victim) in VICTIMS {
                    let moment = Duration::from_millis(if round == 0 { 0 } else { seed.below(LATEST_MS) });
                    let name = format!("{way_name}::{victim_name}_killed_{}ms_into_{step}", moment.as_millis());
                    all.push(Crash { name, way, victim, step, moment });
                }
            }
        }
    }
    if is_nightly() {
        return all;
    }
    // Spread evenly: one of every so many neighbours, which are of one way and of neighbouring steps.
    let (count, mut part) = (all.len(), Vec::with_capacity(DAILY_RUNS));
    for number in 0..DAILY_RUNS {
        let (from, to) = (number * count / DAILY_RUNS, (number + 1) * count / DAILY_RUNS);
        let offset = usize::try_from(seed.below((to - from) as u64)).unwrap_or_default();
        part.push(all[from + offset].clone());
    }
    part
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("crashes")?;
    let settings =
        [("HOMEPORT_UPDATER__HEALTH__STABLE_MS", "3000"), ("HOMEPORT_UPDATER__HEALTH__PORT_TIMEOUT_MS", "8000")];
    let stack = Stack::start(&run, "homeport", &settings)?;
    Ok(World { stack, run, count: AtomicU32::new(0) })
}

fn play(world: &World, crash: &Crash) -> Outcome {
    let Crash { way, victim, step, moment, .. } = crash;
    let versions = world.run.fixtures.versions("redis")?;
    let name = format!("hp-crash-{}", world.count.fetch_add(1, Ordering::Relaxed));
    let subject = Subject::start(&world.run, &world.stack, *way, &name, &versions)?;

    let watch = Watch::start(&world.stack)?;
    let operation = subject.begin(&world.stack, &versions)?;
    watch.wait_for(&operation, subject.name(), step)?;
    std::thread::sleep(*moment);
    strike(world, *victim)?;
    // With the engine away only what needs it no more can end.
    let had_ended = matches!((victim, *step), (Victim::Engine, "tidy"))
        && until("it ends without the engine", Duration::from_secs(2), || {
            world.stack.has_ended(&operation).unwrap_or_default()
        })
        .is_ok();
    drop(watch);
    revive(world, *victim)?;
    let limit = Duration::from_mins(1);
    let ended = until_ok("the operation ends", limit, || world.stack.wait_for(&operation, Duration::from_secs(1)))?;
    if had_ended || matches!((victim, way), (Victim::Engine, Way::Batch)) {
        // The engine took with it what nobody was working on any more: that is between the two of them.
        subject.start_again()?;
    }
    check(&world.run, &subject, &versions, &ended)
}

fn strike(world: &World, victim: Victim) -> Outcome {
    match victim {
        Victim::Updater => world.stack.kill("updater"),
        Victim::DockerAgent => world.stack.kill("docker-agent"),
        Victim::Engine => world.run.engine.kill(),
    }
}

fn revive(world: &World, victim: Victim) -> Outcome {
    match victim {
        Victim::Updater => world.stack.start_service("updater")?,
        Victim::DockerAgent => world.stack.start_service("docker-agent")?,
        Victim::Engine => world.run.engine.start()?,
    }
    world.stack.wait_until_healthy()
}
