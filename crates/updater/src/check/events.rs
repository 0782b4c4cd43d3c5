//! What a check tells the bus.

use homeport_bus_client::Publisher;
use serde::Serialize;

/// Topic of [`Progress`].
const PROGRESS: &str = "update:check";

/// Topic of [`Finished`].
const FINISHED: &str = "update:container";

/// How far a check is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// `discovering`, `discovered`, `checking`, `checked` or `complete`.
    pub stage: &'static str,
    /// Containers to check.
    pub total: usize,
    /// Containers that have been checked.
    pub checked: usize,
    /// 0 to 100.
    pub percent: usize,
    /// The container that this is about. Empty: all of them.
    pub container_name: String,
    /// In words.
    pub message: String,
}

/// A check has put new results into the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// Always `background_checker`.
    pub source: &'static str,
    /// Containers that were checked.
    pub container_count: usize,
    /// Seconds since 1970.
    pub timestamp: i64,
}

/// Where these go.
pub trait CheckEvents: Send + Sync + 'static {
    /// Tells how far a check is, or drops it.
    fn progress(&self, progress: &Progress);

    /// Tells that there are new results, or drops it.
    fn finished(&self, finished: &Finished);
}

impl CheckEvents for Publisher {
    fn progress(&self, progress: &Progress) {
        self.publish(PROGRESS, progress);
    }

    fn finished(&self, finished: &Finished) {
        self.publish(FINISHED, finished);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s4_checks_are_told_with_the_keys_that_clients_know() {
        let progress = Progress {
            stage: "checked",
            total: 4,
            checked: 1,
            percent: 25,
            container_name: "web".to_owned(),
            message: "Checked web".to_owned(),
        };
        let expected = json!({
            "stage": "checked", "total": 4, "checked": 1, "percent": 25, "container_name": "web", "message": "Checked web",
        });
        assert_eq!(serde_json::to_value(&progress).unwrap(), expected);
        let finished = Finished { source: "background_checker", container_count: 4, timestamp: 7 };
        let expected = json!({ "source": "background_checker", "container_count": 4, "timestamp": 7 });
        assert_eq!(serde_json::to_value(&finished).unwrap(), expected);
    }
}
