//! What clients of Docksmith's API rely on, asked of the work itself; the tests are named after its sections.

use super::*;
use crate::store::Filter;

async fn all(process: &Process, filter: Filter) -> Vec<Operation> {
    process.operations.list(&Filter { limit: 100, ..filter }).await.unwrap().operations
}

fn item(container: &str, stack: &str) -> BatchItem {
    BatchItem {
        update: UpdateRequest { container: container.to_owned(), ..UpdateRequest::default() },
        change_type: 3,
        old_resolved_version: "1.0.0".to_owned(),
        new_resolved_version: "2.0.0".to_owned(),
        stack: stack.to_owned(),
    }
}

#[tokio::test]
async fn s2_2_a_batch_is_grouped_by_the_real_stack_and_echoes_the_callers() {
    let bench = Bench::new();
    let process = bench.process().await;
    let items = vec![item("web", "theirs"), item("lone", "theirs"), item("nobody", ""), item("db", "other")];
    let before = bench.engine.world().looks;
    let (group, answers) = process.operations.start_batch(items, "ada").await.unwrap();
    assert_eq!(bench.engine.world().looks - before, 1);
    let told: Vec<(&str, Vec<&str>, bool)> = answers
        .iter()
        .map(|answer| {
            let names = answer.containers.iter().map(String::as_str).collect();
            (answer.stack.as_str(), names, answer.operation.is_empty())
        })
        .collect();
    // One group a stack, dependencies first; who cannot be updated holds up nobody.
    assert!(told.contains(&("theirs", vec!["db", "web"], false)), "{told:?}");
    assert!(told.contains(&("theirs", vec!["lone"], false)), "{told:?}");
    assert!(told.contains(&("", vec!["nobody"], true)), "{told:?}");
    let kept = all(&process, Filter { statuses: vec![Status::Queued], group, ..Filter::default() }).await;
    assert_eq!(kept.len(), 2);
    for detail in kept.iter().flat_map(|operation| &operation.details) {
        // As the client sent them, which reads them back.
        assert_eq!(detail.change_type, 3);
        assert_eq!((detail.old_resolved_version.as_str(), detail.new_resolved_version.as_str()), ("1.0.0", "2.0.0"));
        assert!(detail.old_digest.is_empty() || detail.old_digest.starts_with("sha256:"));
    }
}

#[tokio::test]
async fn s2_2_what_a_busy_stack_is_asked_for_waits_and_is_answered_the_same() {
    let bench = Bench::new();
    let process = bench.process().await;
    let _busy = process.operations.occupy(&["stack app".to_owned()], 4).expect("the lock is free");
    process.work();
    let started = process.update("web").await.unwrap();
    assert_eq!((started.container.as_str(), started.version.as_str()), ("web", "2"));
    assert_eq!(process.operations.get(&started.operation).await.unwrap().status, Status::Queued);
    process.stop().await;
}

#[tokio::test]
async fn s2_3_what_has_not_ended_is_listed_only_when_asked_for() {
    let bench = Bench::new();
    let process = bench.process().await;
    let started = process.update("web").await.unwrap();
    assert!(all(&process, Filter::default()).await.is_empty());
    let queued = all(&process, Filter { statuses: vec![Status::Queued], ..Filter::default() }).await;
    assert_eq!(queued[0].id, started.operation);
    process.work();
    process.ended(&started.operation).await;
    assert_eq!(all(&process, Filter::default()).await.len(), 1);
    process.stop().await;
}

#[tokio::test]
async fn s2_3_a_container_is_found_among_those_of_a_batch() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let (_, answers) = process.operations.start_batch(vec![item("web", ""), item("db", "")], "").await.unwrap();
    process.ended(&answers[0].operation).await;
    let found = all(&process, Filter { container: "db".to_owned(), ..Filter::default() }).await;
    assert_eq!(found.iter().map(|one| one.container_name.as_str()).collect::<Vec<_>>(), ["2 containers"]);
    let kinds = vec![Kind::Single];
    assert!(all(&process, Filter { kinds, ..Filter::default() }).await.is_empty());
    process.stop().await;
}

#[tokio::test]
async fn s3_3_an_update_has_details_with_the_digest_of_before() {
    let bench = Bench::new();
    {
        let mut world = bench.engine.world();
        let web = world.containers.values_mut().find(|container| container.name == "web").unwrap();
        web.repo_digests = vec![format!("app@{}", digest("1"))];
    }
    let process = bench.process().await;
    process.work();
    let ended = process.updated("web").await;
    assert_eq!((ended.kind, ended.details.len()), (Kind::Single, 1));
    assert_eq!((ended.old_version.as_str(), ended.new_version.as_str()), ("1", "2"));
    let detail = &ended.details[0];
    assert_eq!((detail.old_version.as_str(), detail.new_version.as_str(), detail.change_type), ("1", "2", 3));
    assert_eq!((detail.old_digest.as_str(), detail.status), (digest("1").as_str(), DetailStatus::Complete));
    assert!(uuid::Uuid::parse_str(&ended.id).is_ok_and(|id| id.get_version_num() == 4), "{}", ended.id);
    let again = process.operations.get(&ended.id).await.unwrap();
    assert_eq!((again.row, again.id), (ended.row, ended.id), "the number stays");
    process.stop().await;
}

#[tokio::test]
async fn s14_what_was_worked_on_is_checked_again() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    process.updated("web").await;
    let stop = ByHand { action: Action::Stop { timeout: None }, force: false, requested_by: String::new() };
    process.operations.act(&process.context, "lone", &stop).await.unwrap();
    let rechecked = || bench.targets.rechecked.lock().unwrap().clone();
    for _ in 0..500 {
        if rechecked().len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut rechecked = rechecked();
    rechecked.sort_unstable();
    assert_eq!(rechecked, ["lone", "web"]);
    process.stop().await;
}

/// Everything that was told, as topic and payload.
pub(super) async fn told(process: &Process) -> Vec<(String, serde_json::Value)> {
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT topic, payload FROM outbox ORDER BY id")
        .fetch_all(process.operations.0.parts.store.reader())
        .await
        .unwrap();
    rows.into_iter().map(|(topic, payload)| (topic, serde_json::from_str(&payload).unwrap())).collect()
}

/// Stages that the web page of Docksmith has an icon for; others it shows without a label.
const STAGES: [&str; 19] = [
    "validating",
    "backup",
    "updating_compose",
    "pulling_image",
    "recreating",
    "health_check",
    "rolling_back",
    "pending_restart",
    "starting",
    "stopping",
    "restarting",
    "removing",
    "saving",
    "checking",
    "dependents",
    "restarting_dependents",
    "complete",
    "failed",
    // Ours.
    "locking",
];

#[tokio::test]
async fn s4_every_operation_ends_with_its_own_events_however_it_ended() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let mut ended = vec![process.updated("web").await];
    let (_, answers) = process.operations.start_batch(vec![item("db", ""), item("lone", "")], "").await.unwrap();
    for answer in &answers {
        ended.push(process.ended(&answer.operation).await);
    }
    let stop = ByHand { action: Action::Stop { timeout: None }, force: false, requested_by: String::new() };
    let stopped = process.operations.act(&process.context, "lone", &stop).await.unwrap();
    ended.push(process.operations.get(&stopped.operation).await.unwrap());
    let labels = LabelRequest {
        container: "db".to_owned(),
        changes: [("docksmith.ignore".to_owned(), Some("true".to_owned()))].into(),
        ..LabelRequest::default()
    };
    let labelled = process.operations.change_labels(&labels, "").await.unwrap();
    ended.push(process.ended(&labelled.operation).await);
    bench.lock();
    let what = Restarted::Container("web".to_owned());
    let restart = RestartRequest { what, force: false, requested_by: String::new() };
    let refused = process.operations.start_restart(restart).await.unwrap();
    ended.push(process.ended(&refused.id).await);
    assert_eq!(ended.last().unwrap().status, Status::Failed, "one of them fails");
    let told = told(&process).await;
    for operation in &ended {
        let of_it = |topic: &str| {
            let own = told.iter().filter(|(of, event)| of == topic && event["operation_id"] == operation.id.as_str());
            own.map(|(_, event)| event.clone()).collect::<Vec<_>>()
        };
        let word = if operation.status == Status::Complete { "complete" } else { "failed" };
        let (progress, containers) = (of_it("update:progress"), of_it("update:container"));
        for event in &progress {
            for key in ["container_name", "stack_name", "stage", "progress", "message", "timestamp"] {
                assert!(event.get(key).is_some(), "{key} in {event}");
            }
            assert!(STAGES.iter().any(|stage| event["stage"] == *stage), "{event}");
        }
        let last = progress.iter().rfind(|event| event["stage"] == word);
        let last = last.unwrap_or_else(|| panic!("{} has no last progress: {progress:#?}", operation.id));
        assert!(last["container_name"] != "", "with the container's name: {last}");
        assert_eq!(last["progress"], if word == "complete" { 100 } else { 0 });
        let status = containers.last().map(|event| event["status"].clone()).unwrap_or_default();
        let words = ["updated", "complete", "restarted", "failed"];
        assert!(words.iter().any(|word| status == *word), "{}: {containers:#?}", operation.id);
        assert_eq!(status == "failed", word == "failed");
        // What the client knows an event by must not mean two things.
        let mut keys: Vec<String> = progress
            .iter()
            .map(|event| format!("{} {} {}", event["container_name"], event["stage"], event["progress"]))
            .collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "{progress:#?}");
    }
    process.stop().await;
}
