//! `-since`: events from before.

use crate::{Bus, soon};

#[tokio::test]
async fn events_from_before_come_first() {
    let bus = Bus::start().await;
    for number in 1..=3 {
        bus.publish("a:b", &number.to_string()).await;
    }
    bus.publish("other", "0").await;
    for since in ["0", "10m"] {
        let mut follower =
            bus.sprbus(&["-t", "a:b,a:live", "-j", "-raw", "-timeout", "0", "--since", since]).spawn().unwrap();
        let lines = tokio::io::BufReader::new(follower.stdout.take().unwrap());
        let mut lines = tokio::io::AsyncBufReadExt::lines(lines);
        for number in 1..=3 {
            let line = soon(lines.next_line()).await.unwrap().unwrap();
            assert_eq!(line, format!(r#"{{"Topic": "a:b", "Value": {number}}}"#), "since {since}");
        }
        bus.publish("a:live", "4").await;
        assert_eq!(soon(lines.next_line()).await.unwrap().unwrap(), r#"{"Topic": "a:live", "Value": 4}"#);
    }
}
