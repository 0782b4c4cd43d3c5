//! The figures of the bus, which counts them itself, in the words of Prometheus.

use std::fmt::Write as _;

use homeport_proto::bus::v1::{GetStatisticsResponse, Protocol, PublishLatency};

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
    head(
        &mut text,
        PUBLISH_SECONDS,
        "histogram",
        "Time until a publish is acknowledged, or in the queues where nobody is told.",
    );
    for latency in &figures.publish_latencies {
        histogram(&mut text, latency);
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
}

fn histogram(text: &mut String, latency: &PublishLatency) {
    let Some(taken) = &latency.taken else { return };
    let protocol = match latency.protocol() {
        Protocol::Pubservice => "pubservice",
        Protocol::JsonLines => "json",
        Protocol::Homeport => "homeport",
        Protocol::Unspecified => return,
    };
    for bucket in &taken.buckets {
        let bound = bucket.upper_bound_seconds;
        let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        writeln!(text, "{PUBLISH_SECONDS}_bucket{{protocol=\"{protocol}\",le=\"{bound}\"}} {}", bucket.count).ok();
    }
    for (name, value) in [("sum", taken.sum_seconds.to_string()), ("count", taken.count.to_string())] {
        writeln!(text, "{PUBLISH_SECONDS}_{name}{{protocol=\"{protocol}\"}} {value}").ok();
    }
}

#[cfg(test)]
mod tests {
    use homeport_proto::bus::v1::{Bucket, Histogram};

    use super::*;

    #[test]
    fn figures_and_buckets_have_a_line_each() {
        let bucket = |upper_bound_seconds, count| Bucket { upper_bound_seconds, count };
        let taken = Histogram { buckets: vec![bucket(0.005, 2), bucket(f64::INFINITY, 3)], count: 3, sum_seconds: 1.5 };
        let latency = PublishLatency { protocol: Protocol::JsonLines.into(), taken: Some(taken) };
        let figures = GetStatisticsResponse {
            events_in: 7,
            publish_latencies: vec![latency],
            ..GetStatisticsResponse::default()
        };
        let text = text(&figures);
        for line in [
            "# TYPE homeport_bus_events_in_total counter",
            "homeport_bus_events_in_total 7",
            "# TYPE homeport_bus_subscribers gauge",
            "homeport_bus_publish_duration_seconds_bucket{protocol=\"json\",le=\"0.005\"} 2",
            "homeport_bus_publish_duration_seconds_bucket{protocol=\"json\",le=\"+Inf\"} 3",
            "homeport_bus_publish_duration_seconds_sum{protocol=\"json\"} 1.5",
            "homeport_bus_publish_duration_seconds_count{protocol=\"json\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
