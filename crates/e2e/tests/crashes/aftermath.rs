//! What must hold after a crash, whichever way it went.

use std::time::Duration;

use anyhow::ensure;
use homeport_e2e::{Outcome, Run, Versions, until};
use serde_json::Value;

use crate::subject::Subject;

/// Image, compose file and data belong to one version, that version runs, and nothing is left over.
pub(crate) fn check(run: &Run, subject: &Subject, versions: &Versions, operation: &Value) -> Outcome {
    let went_forward = operation["status"] == "complete";
    ensure!(went_forward || operation["status"] == "failed", "{operation:#}");
    let version = if went_forward { &versions.new } else { &versions.old };

    subject.check_file(versions, version)?;
    let server = subject.redis(&["info", "server"])?;
    let running = format!("redis_version:{version}");
    ensure!(server.contains(&running), "after {operation:#} another version runs:\n{server}");
    ensure!(subject.redis(&["get", "colour"])? == "green", "the data is not there");
    let inspect = run.engine.inspect(subject.name())?;
    ensure!(
        inspect["Config"]["Image"] == format!("{}:{version}", versions.repository),
        "{}",
        inspect["Config"]["Image"]
    );

    subject.check_alone()?;
    until("helpers are gone", Duration::from_secs(10), || {
        run.engine.containers("label=homeport.role=helper").is_ok_and(|names| names.is_empty())
    })?;
    if went_forward {
        return Ok(());
    }
    let id = operation["operation_id"].as_str().unwrap_or_default();
    let snapshots = run.engine.docker(&["volume", "ls", "-q", "--filter", "label=homeport.snapshot"])?;
    let images = ["images", "--format", "{{.Repository}}:{{.Tag}}", "homeport.local/rollback/*"];
    for listed in [snapshots, run.engine.docker(&images)?] {
        ensure!(!listed.contains(id), "of an update that failed there is still\n{listed}");
    }
    Ok(())
}
