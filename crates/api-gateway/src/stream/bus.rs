//! The gateway's one subscription of the bus.

use std::sync::Arc;

use futures::StreamExt as _;
use homeport_bus_client::{Event, Notice, watch};
use homeport_service::Context;
use serde::Deserialize;

use super::Hub;
use crate::metrics;

/// Feeds the hub until the gateway drains.
pub(crate) fn follow(context: &Context, hub: Arc<Hub>) {
    let mut notices = watch(context.paths().socket("bus"), String::new());
    let drain = context.drain().clone();
    context.spawn("bus", async move {
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                notice = notices.next() => match notice {
                    Some(notice) => hand_over(&hub, notice),
                    None => return,
                },
            }
        }
    });
}

fn hand_over(hub: &Hub, notice: Notice) {
    match notice {
        Notice::Connected => tracing::info!("following the bus"),
        Notice::Event(Event { topic, value }) => {
            metrics::count_event(&topic);
            let transient = is_transient(&topic, &value);
            hub.publish(topic, value, transient);
        }
        Notice::Lost(reason) => {
            metrics::count_bus_loss();
            tracing::warn!(reason, "the bus is away; events are missed until it is back");
            hub.interrupted();
        }
    }
}

/// Whether a later event makes this one superfluous: progress, except for the last word on an operation.
fn is_transient(topic: &str, value: &str) -> bool {
    #[derive(Deserialize)]
    struct Progress<'a> {
        #[serde(borrow)]
        stage: std::borrow::Cow<'a, str>,
    }
    if !matches!(topic, "update:progress" | "update:check") {
        return false;
    }
    serde_json::from_str::<Progress<'_>>(value)
        .is_ok_and(|progress| !matches!(progress.stage.as_ref(), "complete" | "failed"))
}

#[cfg(test)]
mod tests {
    use super::is_transient;

    #[test]
    fn the_last_word_is_kept() {
        assert!(is_transient("update:progress", r#"{"stage":"pulling_image","progress":30}"#));
        assert!(is_transient("update:check", r#"{"stage":"checking"}"#));
        assert!(!is_transient("update:progress", r#"{"stage":"failed"}"#));
        assert!(!is_transient("update:container", r#"{"stage":"checking"}"#));
        assert!(!is_transient("update:progress", "no JSON"));
    }
}
