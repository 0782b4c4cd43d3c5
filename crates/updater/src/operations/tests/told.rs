//! How far work is, as it is told on the way.

use super::{api::told, *};

/// Container, stage and per cent of each event of an operation, in order.
async fn events(process: &Process, operation: &str) -> Vec<(String, String, u64)> {
    let told = told(process).await.into_iter();
    let of_it = told.filter(|(topic, event)| topic == "update:progress" && event["operation_id"] == operation);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    of_it
        .map(|(_, event)| (text(&event["container_name"]), text(&event["stage"]), event["progress"].as_u64().unwrap()))
        .collect()
}

/// How far the whole was said to be, without what only tells how single ones ended.
fn of_the_whole(events: &[(String, String, u64)]) -> Vec<u64> {
    let is_ending = |stage: &str| matches!(stage, "in_progress" | "complete" | "failed");
    events.iter().filter(|(_, stage, _)| !is_ending(stage)).map(|(_, _, percent)| *percent).collect()
}

#[tokio::test]
async fn s10_1_an_image_is_asked_for_three_times() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    bench.engine.world().failing_pulls = 2;
    let done = process.updated("db").await;
    assert_eq!((done.status, bench.runs("db").as_str()), (Status::Complete, "2"), "{}", done.error);
    bench.engine.world().failing_pulls = 3;
    let failed = process.updated("web").await;
    assert_eq!((failed.status, bench.runs("web").as_str()), (Status::Failed, "1"));
    assert!(failed.error.contains("the registry failed"), "{}", failed.error);
    process.stop().await;
}

#[tokio::test]
async fn s10_2_a_batch_tells_of_each_container_and_of_the_whole() {
    let bench = Bench::new();
    let process = bench.process().await;
    process.work();
    let item = |name: &str| BatchItem {
        update: UpdateRequest { container: name.to_owned(), ..UpdateRequest::default() },
        ..BatchItem::default()
    };
    let (_, answers) = process.operations.start_batch(vec![item("web"), item("db")], "ada").await.unwrap();
    let done = process.ended(&answers[0].operation).await;
    assert_eq!(done.error, "Batch update completed: 2 succeeded, 0 failed");
    let events = events(&process, &done.id).await;
    for name in ["db", "web"] {
        let own: Vec<&str> = events
            .iter()
            .filter(|(of, stage, percent)| of == name && *percent == 0 && stage != "validating")
            .map(|(_, stage, _)| stage.as_str())
            .collect();
        assert_eq!(own, ["in_progress", "complete"], "{name}: {events:?}");
    }
    assert_eq!(events.last().unwrap(), &(String::new(), "complete".to_owned(), 100));
    assert!(of_the_whole(&events).is_sorted(), "{events:?}");
    process.stop().await;
}

#[tokio::test]
async fn s10_5_the_restart_of_a_stack_never_steps_back() {
    let bench = Bench::new();
    bench.label("lone", "docksmith.restart-after", "db");
    let process = bench.process().await;
    process.work();
    let what = Restarted::Stack { name: "app".to_owned(), containers: Vec::new() };
    let request = RestartRequest { what, force: false, requested_by: "ada".to_owned() };
    let started = process.operations.start_restart(request).await.unwrap();
    assert_eq!(process.ended(&started.id).await.status, Status::Complete);
    let events = events(&process, &started.id).await;
    let whole = of_the_whole(&events);
    assert!(whole.is_sorted() && whole.iter().all(|percent| *percent <= 90), "{events:?}");
    assert!(events.iter().any(|(_, stage, percent)| stage == "restarting" && *percent >= 10), "{events:?}");
    process.stop().await;
}
