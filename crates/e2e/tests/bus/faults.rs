//! Readers that fail, and a disk that is full.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use homeport_e2e::binary;
use homeport_proto::bus::v1::{Live, PublishRequest, cursor::From};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;

use crate::{
    bus::{Bus, next, publish},
    replay::{event, follow, store},
    soon,
};

/// Waits until there are this many subscribers.
async fn subscribers(bus: &Bus, count: u64) {
    soon(async { while bus.statistics().await.subscribers != count {} }).await;
}

#[tokio::test]
async fn a_reader_that_is_killed_is_forgotten_at_once() {
    let bus = Bus::start();
    let (mut healthy, mut reports) = (bus.subscribe("n").await, bus.subscribe("bus:dropped").await);
    let mut reader = Command::new(binary("sprbus"));
    reader.args(["-j", "-t", "n", "-timeout", "0"]).env("HOMEPORT_STATE", bus.state(""));
    let mut reader = reader.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    subscribers(&bus, 3).await;
    reader.kill().unwrap();
    reader.wait().unwrap();
    subscribers(&bus, 2).await;
    let mut client = bus.client();
    for n in 0..1000 {
        publish(&mut client, "n", &n.to_string()).await.unwrap();
        assert_eq!(next(&mut healthy).await.1, n.to_string());
    }
    let report = tokio::time::timeout(Duration::from_millis(300), reports.message()).await;
    assert!(report.is_err(), "an event was queued for the one who is gone: {report:?}");
}

/// The kernel makes room for more once a whole buffer was read, which takes such a reader hours.
#[tokio::test]
async fn a_reader_of_one_byte_a_second_delays_nobody_and_stays_until_its_queue_is_full() {
    let stall_limit = Duration::from_secs(1);
    let bus = Bus::start_with(&[
        ("HOMEPORT_BUS__SUBSCRIBER__STALL_LIMIT_MS", "1000"),
        ("HOMEPORT_BUS__SUBSCRIBER__QUEUE_EVENTS", "1024"),
    ]);
    let mut slow = tokio::net::UnixStream::connect(bus.socket()).await.unwrap();
    slow.write_all(b"{\"topic\":\"subscribe:n\"}\n").await.unwrap();
    subscribers(&bus, 1).await;
    let (mut healthy, mut client) = (bus.subscribe("n").await, bus.client());
    let reading = async {
        while slow.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let publishing = async {
        let value = "x".repeat(1000);
        // More than the kernel takes, and less than the queue besides.
        for _ in 0..1000 {
            publish(&mut client, "n", &value).await.unwrap();
            next(&mut healthy).await;
        }
        tokio::time::sleep(3 * stall_limit).await;
        assert_eq!(bus.statistics().await.subscribers, 2, "its queue has room");
        for _ in 0..1000 {
            publish(&mut client, "n", &value).await.unwrap();
            next(&mut healthy).await;
        }
        subscribers(&bus, 1).await;
    };
    tokio::select! {
        () = reading => panic!("what the kernel holds takes minutes"),
        () = publishing => {}
    }
}

/// A small file system in memory at a directory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(directory: &Path) -> Self {
        std::fs::create_dir_all(directory).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        assert!(Command::new("mount").args(mount).arg(directory).status().unwrap().success(), "it needs root");
        Self(directory.to_owned())
    }

    /// Leaves no room.
    fn fill(&self) {
        // Ends with an error, as it should.
        drop(std::fs::write(self.0.join("filler"), vec![0; 4 << 20]));
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_it_cannot_keep_and_delivers_the_rest() {
    let mut bus = Bus::start();
    bus.stop();
    let disk = SmallDisk::mount(&bus.state("api/bus"));
    bus.restart();
    let (mut live, mut reports) = (bus.subscribe("app:").await, bus.subscribe("bus:store").await);
    let mut stored = follow(&mut bus.replay(), "app:", From::Live(Live {})).await;
    let before = store(&mut bus.replay(), "app:t", "before").await;
    assert_eq!(next(&mut live).await.1, "before");
    assert_eq!(event(&mut stored).await.id, before);

    disk.fill();
    let large = PublishRequest { topic: "app:t".to_owned(), value: "x".repeat(200_000) };
    let refused = soon(bus.replay().publish(large.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert!(refused.message().contains("disk"), "{refused}");
    assert!(next(&mut reports).await.1.contains("failing"));
    assert_eq!(next(&mut live).await.1.len(), 200_000, "the one that found out was delivered");
    for _ in 0..3 {
        let refused = soon(bus.replay().publish(large.clone())).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    }
    // Events that nobody needs on disk go on.
    bus.publish("app:t", "only delivered").await;
    assert_eq!(next(&mut live).await.1, "only delivered", "what was refused was not delivered again and again");

    disk.make_room();
    assert!(next(&mut reports).await.1.contains("ok"));
    let after = store(&mut bus.replay(), "app:t", "after").await;
    assert_eq!(next(&mut live).await.1, "after");
    let mut again = follow(&mut bus.replay(), "app:", From::AfterId(after - 1)).await;
    assert_eq!(event(&mut again).await.value, "after");
    bus.stop();
}
