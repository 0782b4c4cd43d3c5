//! A bus in a process of its own that is killed.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use homeport_proto::bus::v1::{
    Earliest, GetStatisticsRequest, PublishRequest, cursor::From, subscribe_response::Message,
};
use homeport_service::{Entry, Paths};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{Replay, replay},
    replay::{event, follow, said, store},
    soon,
};

const DIRECTORY: &str = "TEST_BUS_DIRECTORY";

/// Not a test: what the tests below start, as this program with another argument.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is the process that the other tests kill"]
async fn bus_process() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let paths = Paths { state: directory.join("state"), configs: directory.join("configs") };
    let services = vec![Entry::new("bus", homeport_bus::run)];
    let environment = std::iter::empty::<(&str, &str)>().collect();
    homeport_service::run_all(services, paths, environment, CancellationToken::new()).await.unwrap();
}

struct Process {
    child: Child,
    socket: std::path::PathBuf,
}

impl Process {
    async fn start(directory: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::bus_process", "--ignored"])
            .env(DIRECTORY, directory)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, socket: directory.join("state/api/eventbus.sock") };
        let mut client = process.client();
        let ping = PublishRequest { topic: "test:ping".to_owned(), value: String::new() };
        soon(async { while client.publish(ping.clone()).await.is_err() {} }).await;
        process
    }

    fn client(&self) -> Replay {
        replay(&self.socket)
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Publishes `count` events, `at_once` at a time; answers the ids that were acknowledged, with the number published.
async fn publish_many(client: &Replay, count: usize, at_once: usize) -> Vec<(u64, usize)> {
    let publish = |n: usize| {
        let mut client = client.clone();
        async move {
            let request = PublishRequest { topic: "app:n".to_owned(), value: format!("{n}:{}", "x".repeat(90)) };
            client.publish(request).await.ok().map(|answer| (answer.into_inner().id, n))
        }
    };
    stream::iter(0..count).map(publish).buffer_unordered(at_once).filter_map(async |done| done).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_once_and_in_order_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path()).await;
    let client = process.client();
    let publishing = publish_many(&client, 10_000, 64);
    let killing = async {
        let (mut client, mut stored) = (process.client(), 0);
        while stored < 1000 {
            let answer = client.get_statistics(GetStatisticsRequest {}).await.unwrap();
            stored = answer.into_inner().events_stored;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        process.kill();
    };
    let (mut acknowledged, ()) = futures::join!(publishing, killing);
    acknowledged.sort_unstable();
    assert!(!acknowledged.is_empty() && acknowledged.len() < 10_000, "killed in the middle: {}", acknowledged.len());

    let process = Process::start(directory.path()).await;
    let last = store(&mut process.client(), "app:n", "last").await;
    assert!(last > acknowledged[acknowledged.len() - 1].0);
    let mut stream = follow(&mut process.client(), "app:", From::Earliest(Earliest {})).await;
    let mut found = Vec::new();
    loop {
        let event = event(&mut stream).await;
        if event.id == last {
            break;
        }
        found.push((event.id, event.value.split(':').next().unwrap().parse().unwrap()));
    }
    assert!(found.is_sorted_by(|left, right| left.0 < right.0), "in order, and once");
    found.retain(|event| acknowledged.binary_search(event).is_ok());
    assert_eq!(found, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_100_000_behind_catches_up_over_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = Process::start(directory.path()).await;
    let start = Instant::now();
    let mut ids: Vec<_> = publish_many(&process.client(), 100_000, 64).await.into_iter().map(|(id, _)| id).collect();
    let rate = 100_000.0 / start.elapsed().as_secs_f64();
    println!("{rate:.0} stored publishes a second, 64 at a time");
    ids.sort_unstable();
    assert_eq!(ids.len(), 100_000);
    let mut stream = follow(&mut process.client(), "app:", From::Earliest(Earliest {})).await;
    let mut seen = Vec::new();
    while seen.len() < 30_000 {
        seen.push(event(&mut stream).await.id);
    }
    process.kill();
    // What is still in the sockets counts as seen.
    while let Ok(Some(response)) = stream.message().await {
        if let Some(Message::Event(event)) = response.message {
            seen.push(event.id);
        }
    }
    let process = Process::start(directory.path()).await;
    let mut stream = follow(&mut process.client(), "app:", From::AfterId(seen[seen.len() - 1])).await;
    while let Message::Event(event) = said(&mut stream).await {
        seen.push(event.id);
    }
    assert!(seen == ids, "each once, in order: {} of {}", seen.len(), ids.len());
}
