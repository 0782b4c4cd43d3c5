//! The figures of the bus, which counts them itself, in the words of Prometheus.

use std::fmt::Write as _;

use homeport_proto::bus::v1::{GetStatisticsResponse, Histogram};

const PUBLISH_SECONDS: &str = "homeport_bus_publish_duration_seconds";

/// Everything that the bus tells of itself.
pub(crate) fn text(figures: &GetStatisticsResponse) -> String {
    let counters = [
        ("events_in_total", "Events published.", figures.events_in),
        ("events_out_total", "Events put into subscribers' queues, or read for them again.", figures.events_out),
        ("dropped_total", "Events that subscribers missed because they did not read.", figures.dropped),
        ("oversize_total", "Events larger than a subscriber takes, once for each.", figures.oversize),
        ("denied_total", "Publishes and subscriptions that their socket does not have.", figures.denied),
        ("unknown_protocol_total", "Connections closed because they spoke neither protocol.", figures.unknown_protocol),
        ("stored_total", "Events put on disk.", figures.events_stored),
        ("not_stored_total", "Events of kept topics that never got to the disk.", figures.events_not_stored),
    ];
    let gauges = [
        ("subscribers", "Subscriptions.", figures.subscribers),
        ("queue_depth", "Events that wait for subscribers.", figures.queue_depth),
        ("store_queue_depth", "Events that wait for the disk.", figures.store_queue_depth),
        ("disk_bytes", "Bytes of events on disk.", figures.bytes_on_disk),
        ("last_id", "Id of the newest event.", figures.last_id),
    ];
    let mut text = String::new();
    for (kind, rows) in [("counter", &counters[..]), ("gauge", &gauges[..])] {
        for (name, help, value) in rows {
            head(&mut text, &format!("homeport_bus_{name}"), kind, help);
            // Writing to a string cannot fail, here and below.
            writeln!(text, "homeport_bus_{name} {value}").ok();
        }
    }
    if let Some(latency) = &figures.publish_latency {
        histogram(&mut text, latency);
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
}

fn histogram(text: &mut String, latency: &Histogram) {
    head(text, PUBLISH_SECONDS, "histogram", "Time until an acknowledged publish is answered.");
    for bucket in &latency.buckets {
        let bound = bucket.upper_bound_seconds;
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        writeln!(text, "{PUBLISH_SECONDS}_bucket{{le=\"{bound}\"}} {}", bucket.count).ok();
    }
    writeln!(text, "{PUBLISH_SECONDS}_sum {}\n{PUBLISH_SECONDS}_count {}", latency.sum_seconds, latency.count).ok();
}

#[cfg(test)]
mod tests {
    use homeport_proto::bus::v1::Bucket;

    use super::*;

    #[test]
    fn figures_and_buckets_have_a_line_each() {
        let bucket = |upper_bound_seconds, count| Bucket { upper_bound_seconds, count };
        let latency =
            Histogram { buckets: vec![bucket(0.005, 2), bucket(f64::INFINITY, 3)], count: 3, sum_seconds: 1.5 };
        let figures =
            GetStatisticsResponse { events_in: 7, publish_latency: Some(latency), ..GetStatisticsResponse::default() };
        let text = text(&figures);
        for line in [
            "# TYPE homeport_bus_events_in_total counter",
            "homeport_bus_events_in_total 7",
            "# TYPE homeport_bus_subscribers gauge",
            "homeport_bus_publish_duration_seconds_bucket{le=\"0.005\"} 2",
            "homeport_bus_publish_duration_seconds_bucket{le=\"+Inf\"} 3",
            "homeport_bus_publish_duration_seconds_sum 1.5",
            "homeport_bus_publish_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
