//! What must hold after a crash, whichever way it went.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use homeport_e2e::{Outcome, Run, Versions, until};
use serde_json::Value;

use crate::subject::Subject;

/// Of every container: image, compose file and data belong to one version, that version runs, and nothing is left over.
pub(crate) fn check(run: &Run, subject: &Subject, versions: &Versions, operation: &Value) -> Outcome {
    ensure!(matches!(operation["status"].as_str(), Some("complete" | "failed")), "{operation:#}");
    let running = subject
        .check_versions(versions, |name| went_forward(operation, name))
        .with_context(|| format!("after {operation:#}"))?;
    subject.check_file(versions, &running)?;
    subject.check_alone()?;
    until("helpers are gone", Duration::from_secs(10), || {
        run.engine.containers("label=homeport.role=helper").is_ok_and(|names| names.is_empty())
    })?;
    nothing_is_kept(run, subject, operation)
}

fn details(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["batch_details"].as_array().into_iter().flatten()
}

fn went_forward(operation: &Value, name: &str) -> anyhow::Result<bool> {
    let detail = details(operation).find(|detail| detail["container_name"] == name);
    let detail = detail.with_context(|| format!("the history says nothing of {name}: {operation:#}"))?;
    match detail["status"].as_str() {
        Some("complete") => Ok(true),
        Some("failed") => Ok(false),
        _ => anyhow::bail!("{name} is in between: {operation:#}"),
    }
}

/// Of what failed, no copy and no image is kept; of what was rolled back neither.
fn nothing_is_kept(run: &Run, subject: &Subject, operation: &Value) -> Outcome {
    let id = operation["operation_id"].as_str().unwrap_or_default();
    let snapshots = run.engine.docker(&["volume", "ls", "-q", "--filter", "label=homeport.snapshot"])?;
    let images = ["images", "--format", "{{.Repository}}:{{.Tag}}", "homeport.local/rollback/*"];
    let listed = format!("{snapshots}\n{}", run.engine.docker(&images)?);
    let is_rollback = operation["operation_type"] == "rollback";
    for (position, detail) in details(operation).enumerate() {
        let name = detail["container_name"].as_str().unwrap_or_default();
        if subject.names().iter().any(|known| known == name) && (is_rollback || detail["status"] == "failed") {
            let entry = format!("{id}-{position}");
            ensure!(!listed.contains(&entry), "of what did not happen to {name} there is still {entry}:\n{listed}");
        }
    }
    Ok(())
}
