//! Containers with data in volumes.

use std::time::Duration;

use anyhow::ensure;
use homeport_e2e::{Outcome, Project, until_ok};
use serde_json::json;

use crate::World;

pub fn s10_3_redis_goes_forward_and_back_with_its_data(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("redis")?;
    let engine = &world.run.engine;
    let compose = format!(
        "services:\n  store:\n    image: {}\n    command: [\"redis-server\", \"--appendonly\", \"yes\", \"--dir\", \"/data\"]\n    \
         labels: [\"{{label}}\"]\n    volumes:\n      - data:/data\nvolumes:\n  data:\n    labels: [\"{{label}}\"]\n",
        versions.old_image()
    );
    let project = Project::up(&world.run, "hp-redis", &compose)?;
    let before = project.file("compose.yaml")?;
    let redis = |arguments: &[&str]| {
        let container = project.container("store")?;
        let mut command = vec!["exec", &container, "redis-cli"];
        command.extend(arguments);
        engine.docker(&command)
    };
    until_ok("redis answers", Duration::from_secs(20), || redis(&["ping"]))?;
    redis(&["set", "colour", "green"])?;

    let operation = world.stack.update(&project.container("store")?, Some(&versions.new))?;
    until_ok("the new redis answers", Duration::from_secs(20), || redis(&["ping"]))?;
    ensure!(redis(&["info", "server"])?.contains(&format!("redis_version:{}", versions.new)));
    ensure!(redis(&["get", "colour"])? == "green", "the new version does not have the data");
    redis(&["set", "colour", "red"])?;
    redis(&["set", "added", "later"])?;

    let answer = world.stack.post("/api/rollback", &json!({"operation_id": operation["operation_id"]}))?;
    let id = answer["operation_id"].as_str().unwrap_or_default();
    let rollback = world.stack.wait_for(id, Duration::from_secs(120))?;
    ensure!(rollback["status"] == "complete" && rollback["operation_type"] == "rollback", "{rollback:#}");
    until_ok("the old redis answers", Duration::from_secs(20), || redis(&["ping"]))?;
    ensure!(redis(&["info", "server"])?.contains(&format!("redis_version:{}", versions.old)));
    ensure!(redis(&["get", "colour"])? == "green", "not the data of before the update");
    ensure!(redis(&["exists", "added"])? == "0", "data of after the update is still there");
    ensure!(project.file("compose.yaml")? == before, "the file became\n{}", project.file("compose.yaml")?);
    let original =
        world.stack.get(&format!("/api/operations/{}", operation["operation_id"].as_str().unwrap_or_default()))?;
    ensure!(original["rollback_occurred"] == true, "{original:#}");
    Ok(())
}

pub fn postgres_that_refuses_its_data_is_rolled_back(world: &World) -> Outcome {
    let versions = world.run.fixtures.versions("postgres")?;
    let engine = &world.run.engine;
    let compose = format!(
        "services:\n  db:\n    image: {}\n    labels: [\"{{label}}\"]\n    environment:\n      POSTGRES_PASSWORD: secret\n    \
         volumes:\n      - ./data:/var/lib/postgresql/data\n",
        versions.old_image()
    );
    let project = Project::up(&world.run, "hp-postgres", &compose)?;
    let before = project.file("compose.yaml")?;
    let sql = |text: &str| {
        let container = project.container("db")?;
        engine.docker(&["exec", "-u", "postgres", &container, "psql", "-At", "-c", text])
    };
    until_ok("postgres answers", Duration::from_secs(40), || sql("select 1"))?;
    sql("create table visits as select generate_series(1, 5000) as id")?;

    let operation = world.stack.start_update(&project.container("db")?, Some(&versions.new))?;
    let operation = world.stack.wait_for(&operation, Duration::from_secs(180))?;
    ensure!(operation["status"] == "failed" && operation["rollback_occurred"] == true, "{operation:#}");
    ensure!(project.file("compose.yaml")? == before, "the file became\n{}", project.file("compose.yaml")?);
    until_ok("the old postgres answers", Duration::from_secs(40), || sql("select 1"))?;
    ensure!(sql("select count(*), sum(id) from visits")? == "5000|12502500", "rows are missing");
    Ok(())
}
