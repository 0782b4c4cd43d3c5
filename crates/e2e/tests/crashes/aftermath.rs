//! What must hold after a crash, whichever way it went.

use std::time::Duration;

use anyhow::ensure;
use homeport_e2e::{Outcome, Project, Run, Versions, until, until_ok};
use serde_json::Value;

/// Runs `redis-cli` in the service's container, as soon as it answers.
pub(crate) fn redis(run: &Run, project: &Project, arguments: &[&str]) -> anyhow::Result<String> {
    until_ok("redis answers", Duration::from_secs(30), || {
        let container = project.container("store")?;
        let mut command = vec!["exec", &container, "redis-cli"];
        command.extend(arguments);
        run.engine.docker(&command)
    })
}

/// Image, compose file and data belong to one version, that version runs, and nothing is left over.
pub(crate) fn check(run: &Run, project: &Project, before: &str, versions: &Versions, operation: &Value) -> Outcome {
    let went_forward = operation["status"] == "complete";
    let (version, file) = if went_forward {
        (&versions.new, before.replace(&versions.old, &versions.new))
    } else {
        ensure!(operation["status"] == "failed", "{operation:#}");
        (&versions.old, before.to_owned())
    };
    ensure!(project.file("compose.yaml")? == file, "the file became\n{}", project.file("compose.yaml")?);
    let server = redis(run, project, &["info", "server"])?;
    ensure!(
        server.contains(&format!("redis_version:{version}")),
        "after {operation:#} another version runs:\n{server}"
    );
    ensure!(redis(run, project, &["get", "colour"])? == "green", "the data is not there");

    let filter = format!("label=com.docker.compose.project={}", project.name);
    let containers = run.engine.containers(&filter)?;
    ensure!(containers.len() == 1 && containers[0] == format!("{}-store-1", project.name), "{containers:?}");
    let image = run.engine.inspect(&containers[0])?;
    ensure!(image["Config"]["Image"] == format!("{}:{version}", versions.repository), "{}", image["Config"]["Image"]);
    until("helpers are gone", Duration::from_secs(10), || {
        run.engine.containers("label=homeport.role=helper").is_ok_and(|names| names.is_empty())
    })?;
    let id = operation["operation_id"].as_str().unwrap_or_default();
    for (what, listed) in [
        ("snapshot", run.engine.docker(&["volume", "ls", "-q", "--filter", "label=homeport.snapshot"])?),
        (
            "rollback image",
            run.engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", "homeport.local/rollback/*"])?,
        ),
    ] {
        let kept = listed.lines().filter(|line| line.contains(id)).count();
        ensure!(went_forward || kept == 0, "a {what} of a failed update is left over:\n{listed}");
    }
    Ok(())
}
