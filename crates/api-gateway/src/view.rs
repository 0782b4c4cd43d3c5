//! Times and durations as clients read them.

use std::time::Duration;

use homeport_proto::docker::v1::ContainerState;
use jiff::Timestamp;
use serde_json::Value;

/// RFC 3339 with milliseconds: clients compare these times with their own clocks. `None` for a time that no calendar has.
pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> Option<String> {
    timestamp(time?).map(text)
}

/// Seconds since 1970.
pub(crate) fn unix(time: Option<&prost_types::Timestamp>) -> Option<i64> {
    time.map(|time| time.seconds)
}

/// A time as text.
pub(crate) fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn timestamp(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

/// Reads RFC 3339. `None` for anything else.
pub(crate) fn parse_time(text: &str) -> Option<prost_types::Timestamp> {
    let time: Timestamp = text.parse().ok()?;
    Some(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

/// Reads seconds since 1970, with or without a fraction. `None` for anything else.
pub(crate) fn parse_unix(text: &str) -> Option<prost_types::Timestamp> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || fraction.len() > 9 || !is_number(seconds) || !is_number(fraction) {
        return None;
    }
    Some(prost_types::Timestamp { seconds: seconds.parse().ok()?, nanos: format!("{fraction:0<9}").parse().ok()? })
}

/// A duration as Go writes it: `1h0m0s`, `5m0s`, `1.5s`, `300ms`.
pub(crate) fn go_duration(duration: &prost_types::Duration) -> String {
    let Ok(duration) = Duration::try_from(*duration) else { return "0s".to_owned() };
    if duration < Duration::from_secs(1) {
        return if duration.is_zero() { "0s".to_owned() } else { format!("{}ms", duration.as_millis()) };
    }
    let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
    let seconds = Duration::new(duration.as_secs() % 60, duration.subsec_nanos()).as_secs_f64();
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Reads a duration as Go writes it; a number without a unit is seconds. `None` for anything else.
pub(crate) fn parse_go_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (amount, after) = rest.split_at(number);
        let unit = after.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(after.len());
        let seconds = match &after[..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(amount.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = &after[unit..];
    }
    (!text.is_empty()).then_some(total)
}

/// The engine's word for what a container is doing.
pub(crate) const fn state(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Unspecified => "unknown",
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "removing",
        ContainerState::Exited => "exited",
        ContainerState::Dead => "dead",
    }
}

/// What else is known of an entry of the record: JSON, or what a service said in words.
pub(crate) fn details(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { serde_json::from_str(text).unwrap_or_else(|_| text.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        let time_of = |seconds, nanos| time(Some(&prost_types::Timestamp { seconds, nanos }));
        assert_eq!(time_of(1_784_800_000, 0).unwrap(), "2026-07-23T09:46:40.000Z");
        assert_eq!(time_of(0, 123_456_789).unwrap(), "1970-01-01T00:00:00.123Z");
        assert_eq!(time_of(i64::MAX, 0), None);
        assert_eq!(
            parse_time("2026-07-23T11:46:40.5+02:00").map(|time| (time.seconds, time.nanos)),
            Some((1_784_800_000, 500_000_000))
        );
        assert_eq!(parse_time("yesterday"), None);
        let unix = |text| parse_unix(text).map(|time| (time.seconds, time.nanos));
        assert_eq!((unix("1784800000"), unix("7.05")), (Some((1_784_800_000, 0)), Some((7, 50_000_000))));
        assert_eq!(["", "-1", "1e3", "1.0000000001", ".5"].map(unix), [None; 5]);
    }

    #[test]
    fn durations_are_written_and_read_as_in_go() {
        let cases = [
            (0, "0s"),
            (300, "300ms"),
            (1_500, "1.5s"),
            (300_000, "5m0s"),
            (3_600_000, "1h0m0s"),
            (3_661_000, "1h1m1s"),
        ];
        for (milliseconds, text) in cases {
            let duration = Duration::from_millis(milliseconds);
            assert_eq!(go_duration(&prost_types::Duration::try_from(duration).unwrap()), text);
            assert_eq!(parse_go_duration(text), Some(duration));
        }
        assert_eq!(parse_go_duration("30"), Some(Duration::from_secs(30)));
        for text in ["", "x", "-1s", "1y", "s"] {
            assert_eq!(parse_go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn details_are_json_or_words() {
        let check = |text: &str, expected: Value| assert_eq!(details(text), expected);
        check("", Value::Null);
        check(r#"{"count":3}"#, serde_json::json!({ "count": 3 }));
        check("no; told on the bus by docker-agent", "no; told on the bus by docker-agent".into());
    }
}
