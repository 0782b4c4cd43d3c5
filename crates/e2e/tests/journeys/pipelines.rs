//! What changes no version: restarts, labels, and containers that do not run what their file says; each with its way back.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Project, free_port};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{World, broken::server_header, compose::nginx, held::write_script};

/// Ends at its second start, and only then: the first is that of the person who made it, the third that of the way back.
const SECOND_FAILS: &str = "n=$$(cat /count/n 2>/dev/null || echo 0); echo $$((n+1)) >/count/n; \
                            [ $$n != 1 ] || exit 1; while true; do sleep 1; done";

fn started_at(world: &World, container: &str) -> anyhow::Result<String> {
    let inspect = world.run.engine.inspect(container)?;
    ensure!(inspect["State"]["Running"] == true, "{container} does not run");
    Ok(inspect["State"]["StartedAt"].as_str().unwrap_or_default().to_owned())
}

fn label(world: &World, container: &str, name: &str) -> anyhow::Result<Value> {
    Ok(world.run.engine.inspect(container)?["Config"]["Labels"][name].clone())
}

fn wait(world: &World, answer: &Value) -> anyhow::Result<Value> {
    let id = answer["operation_id"].as_str().with_context(|| format!("no operation_id in {answer}"))?;
    world.stack.wait_for(id, Duration::from_mins(2))
}

/// 10.4 and 10.5: in order, with what depends on it; a script of a dependent that says no leaves everything as it is.
pub fn s10_5_a_container_and_a_stack_are_restarted_in_order(world: &World) -> Outcome {
    let image = world.run.fixtures.versions("nginx")?.old_image();
    let text = format!(
        "services:\n  db:\n    image: {image}\n    labels: [\"{{label}}\"]\n    stop_grace_period: 1s\n  \
         web:\n    image: {image}\n    depends_on: [db]\n    stop_grace_period: 1s\n    \
         labels: [\"{{label}}\", \"docksmith.restart-after=hp-again-db-1\"]\n"
    );
    let project = Project::up(&world.run, "hp-again", &text)?;
    let (db, web) = (project.container("db")?, project.container("web")?);
    let before = (started_at(world, &db)?, started_at(world, &web)?);
    let id = world.run.engine.inspect(&web)?["Id"].clone();

    write_script(world, "not-again.sh", "exit 4")?;
    let assigned = json!({ "container_name": web, "script_path": "not-again.sh" });
    let (status, answer) = world.stack.request(Method::POST, "/api/scripts/assign", Some(&assigned))?;
    ensure!(status == 200, "{status} {answer}");
    let (status, refused) =
        world.stack.request(Method::POST, "/api/restart", Some(&json!({ "container_name": db })))?;
    ensure!(refused.to_string().contains("Dependent container(s) failed pre-update check"), "{status} {refused}");
    ensure!(before == (started_at(world, &db)?, started_at(world, &web)?), "something was restarted");
    world.stack.request(Method::DELETE, &format!("/api/scripts/assign/{web}"), None)?;

    let answer = world.stack.post("/api/restart", &json!({ "container_name": db }))?;
    ensure!(answer.to_string().contains(&web), "the dependent is not named: {answer}");
    let between = (started_at(world, &db)?, started_at(world, &web)?);
    ensure!(before.0 < between.0 && between.0 < between.1, "{before:?} {between:?}");

    let printed = world.stack.cli(&["restart", "--stack", "hp-again"])?;
    let after = (started_at(world, &db)?, started_at(world, &web)?);
    ensure!(between.1 < after.0 && after.0 < after.1, "{printed}: {between:?} {after:?}");
    ensure!(world.run.engine.inspect(&web)?["Id"] == id, "it is another container");
    Ok(())
}

/// 10.7: into the file and the container, and back out of both.
pub fn s10_7_labels_are_set_and_taken_back(world: &World) -> Outcome {
    let port = free_port()?;
    let image = world.run.fixtures.versions("nginx")?.old_image();
    let project = Project::up(&world.run, "hp-labels", &nginx(&image, port))?;
    let (before, container) = (project.file("compose.yaml")?, project.container("web")?);
    let printed = world.stack.cli(&["labels", &container, "docksmith.version-max=1.24"])?;
    let file = project.file("compose.yaml")?;
    ensure!(file != before && file.contains("docksmith.version-max=1.24"), "{printed}: {file}");
    ensure!(file.contains("# pinned on purpose") && file.contains("GREETING:   hello"), "{file}");
    ensure!(label(world, &container, "docksmith.version-max")? == "1.24", "the container has no such label");
    ensure!(server_header(port).is_ok(), "it does not answer");

    let operations = world.stack.get(&format!("/api/operations?container={container}&type=label_change"))?;
    let operation = operations["operations"][0]["operation_id"].as_str().context("it is not in the history")?;
    world.stack.cli(&["labels", &container, "--undo", operation])?;
    ensure!(project.file("compose.yaml")? == before, "{}", project.file("compose.yaml")?);
    ensure!(label(world, &container, "docksmith.version-max")?.is_null(), "the container still has the label");
    let undone = world.stack.get(&format!("/api/operations/{operation}"))?;
    ensure!(undone["rollback_occurred"] == true, "{undone:#}");
    Ok(())
}

/// 10.7: where the container does not come up with them, the file and the container are as they were.
pub fn s10_7_labels_of_what_does_not_come_up_are_put_back(world: &World) -> Outcome {
    let image = world.run.fixtures.versions("nginx")?.old_image();
    let text = format!(
        "services:\n  web:\n    image: {image} # mine\n    labels: [\"{{label}}\"]\n    stop_grace_period: 1s\n    \
         command: [sh, -c, '{SECOND_FAILS}']\n    volumes: ['count:/count']\nvolumes:\n  count:\n    labels: [\"{{label}}\"]\n"
    );
    let project = Project::up(&world.run, "hp-labels-fail", &text)?;
    let (before, container) = (project.file("compose.yaml")?, project.container("web")?);
    let body = json!({ "container": container, "labels": { "docksmith.ignore": "true" } });
    let ended = wait(world, &world.stack.post("/api/labels/set", &body)?)?;
    ensure!(ended["status"] == "failed" && ended["rollback_occurred"] == true, "{ended:#}");
    ensure!(project.file("compose.yaml")? == before, "{}", project.file("compose.yaml")?);
    started_at(world, &project.container("web")?)?;
    ensure!(label(world, &container, "docksmith.ignore")?.is_null(), "the container has the label");
    Ok(())
}

/// 10.8: a container comes to its file, and goes back with it; one that would break there stays.
pub fn s10_8_a_mismatch_is_fixed_and_taken_back(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx")?;
    let port = free_port()?;
    let project = Project::up(&world.run, "hp-mismatch", &nginx(&versions.old_image(), port))?;
    let (before, container) = (project.file("compose.yaml")?, project.container("web")?);
    let write = |text: &str| std::fs::write(project.directory.join("compose.yaml"), text);
    let edited = before.replace(&versions.old, &versions.new);
    write(&edited)?;
    let recheck = format!("/api/container/{container}/recheck");
    let checked = world.stack.get(&recheck)?;
    ensure!(checked["status"] == "COMPOSE_MISMATCH", "{checked:#}");
    ensure!(checked["compose_image"] == versions.new_image(), "{checked:#}");
    world.stack.cli(&["fix-mismatch", &container])?;
    ensure!(server_header(port)?.contains(&versions.new), "the new version does not answer");
    ensure!(project.file("compose.yaml")? == edited, "the file was touched");

    let operations = world.stack.get(&format!("/api/operations?container={container}&type=fix_mismatch"))?;
    let operation = &operations["operations"][0];
    ensure!(operation["old_version"] == versions.old && operation["new_version"] == versions.new, "{operation:#}");
    let answer = world.stack.post("/api/rollback", &json!({ "operation_id": operation["operation_id"] }))?;
    let back = wait(world, &answer)?;
    ensure!(back["status"] == "complete", "{back:#}");
    ensure!(server_header(port)?.contains(&versions.old), "the old version does not answer");
    ensure!(project.file("compose.yaml")? == before, "{}", project.file("compose.yaml")?);

    let broken = world.run.fixtures.versions("nginx-exits")?;
    let wrong = before.replace(&versions.old_image(), &broken.new_image());
    write(&wrong)?;
    let ended = wait(world, &world.stack.post(&format!("/api/fix-compose-mismatch/{container}"), &json!({}))?)?;
    ensure!(ended["status"] == "failed" && ended["rollback_occurred"] == true, "{ended:#}");
    ensure!(server_header(port)?.contains(&versions.old), "the old version does not answer");
    ensure!(project.file("compose.yaml")? == wrong, "a person's file was changed");

    // No registry has that: then the file is wrong, and the container stays as it is.
    write(&before.replace(&versions.old, "0.0.9"))?;
    let id = world.run.engine.inspect(&container)?["Id"].clone();
    let ended = wait(world, &world.stack.post(&format!("/api/fix-compose-mismatch/{container}"), &json!({}))?)?;
    ensure!(ended["status"] == "complete", "{ended:#}");
    ensure!(project.file("compose.yaml")? == before, "{}", project.file("compose.yaml")?);
    ensure!(world.run.engine.inspect(&container)?["Id"] == id, "the container was touched");
    Ok(())
}

/// 10.3: where its label says so, a new version that does not prove itself stays, and a person goes back.
pub fn s10_3_a_failed_update_stays_where_that_is_wanted(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("nginx-unhealthy")?;
    let port = free_port()?;
    let text = nginx(&versions.old_image(), port).replace("{label}\"", "{label}\", \"docksmith.auto_rollback=false\"");
    let project = Project::up(&world.run, "hp-stays", &text)?;
    let (before, container) = (project.file("compose.yaml")?, project.container("web")?);
    let policies = world.stack.get("/api/policies")?;
    let says = policies["container_policies"].as_array().into_iter().flatten();
    let own: Vec<&Value> = says.filter(|policy| policy["entity_id"] == container.as_str()).collect();
    ensure!(own.len() == 1 && own[0]["auto_rollback_enabled"] == false, "{policies:#}");

    let failed =
        world.stack.wait_for(&world.stack.start_update(&container, Some(&versions.new))?, Duration::from_mins(2))?;
    ensure!(failed["status"] == "failed" && failed["rollback_occurred"] == false, "{failed:#}");
    let image = world.run.engine.inspect(&container)?["Config"]["Image"].clone();
    ensure!(image == versions.new_image(), "{image} runs");
    ensure!(project.file("compose.yaml")? == before.replace(&versions.old, &versions.new), "the file fits no version");
    let back = wait(world, &world.stack.post("/api/rollback", &json!({ "operation_id": failed["operation_id"] }))?)?;
    ensure!(back["status"] == "complete", "{back:#}");
    ensure!(project.file("compose.yaml")? == before, "{}", project.file("compose.yaml")?);
    Ok(())
}
