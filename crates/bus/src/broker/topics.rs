//! How much is published to which topic.

use std::collections::HashMap;

use crate::broker::Published;

/// Topics that are counted on their own. Whoever makes up topics by the million costs no more than this.
const TOPICS_MAX: usize = 4096;
/// Seconds over which a rate is taken.
const WINDOW: i64 = 10;

/// What was published to one topic since the bus started.
#[derive(Debug, Clone, Default)]
pub struct TopicCount {
    /// Events.
    pub events: u64,
    /// Bytes of topics and values.
    pub bytes: u64,
    /// When the last one was published, in milliseconds since 1970.
    pub last_ms: i64,
    window: i64,
    current: u64,
    previous: u64,
}

impl TopicCount {
    fn add(&mut self, event: &Published) {
        self.turn(event.time_ms);
        self.current += 1;
        self.events += 1;
        self.bytes += (event.topic.len() + event.value.len()) as u64;
        self.last_ms = event.time_ms;
    }

    fn turn(&mut self, now_ms: i64) {
        let window = now_ms / (WINDOW * 1000);
        if window != self.window {
            self.previous = if window == self.window + 1 { self.current } else { 0 };
            (self.window, self.current) = (window, 0);
        }
    }

    /// Events a second in the last ten.
    #[expect(clippy::cast_precision_loss, reason = "events of twenty seconds are far fewer than a mantissa holds")]
    pub fn rate(&self, now_ms: i64) -> f64 {
        let mut turned = self.clone();
        turned.turn(now_ms);
        let into = (now_ms % (WINDOW * 1000)) as f64 / (WINDOW * 1000) as f64;
        (turned.previous as f64 * (1.0 - into) + turned.current as f64) / WINDOW as f64
    }
}

#[derive(Debug, Default)]
pub(crate) struct Topics(HashMap<String, TopicCount>);

impl Topics {
    pub(crate) fn count(&mut self, event: &Published) {
        if let Some(count) = self.0.get_mut(&event.topic) {
            count.add(event);
        } else if self.0.len() < TOPICS_MAX {
            self.0.entry(event.topic.clone()).or_default().add(event);
        }
    }

    /// Those that begin with a prefix, by name.
    pub(crate) fn list(&self, prefix: &str) -> Vec<(String, TopicCount)> {
        let matching = self.0.iter().filter(|(topic, _)| topic.starts_with(prefix));
        let mut topics: Vec<_> = matching.map(|(topic, count)| (topic.clone(), count.clone())).collect();
        topics.sort_by(|left, right| left.0.cmp(&right.0));
        topics
    }
}
