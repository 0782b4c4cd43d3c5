//! An update is cut short by SIGKILL at each of its journalled steps, in each process that takes part. Afterwards
//! exactly one version runs, image, compose file and data belong together, and nothing is left over.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unnecessary_wraps,
    reason = "the names of the scenarios say what they show"
)]

mod aftermath;
mod subject;
mod watch;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use homeport_e2e::{Outcome, Run, Stack, until, until_ok};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::{
    aftermath::check,
    subject::{Subject, Way},
    watch::Watch,
};

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Updater,
    DockerAgent,
    Engine,
}

const VICTIMS: [(&str, Victim); 3] =
    [("updater", Victim::Updater), ("docker-agent", Victim::DockerAgent), ("engine", Victim::Engine)];

const WAYS: [(&str, Way); 2] = [("compose", Way::Compose), ("docker_run", Way::Run)];

/// What the scenarios share.
struct World {
    stack: Stack,
    run: Run,
    count: AtomicU32,
}

fn main() -> ExitCode {
    let world = match world() {
        Ok(world) => Arc::new(world),
        Err(error) => {
            eprintln!("cannot start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let mut arguments = Arguments::from_args();
    // They kill what the others would need.
    arguments.test_threads = Some(1);
    let mut trials = Vec::new();
    for (way_name, way) in WAYS {
        for (victim_name, victim) in VICTIMS {
            for step in way.steps() {
                let world = Arc::clone(&world);
                trials.push(Trial::test(format!("{way_name}::{victim_name}_killed_at_{step}"), move || {
                    killed_at(&world, way, victim, step).map_err(|error| Failed::from(format!("{error:#}")))
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    conclusion.exit_code()
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("crashes")?;
    let settings =
        [("HOMEPORT_UPDATER__HEALTH__STABLE_MS", "3000"), ("HOMEPORT_UPDATER__HEALTH__PORT_TIMEOUT_MS", "8000")];
    let stack = Stack::start(&run, "homeport", &settings)?;
    Ok(World { stack, run, count: AtomicU32::new(0) })
}

fn killed_at(world: &World, way: Way, victim: Victim, step: &str) -> Outcome {
    let versions = world.run.fixtures.versions("redis")?;
    let name = format!("hp-crash-{}", world.count.fetch_add(1, Ordering::Relaxed));
    let subject = Subject::start(&world.run, way, &name, &versions)?;

    let watch = Watch::start(&world.stack)?;
    let operation = world.stack.start_update(subject.name(), Some(&versions.new))?;
    watch.wait_for(&operation, step)?;
    strike(world, victim)?;
    // With the engine away only what needs it no more can end.
    let had_ended = matches!((victim, step), (Victim::Engine, "tidy"))
        && until("it ends without the engine", Duration::from_secs(2), || {
            world.stack.has_ended(&operation).unwrap_or_default()
        })
        .is_ok();
    drop(watch);
    revive(world, victim)?;
    if had_ended {
        // The engine took the container with it after the update had ended: that is between the two of them.
        subject.start_again()?;
    }

    let limit = Duration::from_mins(1);
    let ended = until_ok("the operation ends", limit, || world.stack.wait_for(&operation, Duration::from_secs(1)))?;
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
