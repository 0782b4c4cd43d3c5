//! The proof of health against containers of every temper: none that is good is rolled back, and none that is broken
//! stays. Once each; ten times each with `HOMEPORT_TEST_NIGHTLY` set.
#![allow(missing_docs, unreachable_pub, reason = "the names of the scenarios say what they show")]

mod cases;
mod images;

use std::{process::ExitCode, time::Duration};

use anyhow::ensure;
use homeport_e2e::{Outcome, Run, Stack, conclude, is_nightly, until_ok};

use crate::cases::{CASES, Case, End, Until};

/// Runs of each case, by night.
const NIGHTLY_RUNS: usize = 10;
/// They wait nearly all of the time.
const THREADS: usize = 14;
/// As many operations as threads; ports have to answer within a time that no slow one takes.
const SETTINGS: [(&str, &str); 2] =
    [("HOMEPORT_UPDATER__OPERATIONS__PARALLEL", "14"), ("HOMEPORT_UPDATER__HEALTH__PORT_TIMEOUT_MS", "10000")];

struct World {
    stack: Stack,
    run: Run,
}

fn main() -> ExitCode {
    let runs = if is_nightly() { NIGHTLY_RUNS } else { 1 };
    // The slowest first, so that nothing waits for them in the end.
    let slow = CASES.iter().filter(|case| case.name == "crashes_after_20_s");
    let rest = CASES.iter().filter(|case| case.name != "crashes_after_20_s");
    let scenarios = (0..runs)
        .flat_map(|number| slow.clone().chain(rest.clone()).map(move |case| (number, case)))
        .map(|(number, case)| (format!("{}::{number}", case.name), move |world: &World| play(world, case, number)));
    conclude(world, scenarios, THREADS)
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("health")?;
    images::push(&run, CASES)?;
    let stack = Stack::start(&run, "homeport", &SETTINGS)?;
    Ok(World { stack, run })
}

fn play(world: &World, case: &Case, number: usize) -> Outcome {
    let (engine, name) = (&world.run.engine, format!("hp-health-{number}-{}", case.name));
    let (label, image) = (world.run.label(), images::reference(case, "1"));
    let mut command = vec!["run", "-d", "--name", &name, "--label", &label];
    command.extend(case.options);
    command.push(&image);
    engine.docker(&command)?;
    wait(world, &name, case.until)?;
    let before = engine.inspect(&name)?;

    let operation = world.stack.start_update(&name, Some("2"))?;
    let ended = world.stack.wait_for(&operation, Duration::from_mins(3))?;

    let after = engine.inspect(&name)?;
    match case.end {
        End::Stays => {
            ensure!(ended["status"] == "complete", "a false alarm: {}", ended["error_message"]);
            ensure!(after["Config"]["Image"] == images::reference(case, "2"), "{}", after["Config"]["Image"]);
        }
        End::Back => {
            ensure!(ended["status"] == "failed" && ended["rollback_occurred"] == true, "not noticed: {ended:#}");
            ensure!(after["Id"] == before["Id"], "the old container is not back");
        }
    }
    let ends = matches!(case.until, Until::Ended | Until::Restarted);
    ensure!(ends || after["State"]["Running"] == true, "it does not run: {}", after["State"]);
    if case.until == Until::Ended {
        ensure!(after["State"]["Running"] == false, "it runs, and had ended before");
    }
    engine.docker(&["rm", "-f", &name]).map(drop)
}

fn wait(world: &World, name: &str, until: Until) -> Outcome {
    until_ok(&format!("{name} is {until:?}"), Duration::from_secs(30), || {
        let inspect = world.run.engine.inspect(name)?;
        let state = &inspect["State"];
        let holds = match until {
            Until::Running => state["Running"] == true,
            Until::Answering => {
                let port = &inspect["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"];
                let address = format!("127.0.0.1:{}", port.as_str().unwrap_or_default());
                std::net::TcpStream::connect(address).is_ok()
                    && world.run.engine.docker(&["exec", name, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/80"]).is_ok()
            }
            Until::Unhealthy => state["Health"]["Status"] == "unhealthy",
            Until::Ended => state["Status"] == "exited",
            Until::Restarted => inspect["RestartCount"].as_u64().is_some_and(|count| count >= 3),
        };
        ensure!(holds, "it is {state}");
        Ok(())
    })
}
