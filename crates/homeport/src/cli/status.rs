//! `homeport status`, and the table that `homeport check` shows as well.

use jiff::Timestamp;

use super::{
    Session, api, output,
    table::{or_dash, render},
    time::{ago, until},
};

/// Shows what the last check found.
pub(crate) async fn run(session: &Session) -> anyhow::Result<()> {
    let document = session.api.get("/api/status").await?;
    if session.json {
        return output::json(&document);
    }
    let status: api::Status = session.api.typed(&document)?;
    Ok(output::text(&view(&status, Timestamp::now()))?)
}

/// All containers, and a summary below them.
pub(super) fn view(status: &api::Status, now: Timestamp) -> String {
    let table = match status.containers.as_slice() {
        [] => String::new(),
        containers => containers_view(containers) + "\n",
    };
    let error = status.error.as_ref().map(|error| format!("The last check failed: {error}\n"));
    table + &error.unwrap_or_default() + &summary(status, now)
}

/// One row for each container.
pub(super) fn containers_view(containers: &[api::Container]) -> String {
    let rows = containers.iter().map(|container| {
        [
            container.container_name.clone(),
            or_dash(container.stack.as_deref()),
            repository(&container.image).to_owned(),
            running(container),
            available(container),
            state(container).to_owned(),
            remark(container).to_owned(),
        ]
    });
    render(["CONTAINER", "STACK", "IMAGE", "RUNNING", "AVAILABLE", "STATE", ""], rows)
}

fn summary(status: &api::Status, now: Timestamp) -> String {
    let mut parts = Vec::new();
    match status.last_background_run {
        Some(at) => {
            parts.push(count(status.total_checked, "container"));
            parts.push(count(status.updates_found, "update"));
            parts.push(format!("checked {}", ago(at, now)));
        }
        None => parts.push("Nothing was checked yet".to_owned()),
    }
    if status.checking {
        parts.push("checking now".to_owned());
    } else if let Some(at) = status.next_check {
        parts.push(format!("next check {}", until(at, now)));
    }
    parts.join(" · ") + "\n"
}

fn count(number: u64, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        several => format!("{several} {what}s"),
    }
}

/// An image without its tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

/// The running tag, and the version behind it where that says more.
fn running(container: &api::Container) -> String {
    let (tag, version) = (container.current_tag.as_deref(), container.current_version.as_deref());
    match (tag, version) {
        (Some(tag), Some(version)) if !tag.contains(version) => format!("{tag} ({version})"),
        (Some(tag), _) => tag.to_owned(),
        (None, version) => or_dash(version),
    }
}

fn available(container: &api::Container) -> String {
    match container.status.as_str() {
        "UPDATE_AVAILABLE" | "UPDATE_AVAILABLE_BLOCKED" => {
            let tag = or_dash(container.latest_version.as_deref());
            match container.latest_resolved_version.as_deref() {
                Some(version) if !tag.contains(version) => format!("{tag} ({version})"),
                _ => tag,
            }
        }
        "UP_TO_DATE_PINNABLE" => or_dash(container.recommended_tag.as_deref()),
        _ => or_dash(None),
    }
}

fn state(container: &api::Container) -> &str {
    match (container.status.as_str(), container.change_type) {
        ("UPDATE_AVAILABLE", 0) => "new build",
        ("UPDATE_AVAILABLE", 1) => "patch update",
        ("UPDATE_AVAILABLE", 2) => "minor update",
        ("UPDATE_AVAILABLE", 3) => "major update",
        ("UPDATE_AVAILABLE", 4) => "downgrade",
        ("UPDATE_AVAILABLE", _) => "update",
        ("UPDATE_AVAILABLE_BLOCKED", _) => "blocked",
        ("UP_TO_DATE", _) => "up to date",
        ("UP_TO_DATE_PINNABLE", _) => "up to date, can be pinned",
        ("LOCAL_IMAGE", _) => "built here",
        ("COMPOSE_MISMATCH", _) => "differs from its compose file",
        ("IGNORED", _) => "ignored",
        ("CHECK_FAILED", _) => "check failed",
        ("METADATA_UNAVAILABLE", _) => "registry does not know it",
        ("UNKNOWN", _) => "unknown",
        (other, _) => other,
    }
}

fn remark(container: &api::Container) -> &str {
    [&container.error, &container.pre_update_check_fail, &container.note]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn check(document: serde_json::Value) -> String {
        view(&serde_json::from_value(document).unwrap(), NOW)
    }

    #[test]
    fn every_state() {
        let container = |name: &str, status: &str, more: serde_json::Value| {
            let mut document =
                json!({ "container_name": name, "image": "docker.io/library/nginx:1.22.1", "status": status });
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            document
        };
        let text = check(json!({
            "containers": [
                container("web", "UPDATE_AVAILABLE", json!({
                    "stack": "site", "current_tag": "1.22.1", "current_version": "1.22.1", "latest_version": "1.26.3",
                    "change_type": 2,
                })),
                container("moving", "UPDATE_AVAILABLE", json!({
                    "current_tag": "stable", "current_version": "1.22.1", "latest_version": "stable",
                    "latest_resolved_version": "1.26.3", "change_type": 5,
                })),
                container("pinnable", "UP_TO_DATE_PINNABLE", json!({
                    "current_tag": "latest", "recommended_tag": "1.26.3", "image": "127.0.0.1:5000/nginx",
                })),
                container("same", "UP_TO_DATE", json!({ "current_tag": "1.26.3", "image": "nginx@sha256:00" })),
                container("broken", "CHECK_FAILED", json!({ "error": "the registry 127.0.0.1:5000 does not answer" })),
                container("own", "LOCAL_IMAGE", json!({})),
                container("new", "SOMETHING_NEW", json!({})),
            ],
            "total_checked": 7, "updates_found": 2, "last_background_run": "2027-01-15T07:58:00Z",
            "next_check": "2027-01-15T08:03:00.5Z",
        }));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn nothing_yet() {
        insta::assert_snapshot!(check(json!({ "containers": [], "checking": true })), @"Nothing was checked yet · checking now");
    }

    #[test]
    fn a_failed_check_says_why() {
        let text = check(json!({ "error": "docker-agent is away" }));
        insta::assert_snapshot!(text, @r"
        The last check failed: docker-agent is away
        Nothing was checked yet
        ");
    }

    #[test]
    fn repositories() {
        for (image, expected) in [
            ("nginx", "nginx"),
            ("nginx:1.2", "nginx"),
            ("127.0.0.1:5000/nginx", "127.0.0.1:5000/nginx"),
            ("127.0.0.1:5000/nginx:1.2@sha256:ab", "127.0.0.1:5000/nginx"),
        ] {
            assert_eq!(repository(image), expected);
        }
    }
}
