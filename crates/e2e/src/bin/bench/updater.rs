//! How fast it is known what is newer, what that costs a registry, and how many may ask for it.

mod engine;
mod registry;
mod requests;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use homeport_e2e::{Stack, root, until};
use homeport_image_ref::{Tag, sort_newest_first};
use serde_json::json;

use crate::{
    figures::{median, row},
    process::kilobytes,
};

/// Containers, and the repositories that their images are from.
const CONTAINERS: usize = 300;
const REPOSITORIES: usize = 100;
/// Distinct tags that have to be asked about: the newest plain one and the newest alpine one of each repository.
const DISTINCT: usize = 2 * REPOSITORIES;
/// What the registry takes for each answer.
const ANSWER_TIME: Duration = Duration::from_millis(30);
/// Starts with nothing remembered, and checks with the lists of tags remembered.
const COLD: usize = 5;
const WARM: usize = 10;
/// Plans that are made.
const PLANS: usize = 50;
/// Plans of all containers in one request.
const ALL_PLANS: usize = 10;
/// Containers that `docker run` made, where most are compose's.
const RUN: usize = 10;
/// Checks after which memory is read, and before which it is read for comparison.
const CHECKS: usize = 100;
const EARLY: usize = 20;
/// Longest time that one check may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Digests are asked for in every check, lists of tags once; and the registry may be asked as fast as it answers.
const SETTINGS: [(&str, &str); 3] = [
    ("HOMEPORT_UPDATER__REGISTRY__DIGEST_LIFETIME_MS", "1"),
    ("HOMEPORT_UPDATER__CHECK__INTERVAL_MS", "86400000"),
    ("HOMEPORT_LOG_FORMAT", "json"),
];

pub(crate) fn measure() -> anyhow::Result<()> {
    let directory = root().join("target/e2e").join(format!("bench-updater-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let registry = registry::Registry::start(ANSWER_TIME)?;
    let engine = engine::Engine::start(&directory.join("engine.sock"), registry.port(), RUN)?;
    let (mut cold, mut cold_requests) = (Vec::new(), Vec::new());
    for start in 1..COLD {
        let stack = start_cold(&directory.join(format!("cold-{start}")), &engine, &registry)?;
        cold.push(last_check(&stack)?);
        cold_requests.push(registry.taken());
    }
    let stack = start_cold(&directory.join("stack"), &engine, &registry)?;
    cold.push(last_check(&stack)?);
    cold_requests.push(registry.taken());
    let heads =
        |requests: &[registry::Requests]| median(&requests.iter().map(|r| r.heads).collect::<Vec<_>>()).unwrap_or(0);
    let all = |requests: &[registry::Requests]| {
        median(&requests.iter().map(|r| r.heads + r.others).collect::<Vec<_>>()).unwrap_or(0)
    };
    let (mut warm, mut warm_requests) = (Vec::new(), Vec::new());
    for _ in 0..WARM {
        check(&stack)?;
        warm.push(last_check(&stack)?);
        warm_requests.push(registry.taken());
    }
    let spread = crate::figures::spread;
    row(
        &format!(
            "check of {CONTAINERS} containers over {REPOSITORIES} repositories, registry with 30 ms answer time, cold"
        ),
        &spread(&cold),
        "3000 ms",
    );
    row("the same, warm: lists of tags are remembered, digests are not", &spread(&warm), "500 ms");
    row("requests for that, cold", &per_container(all(&cold_requests)), "1.2 a container");
    let asked = format!(
        "{} HEAD and {} others for {DISTINCT} distinct images",
        heads(&warm_requests),
        all(&warm_requests) - heads(&warm_requests)
    );
    row("requests for that, warm", &asked, "1 HEAD a distinct image");
    order()?;
    plan(&stack)?;
    plan_all(&directory)?;
    requests::measure(&stack)?;
    memory(&stack)
}

/// Starts everything with nothing remembered, and waits for the first check.
fn start_cold(directory: &Path, engine: &engine::Engine, registry: &registry::Registry) -> anyhow::Result<Stack> {
    registry.taken();
    let stack = Stack::over(directory, &engine.host(), &SETTINGS)?;
    until("the first check ends", LIMIT, || {
        stack
            .get("/api/status")
            .is_ok_and(|status| status["total_checked"] == CONTAINERS && status["checking"].is_null())
    })?;
    Ok(stack)
}

/// Checks once more with what is remembered.
fn check(stack: &Stack) -> anyhow::Result<()> {
    let before = stack.get("/api/status")?["last_background_run"].clone();
    stack.post("/api/trigger-check", &json!({}))?;
    until("the check ends", LIMIT, || {
        stack.get("/api/status").is_ok_and(|status| status["last_background_run"] != before)
    })
}

/// How long the last check took, as the updater's log says.
fn last_check(stack: &Stack) -> anyhow::Result<Duration> {
    let log = std::fs::read_to_string(stack.directory().join("updater.log"))?;
    let milliseconds = log
        .lines()
        .rev()
        .filter(|line| line.contains("\"checked\""))
        .find_map(|line| number_behind(line, "duration_ms"))
        .context("the log of the updater does not say how long a check took")?;
    Ok(Duration::from_millis(milliseconds))
}

/// The number behind `name=`, or behind `"name":`.
fn number_behind(line: &str, name: &str) -> Option<u64> {
    let rest = line.split_once(name)?.1.trim_start_matches(['"', ':', '=', ' ']);
    rest.split(|next: char| !next.is_ascii_digit()).next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimal places")]
fn per_container(requests: usize) -> String {
    format!("{requests}, {:.2} a container", requests as f64 / CONTAINERS as f64)
}

/// Reading and ordering the tags of a busy repository.
fn order() -> anyhow::Result<()> {
    let texts: Vec<_> = (0..10_000_u32)
        .map(|number| {
            let variant = ["", "-alpine", "-alpine3.19", "-bookworm", "-rc1"][number as usize % 5];
            format!("{}.{}.{}{variant}", number % 7, number / 7 % 40, number / 280)
        })
        .collect();
    let mut taken = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let mut tags: Vec<_> = texts.iter().map(|text| Tag::parse(text)).collect();
        sort_newest_first(&mut tags);
        taken.push(begun.elapsed());
        anyhow::ensure!(tags.len() == texts.len());
    }
    row("reading and ordering 10 000 tags", &crate::figures::spread(&taken), "10 ms");
    Ok(())
}

/// What is planned for one container looks at all of them: for what follows it, and for what shares its data.
fn plan(stack: &Stack) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    for container in engine::last(RUN).cycle().take(PLANS) {
        let begun = Instant::now();
        stack.post("/api/plan", &json!({ "container_name": container }))?;
        taken.push(begun.elapsed());
    }
    row(&format!("plan for one of {CONTAINERS} containers"), &crate::figures::spread(&taken), "200 ms");
    Ok(())
}

/// What compose makes of its files is compose's time, and a registry's answers are the registry's: there is neither.
fn plan_all(directory: &Path) -> anyhow::Result<()> {
    let registry = registry::Registry::start(Duration::ZERO)?;
    let engine = engine::Engine::start(&directory.join("plain.sock"), registry.port(), CONTAINERS)?;
    let stack = start_cold(&directory.join("plain"), &engine, &registry)?;
    // By tag, as some run the newest already.
    let containers: Vec<_> = engine::last(CONTAINERS).collect();
    let mut taken = Vec::new();
    for _ in 0..ALL_PLANS {
        let begun = Instant::now();
        let answer =
            stack.post("/api/plan/batch", &json!({ "containers": containers, "target_version": "1.24.3-alpine" }))?;
        taken.push(begun.elapsed());
        let plans = answer["plans"].as_array().context("no plans")?;
        let made = plans.iter().filter(|plan| plan["hash"].is_string()).count();
        anyhow::ensure!(made == CONTAINERS, "{made} plans of {CONTAINERS}: {}", plans[0]);
    }
    row(
        &format!("plans for all {CONTAINERS} in one request, without compose, registry that answers at once"),
        &crate::figures::spread(&taken),
        "200 ms",
    );
    Ok(())
}

/// Memory of the two that a check keeps busy, after many of them and after few.
fn memory(stack: &Stack) -> anyhow::Result<()> {
    let resident = || -> anyhow::Result<u64> {
        ["updater", "docker-agent"].into_iter().try_fold(0, |sum, service| {
            let pid = stack.process_id(service).with_context(|| format!("{service} does not run"))?;
            Ok(sum + kilobytes(&format!("/proc/{pid}/status"), "VmRSS:")? / 1024)
        })
    };
    let mut early = 0;
    for number in 0..CHECKS {
        if number == EARLY {
            early = resident()?;
        }
        check(stack)?;
    }
    let measured = format!("{} MB ({early} MB after {EARLY})", resident()?);
    row(
        &format!("memory of updater and docker-agent, {CONTAINERS} containers, after {CHECKS} checks"),
        &measured,
        "60 MB, not growing",
    );
    Ok(())
}
