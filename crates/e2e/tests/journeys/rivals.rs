//! Several clients who want something of the same containers at once: one is first, the others get the same, wait or are
//! refused, and nothing is half done.

use std::{thread, time::Duration};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, free_port};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{World, broken::server_header, compose::nginx};

/// Longest time for all that was asked for at once.
const LIMIT: Duration = Duration::from_mins(4);

/// Does all of it at the same time, and returns status and body of each, in the order in which they were asked for.
fn at_once(world: &World, wishes: &[(Method, String, Value)]) -> anyhow::Result<Vec<(u16, Value)>> {
    thread::scope(|scope| {
        let asked: Vec<_> = wishes
            .iter()
            .map(|(method, path, body)| scope.spawn(|| world.stack.request(method.clone(), path, Some(body))))
            .collect();
        asked.into_iter().map(|one| one.join().map_err(|_| anyhow::anyhow!("a client panicked"))?).collect()
    })
}

/// Waits until nothing of a container is queued or under way, and returns how everything of it ended.
fn all_ended(world: &World, container: &str) -> anyhow::Result<Vec<Value>> {
    let is_quiet = || {
        ["queued", "in_progress"].iter().all(|status| {
            let path = format!("/api/operations?container={container}&status={status}");
            world.stack.get(&path).is_ok_and(|page| page["count"] == 0)
        })
    };
    homeport_e2e::until("everything has ended", LIMIT, is_quiet)?;
    let page = world.stack.get(&format!("/api/operations?container={container}&limit=100"))?;
    Ok(page["operations"].as_array().context("no operations")?.clone())
}

/// The one version that the container, its file and its answers agree on.
fn version(world: &World, project: &Project, container: &str, port: u16) -> anyhow::Result<String> {
    let found =
        world.run.engine.docker(&["ps", "-a", "--filter", &format!("name={container}"), "--format", "{{.Names}}"])?;
    ensure!(found.lines().eq([container]), "these containers are there: {found}");
    let inspected = world.run.engine.inspect(container)?;
    ensure!(inspected["State"]["Running"] == true, "it does not run");
    let image = inspected["Config"]["Image"].as_str().context("no image")?;
    let tag = image.rsplit(':').next().context("no tag")?.to_owned();
    ensure!(project.file("compose.yaml")?.contains(&format!(":{tag}\"")), "the file says otherwise than {image}");
    ensure!(server_header(port)?.contains(&tag), "{image} does not answer as itself");
    Ok(tag)
}

pub fn two_clients_at_once_leave_one_whole_version(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let project = Project::up(&world.run, "hp-rivals", &nginx(&versions.old_image(), port))?;
    let name = project.container("web")?;
    let post = |path: String, body: Value| (Method::POST, path, body);
    let update = post("/api/update".to_owned(), json!({ "container_name": name, "target_version": versions.new }));

    // Two who want the same get the same; a restart waits; a stop by hand is not done in the middle.
    let stop = post(format!("/api/containers/{name}/stop?timeout=1"), json!({}));
    let restart = post(format!("/api/restart/start/{name}"), json!({}));
    let answers = at_once(world, &[update.clone(), update, restart])?;
    ensure!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    ensure!(answers[0].1["data"]["operation_id"] == answers[1].1["data"]["operation_id"], "{answers:?}");
    let (status, refused) = world.stack.request(stop.0, &stop.1, Some(&stop.2))?;
    ensure!(status == 409 && refused["error_code"] == "CONFLICT", "{status} {refused}");
    let ended = all_ended(world, &name)?;
    ensure!(ended.len() == 2 && ended.iter().all(|one| one["status"] == "complete"), "{ended:#?}");
    ensure!(version(world, &project, &name, port)? == versions.new, "it is not updated");

    // A batch against the way back: whichever is first, each ends for itself.
    let original = answers[0].1["data"]["operation_id"].clone();
    let item = json!({ "name": name, "target_version": versions.new });
    let answers = at_once(
        world,
        &[
            post("/api/rollback".to_owned(), json!({ "operation_id": original })),
            post("/api/update/batch".to_owned(), json!({ "containers": [item] })),
            post(format!("/api/restart/stack/start/{}", project.name), json!({ "containers": [name] })),
        ],
    )?;
    ensure!(answers.iter().all(|(status, _)| matches!(status, 200 | 400 | 409)), "{answers:?}");
    let ended = all_ended(world, &name)?;
    ensure!(ended.iter().all(|one| one["completed_at"].is_string()), "{ended:#?}");
    let version = version(world, &project, &name, port)?;
    ensure!(version == versions.old || version == versions.new, "it runs {version}");
    Ok(())
}
