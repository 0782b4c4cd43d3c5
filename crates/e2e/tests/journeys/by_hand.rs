//! What people look at and do by hand.

use std::{io::Read as _, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::World;

/// Prints a line, and then one a fifth of a second.
const TALKS: &str = "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done";

fn run(world: &World, name: &str, words: &[&str]) -> anyhow::Result<String> {
    let label = world.run.label();
    let image = world.run.fixtures.versions("nginx")?.old_image();
    let mut command = vec!["run", "-d", "--name", name, "--label", &label, "-e", "API_TOKEN=hunter2", &image];
    command.extend(words);
    world.run.engine.docker(&command)
}

/// 2.7 and 2.8: looking and doing, and what the history says of it.
pub fn s2_8_a_container_is_looked_at_and_worked_on(world: &World) -> Outcome {
    let (stack, name) = (&world.stack, "hp-by-hand");
    run(world, name, &["sh", "-c", TALKS])?;
    let explorer = stack.get("/api/explorer")?;
    let item = find(&explorer["containers"], name).context("the explorer does not show it")?;
    ensure!(item["state"] == "running" && item["image"].as_str().is_some(), "{item}");
    let image = world.run.engine.inspect(name)?["Image"].clone();
    let images = explorer["images"].as_array().context("no images")?;
    ensure!(images.iter().any(|one| one["id"] == image && one["in_use"] == true), "its image is not in use");

    let inspected = stack.get(&format!("/api/containers/{name}/inspect"))?;
    let environment = inspected["config"]["env"].to_string();
    ensure!(environment.contains("API_TOKEN=********") && !environment.contains("hunter2"), "{environment}");
    let shown = stack.get(&format!("/api/containers/{name}/inspect?secrets=true"))?;
    ensure!(shown["config"]["env"].to_string().contains("API_TOKEN=hunter2"), "an administrator sees them: {shown}");
    let stats = stack.request(Method::GET, &format!("/api/containers/{name}/stats"), None)?.1;
    ensure!(stats["cpu_stats"].is_object() && stats["data"]["memory_usage"].as_u64() > Some(0), "{stats}");

    for (action, status, running) in
        [("stop?timeout=1", "stopped", false), ("start", "started", true), ("restart?timeout=1", "restarted", true)]
    {
        let answer = stack.post(&format!("/api/containers/{name}/{action}"), &json!({}))?;
        ensure!(answer["status"] == status, "{answer}");
        ensure!(world.run.engine.inspect(name)?["State"]["Running"] == running, "{action} did not do it");
        let operation =
            stack.get(&format!("/api/operations/{}", answer["operation_id"].as_str().unwrap_or_default()))?;
        ensure!(operation["status"] == "complete" && operation["container_name"] == name, "{operation}");
    }
    let (code, refused) = stack.request(Method::DELETE, &format!("/api/containers/{name}"), None)?;
    ensure!(code == 400 && refused["error"] == "container is running, use force=true to remove", "{code} {refused}");
    ensure!(stack.cli(&["remove", name, "--force"])?.contains("was removed"), "the command line says nothing");
    let (code, gone) = stack.request(Method::POST, &format!("/api/containers/{name}/start"), None)?;
    ensure!(code == 404, "{code} {gone}");
    let history = stack.get(&format!("/api/operations?container={name}&limit=50"))?;
    let kinds: Vec<&str> = history["operations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["operation_type"].as_str())
        .collect();
    ensure!(kinds == ["remove", "restart", "start", "stop"], "{kinds:?}");
    Ok(())
}

/// 2.7: what there is beside containers, who uses it, and what of it can go.
pub fn s2_7_networks_and_volumes_come_and_go(world: &World) -> Outcome {
    let (stack, engine, name) = (&world.stack, &world.run.engine, "hp-resources");
    let label = world.run.label();
    for (kind, own) in
        [("network", "hp-resources-front"), ("network", "hp-resources-empty"), ("volume", "hp-resources-data")]
    {
        engine.docker(&[kind, "create", "--label", &label, own])?;
    }
    run(world, name, &[])?;
    engine.docker(&["network", "connect", "hp-resources-front", name])?;
    let explorer = stack.get("/api/explorer")?;
    let item = find(&explorer["standalone_containers"], name).context("the explorer does not show it")?;
    ensure!(item["networks"].to_string().contains("hp-resources-front") && item.get("stack").is_none(), "{item}");
    let networks = stack.get("/api/networks")?["networks"].clone();
    let front = find(&networks, "hp-resources-front").context("no network")?;
    ensure!(front["containers"] == json!([name]) && front["is_default"] == false, "{front}");
    ensure!(find(&networks, "bridge").is_some_and(|bridge| bridge["is_default"] == true), "{networks}");
    let volumes = stack.get("/api/volumes")?["volumes"].clone();
    let data = find(&volumes, "hp-resources-data").context("no volume")?;
    ensure!(data["containers"] == json!([]) && data["mount_point"].is_string(), "{data}");

    let (code, refused) = stack.request(Method::DELETE, "/api/networks/hp-resources-front", None)?;
    ensure!(
        code == 500 && refused["error"].as_str().is_some_and(|text| text.contains("active endpoints")),
        "{refused}"
    );
    let (code, missing) = stack.request(Method::DELETE, "/api/volumes/hp-nobody", None)?;
    ensure!(code == 404, "{code} {missing}");
    let would = stack.post("/api/prune/networks?dry_run=true", &json!({}))?;
    ensure!(
        find(&would["items"], "hp-resources-empty").is_some() && find(&would["items"], "hp-resources-front").is_none(),
        "{would}"
    );
    for path in ["/api/networks/hp-resources-empty", "/api/volumes/hp-resources-data"] {
        let (code, answer) = stack.request(Method::DELETE, path, None)?;
        ensure!(code == 200, "{path}: {answer}");
    }
    engine.docker(&["rm", "-f", name])?;
    ensure!(
        stack.cli(&["networks", "remove", "hp-resources-front"])?.contains("was removed"),
        "the command line says nothing"
    );
    Ok(())
}

/// 2.8: a log from the end, from a moment, and as it comes.
pub fn s2_8_a_log_is_read_and_followed(world: &World) -> Outcome {
    let (stack, name) = (&world.stack, "hp-talks");
    run(world, name, &["sh", "-c", TALKS])?;
    let log = |query: &str| -> anyhow::Result<String> {
        let data = stack.get(&format!("/api/containers/{name}/logs?{query}"))?;
        Ok(data["logs"].as_str().unwrap_or_default().to_owned())
    };
    until("it prints", Duration::from_secs(10), || log("").is_ok_and(|log| log.contains("line 5\n")))?;
    ensure!(log("tail=2")?.lines().count() == 2, "{:?}", log("tail=2"));
    let stamped = log("timestamps=true&tail=all")?;
    let third = stamped.lines().find(|line| line.ends_with("line 3")).context("no third line")?;
    let since = third.split(' ').next().unwrap_or_default();
    let later = log(&format!("tail=all&since={since}"))?;
    ensure!(later.starts_with("line 3\n"), "{later:?}");

    let mut follower = stack.homeport();
    let mut follower = follower.args(["logs", name, "--follow", "-n", "0"]).stdout(Stdio::piped()).spawn()?;
    let mut first = [0; 5];
    follower.stdout.take().context("no output")?.read_exact(&mut first)?;
    follower.kill()?;
    follower.wait()?;
    ensure!(&first == b"line ", "{first:?}");
    world.run.engine.docker(&["rm", "-f", name])?;
    Ok(())
}

/// 2.7: what is kept for the way back is neither pruned nor removed; what would go is said first.
pub fn s2_7_pruning_keeps_the_way_back(world: &World) -> Outcome {
    let (stack, name) = (&world.stack, "hp-kept");
    let versions = world.run.fixtures.versions("nginx")?;
    run(world, name, &[])?;
    let volume = "hp-unused";
    world.run.engine.docker(&["volume", "create", "--label", &world.run.label(), volume])?;
    let operation = stack.update(name, Some(&versions.new))?;
    let kept = format!("homeport.local/rollback/{name}");
    let would = stack.post("/api/prune/system?all=true&volumes=true&dry_run=true", &json!({}))?;
    ensure!(would["dry_run"] == true && would["volumes_deleted"].to_string().contains(volume), "{would:#}");
    ensure!(!would["items"].to_string().contains("homeport.local/"), "a kept image would go: {would:#}");
    ensure!(world.run.engine.docker(&["volume", "inspect", volume]).is_ok(), "a dry run removed something");
    let images = world.run.engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", &kept])?;
    let reference = images.lines().next().context("the old image was not kept")?.replace('/', "%2F");
    let (code, refused) = stack.request(Method::DELETE, &format!("/api/images/{reference}?force=true"), None)?;
    ensure!(code == 403 && refused["error"].as_str().is_some_and(|text| text.contains("way back")), "{code} {refused}");
    let policies = stack.get("/api/policies")?;
    ensure!(policies["containers"][name]["last_operation_id"] == operation["operation_id"], "{policies:#}");
    ensure!(stack.cli(&["volumes", "remove", volume])?.contains("was removed"), "it was not");
    ensure!(world.run.engine.docker(&["volume", "inspect", volume]).is_err(), "the volume is still there");
    world.run.engine.docker(&["rm", "-f", name])?;
    Ok(())
}

/// 2.3: settings and history.
pub fn s2_3_settings_and_history_are_kept(world: &World) -> Outcome {
    let stack = &world.stack;
    ensure!(stack.cli(&["settings"])?.contains("history_retention_days = 0"), "another default");
    ensure!(stack.cli(&["settings", "history_retention_days", "365"])?.contains("= 365"), "it was not changed");
    let set = stack.get("/api/settings/history_retention_days")?;
    ensure!(set["value"] == "365", "{set}");
    let name = "hp-checked";
    run(world, name, &[])?;
    stack.post("/api/trigger-check", &json!({}))?;
    until("its check is in the history", Duration::from_secs(60), || {
        let history = stack.get("/api/history?type=check&limit=1000").unwrap_or_default();
        let lines = history["history"].as_array().cloned().unwrap_or_default();
        lines.iter().any(|line| line["container_name"] == name && line["status"] == "update_available")
    })?;
    world.run.engine.docker(&["rm", "-f", name])?;
    Ok(())
}

fn find<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|one| one["name"] == name)
}
