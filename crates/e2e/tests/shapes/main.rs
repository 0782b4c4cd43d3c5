//! Compose projects as people write them, one file each in `files/`: every one goes to the new version and comes back, and
//! nothing else of it changes.
#![allow(missing_docs, unreachable_pub, reason = "the names of the scenarios say what they show")]

mod images;
mod seen;
mod shape;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, Run, Stack, conclude};
use serde_json::{Value, json};

use crate::{images::Images, seen::Seen, shape::Shape};

/// They wait most of the time.
const THREADS: usize = 6;
/// A version that is up for three seconds counts as staying up, and as many operations as threads.
const SETTINGS: [(&str, &str); 3] = [
    ("HOMEPORT_UPDATER__OPERATIONS__PARALLEL", "6"),
    ("HOMEPORT_UPDATER__HEALTH__STABLE_MS", "3000"),
    ("HOMEPORT_UPDATER__HEALTH__PORT_TIMEOUT_MS", "10000"),
];
/// Longest time that an update or its way back may take.
const LIMIT: Duration = Duration::from_mins(4);

pub struct World {
    stack: Stack,
    run: Run,
    images: Images,
}

fn main() -> ExitCode {
    let shapes = match shape::all() {
        Ok(shapes) => shapes,
        Err(error) => {
            eprintln!("cannot start: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let scenarios = shapes.into_iter().map(|shape| {
        let name = shape.name.clone();
        (name, move |world: &World| s10_10_projects_of_every_shape_go_forward_and_back(world, &shape))
    });
    conclude(world, scenarios, THREADS)
}

fn world() -> anyhow::Result<World> {
    let run = Run::new("shapes")?;
    let images = Images::of(&run)?;
    let stack = Stack::start(&run, "homeport", &SETTINGS)?;
    Ok(World { stack, run, images })
}

pub fn s10_10_projects_of_every_shape_go_forward_and_back(world: &World, shape: &Shape) -> Outcome {
    let shape = shape.filled(&world.images, &world.run.label())?;
    for command in shape.lines("setup") {
        world.run.engine.docker(&command.split(' ').collect::<Vec<_>>())?;
    }
    let files: Vec<(&str, &str)> = shape.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let project = Project::called(&world.run, &shape.name, &files, shape.call())?;
    for arguments in shape.lines("after") {
        project.compose(&arguments.split(' ').collect::<Vec<_>>())?;
    }
    let before = seen::containers(&world.run.engine, &project)?;
    let ended = shape.words("ended");
    for seen in &before {
        ensure!(seen.is_running != ended.contains(&seen.service.as_str()), "{} runs: {}", seen.name, seen.is_running);
    }
    if let Some(reason) = shape.get("refused") {
        return refused(world, &shape, &project, &before, reason);
    }

    planned(world, &shape, &before)?;
    let begun = begin(world, &shape, &before)?;
    let id = begun["operation_id"].as_str().with_context(|| format!("{begun:#}"))?;
    succeeded(&world.stack.wait_for(id, LIMIT)?)?;
    check(world, &shape, &project, &before, true).context("after the update")?;

    let answer = world.stack.post("/api/rollback", &json!({ "operation_id": id }))?;
    let id = answer["operation_id"].as_str().context("the way back has an id")?;
    succeeded(&world.stack.wait_for(id, LIMIT)?).context("on the way back")?;
    check(world, &shape, &project, &before, false).context("after the way back")
}

/// The plan doubts that the files are those that the containers were made from only where nobody can tell.
fn planned(world: &World, shape: &Shape, before: &[Seen]) -> Outcome {
    let updated = shape.updated();
    for seen in before.iter().filter(|seen| updated.contains(&seen.service.as_str())) {
        let plan = world.stack.post("/api/plan", &json!({ "container_name": seen.name }))?;
        let doubts = plan["plan"]["warnings"].to_string().contains("may have been changed in its file");
        ensure!(doubts == (shape.get("doubted") == Some("yes")), "{plan:#}");
    }
    Ok(())
}

/// Asks for an update of all services of a shape that are to be, and returns what became of it at first.
fn begin(world: &World, shape: &Shape, before: &[Seen]) -> anyhow::Result<Value> {
    let updated = shape.updated();
    let names: Vec<&str> =
        before.iter().filter(|seen| updated.contains(&seen.service.as_str())).map(|seen| seen.name.as_str()).collect();
    let mut answer = world.stack.post("/api/update/batch", &json!({ "containers": names }))?;
    Ok(answer["operations"][0].take())
}

fn succeeded(operation: &Value) -> Outcome {
    let details = operation["batch_details"].as_array().into_iter().flatten();
    let failed = details.filter(|detail| detail["status"] != "complete").count();
    ensure!(operation["status"] == "complete" && failed == 0, "{operation:#}");
    Ok(())
}

/// What can't be updated says why, and is as it was.
fn refused(world: &World, shape: &Shape, project: &Project, before: &[Seen], reason: &str) -> Outcome {
    let begun = begin(world, shape, before)?;
    ensure!(begun["status"] == "failed" && begun.to_string().contains(reason), "{begun:#}");
    let now = seen::containers(&world.run.engine, project)?;
    ensure!(now == before, "something changed:\n{now:#?}");
    for (path, text) in &shape.files {
        ensure!(project.file(path)? == *text, "{path} was changed");
    }
    Ok(())
}

fn check(world: &World, shape: &Shape, project: &Project, before: &[Seen], is_new: bool) -> Outcome {
    let (updated, following) = (shape.updated(), shape.words("following"));
    let now = seen::containers(&world.run.engine, project)?;
    let names = |seen: &[Seen]| seen.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    ensure!(names(&now) == names(before), "there are {:?}", names(&now));
    for (before, after) in before.iter().zip(&now) {
        let is_updated = updated.contains(&before.service.as_str());
        let is_made_again = is_updated || following.contains(&before.service.as_str());
        let name = &before.name;
        ensure!(
            before.is_running == after.is_running,
            "{name} runs: {}, and before: {}",
            after.is_running,
            before.is_running
        );
        ensure!(is_made_again != (before.id == after.id), "{name} was made again, or should have been");
        let expected = if is_updated && is_new { world.images.newer(&before.image)? } else { before.image.clone() };
        ensure!(after.image == expected, "{name} has {}", after.image);
        let differences = before.differences(after);
        ensure!(differences.is_empty(), "{name} is another: {differences:#?}");
    }
    let expected = if is_new { shape.edited()? } else { shape.files.clone() };
    for (path, text) in expected {
        let found = project.file(&path)?;
        ensure!(found == text, "{path} became\n{found}");
    }
    settled(world, shape, project, &now)
}

/// The next `docker compose up` makes nothing again but what compose takes for changed whatever happens.
fn settled(world: &World, shape: &Shape, project: &Project, now: &[Seen]) -> Outcome {
    match shape.get("settle") {
        Some(arguments) => project.compose(&arguments.split(' ').collect::<Vec<_>>())?,
        None => project.compose_up()?,
    };
    let again = seen::containers(&world.run.engine, project)?;
    let remade = shape.words("remade");
    let unexpected: Vec<&str> = now
        .iter()
        .filter(|one| !remade.contains(&one.service.as_str()))
        .filter(|one| !again.iter().any(|other| other.id == one.id))
        .map(|one| one.name.as_str())
        .collect();
    ensure!(unexpected.is_empty(), "compose made again: {unexpected:?}");
    Ok(())
}
