//! What a new version has to prove: from the settings, from labels, and from what the old version does.

use homeport_service::status::Coded;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tonic::Code;

use super::{Before, Facts, HttpProbe, Proof, Run};
use crate::{
    config::{HealthConfig, RollbackConfig},
    engine::{Container, Health, State},
    policy,
};

/// How long it must stay up, or with a check of its own at least has to pass it.
const WINDOW_LABEL: &str = "health-window";
/// A page that has to be answered with a status from 200 to 399: `8080/path`, or `/path` on the first published port.
const HTTP_LABEL: &str = "health-http";
/// It is to end, with 0.
const JOB_LABEL: &str = "health-job";
/// Whether the old version comes back by itself.
const BACK_LABELS: [&str; 2] = ["auto-rollback", "auto_rollback"];
/// Labels with the stack of a container, and of a service of a Swarm.
const STACK_LABELS: [&str; 2] = ["com.docker.compose.project", "com.docker.stack.namespace"];
/// The longest window. Data that the new version writes in it is lost when it fails.
const WINDOW_MAX_MS: u64 = 3_600_000;
/// What ends and is started again more often than this does so by design.
const RESTART_PERIOD: SignedDuration = SignedDuration::from_mins(10);

/// A label that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("label {label} of container {container} is \"{value}\", which is {problem}")]
pub struct LabelError {
    /// The container.
    pub container: String,
    /// Name of the label, without its beginning.
    pub label: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Coded for LabelError {
    fn code(&self) -> Code {
        Code::FailedPrecondition
    }
}

/// What the new version of a container has to prove.
pub(super) fn proof(facts: &Facts, health: &HealthConfig) -> Result<Proof, LabelError> {
    let container = &facts.container;
    let window = window_ms(container)?;
    Ok(Proof {
        stable_ms: window.unwrap_or(health.stable_ms),
        // docker-agent's own limit for one probe.
        port_timeout_ms: health.port_timeout_ms.max(window.unwrap_or_default()).min(300_000),
        margin_ms: health.margin_ms,
        ports: facts.ports.clone(),
        http: http(container)?,
        before: Before { was_unhealthy: container.health == Health::Unhealthy, restarts: restarts(container) },
        stays: false,
    })
}

/// Whether the old version comes back by itself when the new one does not prove itself: the container's label says so,
/// else the settings of its stack, else those of all.
pub(crate) fn comes_back(container: &Container, rollback: &RollbackConfig) -> Result<bool, LabelError> {
    if let Some((label, text)) = BACK_LABELS.into_iter().find_map(|name| Some((name, label(container, name)?))) {
        return match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err(refused(container, label, text, "neither true nor false")),
        };
    }
    let stack = STACK_LABELS.into_iter().find_map(|label| container.label(label));
    Ok(stack.and_then(|stack| rollback.stacks.get(stack)).copied().unwrap_or(rollback.automatic))
}

/// What the label of a container says about that. None: nothing, or nothing that makes sense.
pub(crate) fn said_to_come_back(container: &Container) -> Option<bool> {
    let says = |automatic| comes_back(container, &RollbackConfig { automatic, ..RollbackConfig::default() }).ok();
    says(true).filter(|_| says(true) == says(false))
}

/// Whether the new container is to run.
pub(crate) fn run(container: &Container) -> Run {
    let is_job = policy::value(&container.labels, JOB_LABEL)
        .is_some_and(|text| matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "1" | "yes"));
    match container.state {
        _ if is_job => Run::Job,
        State::Running | State::Restarting => Run::Always,
        State::Created | State::Exited => Run::Never,
    }
}

fn label<'a>(container: &'a Container, name: &'static str) -> Option<&'a str> {
    policy::value(&container.labels, name).map(str::trim).filter(|text| !text.is_empty())
}

fn refused(container: &Container, label: &'static str, value: &str, problem: &'static str) -> LabelError {
    LabelError { container: container.name.clone(), label, value: value.to_owned(), problem }
}

fn window_ms(container: &Container) -> Result<Option<u64>, LabelError> {
    let Some(text) = label(container, WINDOW_LABEL) else { return Ok(None) };
    let seconds = text.parse::<u64>().ok().map(|seconds| seconds.saturating_mul(1_000));
    let parsed = seconds.or_else(|| u64::try_from(text.parse::<SignedDuration>().ok()?.as_millis()).ok());
    match parsed {
        Some(ms) if ms <= WINDOW_MAX_MS => Ok(Some(ms)),
        Some(_) => Err(refused(container, WINDOW_LABEL, text, "more than an hour")),
        None => Err(refused(container, WINDOW_LABEL, text, "no duration; write seconds, or such as 90s or 2m")),
    }
}

fn http(container: &Container) -> Result<Option<HttpProbe>, LabelError> {
    let Some(text) = label(container, HTTP_LABEL) else { return Ok(None) };
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let (place, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let number = place.rsplit(':').next().unwrap_or_default();
    let port = if number.is_empty() {
        container.published_ports.first().copied()
    } else {
        number.parse().ok().filter(|port| *port > 0)
    };
    let is_printable = path.bytes().all(|byte| byte.is_ascii_graphic());
    match port {
        Some(port) if is_printable => Ok(Some(HttpProbe { port, path: path.to_owned() })),
        _ => Err(refused(container, HTTP_LABEL, text, "no page; write its port and path, such as 8080/healthz")),
    }
}

/// Whether the engine starts it again all the time: by the time from its making to its last start, and how often it was
/// restarted in that.
fn restarts(container: &Container) -> bool {
    let document: Value = serde_json::from_str(&container.inspect_json).unwrap_or_default();
    let created: Option<Timestamp> = document["Created"].as_str().and_then(|text| text.parse().ok());
    let (Some(created), Some(started)) = (created, container.started_at) else { return false };
    let count = i32::try_from(container.restart_count).unwrap_or(i32::MAX);
    count >= 2 && started.duration_since(created) / count <= RESTART_PERIOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::World;

    fn container(labels: &[(&str, &str)]) -> Container {
        let mut world = World::default();
        let id = world.create("web", "app:1", &[], labels);
        let mut container = world.containers.remove(&id).unwrap();
        container.published_ports = vec![80, 443];
        container
    }

    fn window(text: &str) -> Result<Option<u64>, String> {
        window_ms(&container(&[("homeport.health-window", text)])).map_err(|error| error.to_string())
    }

    fn page(text: &str) -> Option<(u16, String)> {
        http(&container(&[("docksmith.health-http", text)])).ok()?.map(|probe| (probe.port, probe.path))
    }

    #[test]
    fn windows_are_seconds_or_durations() {
        assert_eq!(window("45"), Ok(Some(45_000)));
        assert_eq!(window("2m"), Ok(Some(120_000)));
        assert_eq!(window(""), Ok(None));
        assert!(window("soon").unwrap_err().contains("health-window of container web is \"soon\""));
        assert!(window("2h").unwrap_err().contains("more than an hour"));
    }

    /// Contract, section 7: the label, in both spellings, is stronger than the stack's setting, and that than the global one.
    #[test]
    fn s7_the_way_back_is_automatic_by_label_then_stack_then_setting() {
        let check = |labels: &[(&str, &str)], automatic: bool, expected: Option<bool>| {
            let rollback = RollbackConfig { automatic, stacks: [("app".to_owned(), false)].into() };
            assert_eq!(comes_back(&container(labels), &rollback).ok(), expected, "{labels:?} {automatic}");
        };
        let app = ("com.docker.compose.project", "app");
        check(&[], true, Some(true));
        check(&[], false, Some(false));
        check(&[app], true, Some(false));
        check(&[("com.docker.compose.project", "other")], true, Some(true));
        check(&[app, ("docksmith.auto_rollback", "1")], false, Some(true));
        check(&[("docksmith.auto-rollback", "No")], true, Some(false));
        check(&[("docksmith.auto_rollback", "no"), ("homeport.auto-rollback", "yes")], false, Some(true));
        check(&[("docksmith.auto_rollback", "perhaps")], true, None);
        assert_eq!(said_to_come_back(&container(&[app])), None);
        assert_eq!(said_to_come_back(&container(&[("docksmith.auto_rollback", "no")])), Some(false));
    }

    #[test]
    fn pages_have_a_port_and_a_path() {
        assert_eq!(page("8080/healthz?x=1"), Some((8080, "/healthz?x=1".to_owned())));
        assert_eq!(page("http://localhost:3000/a"), Some((3000, "/a".to_owned())));
        assert_eq!(page("/up"), Some((80, "/up".to_owned())));
        assert_eq!(page(":9000"), Some((9000, "/".to_owned())));
        for wrong in ["localhost/x", "0/x", "80/a b", "80/a\r\nX: y"] {
            assert_eq!(page(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_restarts_every_minute_does_so_by_design_and_what_did_once_a_month_does_not() {
        let mut container = container(&[]);
        container.inspect_json = r#"{"Created":"2026-11-01T00:00:00.5Z"}"#.to_owned();
        container.started_at = "2026-11-01T01:00:00Z".parse().ok();
        for (count, expected) in [(0, false), (1, false), (2, false), (30, true)] {
            container.restart_count = count;
            assert_eq!(restarts(&container), expected, "{count}");
        }
    }

    #[test]
    fn what_does_not_run_stays_so_unless_it_is_a_job() {
        assert_eq!(run(&container(&[])), Run::Never);
        assert_eq!(run(&container(&[("homeport.health-job", "yes")])), Run::Job);
    }
}
