//! Times for people, and lengths of time from them.

use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long ago, or the day when that says more. The time zone is UTC: a static binary knows no other.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    match at.duration_until(now).as_secs() {
        past @ 0..MINUTE => format!("{past} s ago"),
        past @ MINUTE..HOUR => format!("{} min ago", past / MINUTE),
        past @ HOUR..DAY => format!("{} h ago", past / HOUR),
        past @ 0..604_800 => format!("{} d ago", past / DAY),
        _ => at.strftime("%Y-%m-%d").to_string(),
    }
}

/// How soon, or the day when that says more.
pub(crate) fn until(at: Timestamp, now: Timestamp) -> String {
    match now.duration_until(at).as_secs() {
        ..=0 => "now".to_owned(),
        left @ 1..MINUTE => format!("in {left} s"),
        left @ MINUTE..HOUR => format!("in {} min", left / MINUTE),
        left @ HOUR..DAY => format!("in {} h", left / HOUR),
        _ => at.strftime("%Y-%m-%d").to_string(),
    }
}

/// Reads `90s`, `15m`, `12h`, `30d`, `8w`.
pub(crate) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let problem = || format!("{text:?} is no length of time; write it like 12h, 30d or 8w");
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(problem)?;
    let (number, unit) = text.split_at(end);
    let number: i64 = number.parse().map_err(|_| problem())?;
    let unit = match unit {
        "s" => 1,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(problem()),
    };
    number.checked_mul(unit).filter(|seconds| *seconds > 0).map(SignedDuration::from_secs).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn distances() {
        for (seconds, past, future) in [
            (0, "0 s ago", "now"),
            (59, "59 s ago", "in 59 s"),
            (60, "1 min ago", "in 1 min"),
            (7200, "2 h ago", "in 2 h"),
            (3 * 86_400, "3 d ago", "2027-01-18"),
            (30 * 86_400, "2026-12-16", "2027-02-14"),
        ] {
            let distance = SignedDuration::from_secs(seconds);
            assert_eq!(ago(NOW - distance, NOW), past);
            assert_eq!(until(NOW + distance, NOW), future);
        }
        assert_eq!(ago(NOW + SignedDuration::from_secs(5), NOW), "2027-01-15", "a clock that runs ahead");
    }

    #[test]
    fn lengths() {
        assert_eq!(parse_duration("30d").unwrap().as_secs(), 30 * 86_400);
        assert_eq!(parse_duration("2w").unwrap().as_secs(), 14 * 86_400);
        for text in ["", "30", "d", "-1d", "0d", "1y", "99999999999999999999d", "9223372036854775807w"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
