//! The headers in which registries tell what they allow.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// A reset that is larger than this is a time, not a duration: seconds since 1970 rather than from now.
const LARGEST_DURATION: u64 = 1_000_000_000;

/// What a registry says of longer times is not believed: a mistake of its own would leave its images unasked for years.
const LONGEST: Duration = Duration::from_hours(24);

/// So many seconds that a registry names, a day at most.
pub(in crate::registry) fn believed(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST)
}

/// What an answer says about the allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) struct Limits {
    /// Requests in a window.
    pub(in crate::registry) limit: u32,
    /// Of those, how many are left.
    pub(in crate::registry) remaining: u32,
    /// Length of the window.
    pub(in crate::registry) window: Option<Duration>,
    /// Until the window ends.
    pub(in crate::registry) reset: Option<Duration>,
}

/// Reads `RateLimit-Limit` and `-Remaining` with Docker Hub's `;w=` in them, the same with `X-` before, or all in one
/// `RateLimit`, as later drafts of that header have it.
pub(in crate::registry) fn read(headers: &HeaderMap) -> Option<Limits> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let either = |name: &str| text(&format!("ratelimit-{name}")).or_else(|| text(&format!("x-ratelimit-{name}")));
    if let (Some(limit), Some(remaining)) = (either("limit"), either("remaining")) {
        return Some(Limits {
            limit: first_number(limit)?,
            remaining: first_number(remaining)?,
            window: window(limit).or_else(|| window(remaining)),
            reset: either("reset").and_then(reset),
        });
    }
    combined(text("ratelimit")?)
}

/// `100;w=21600`, or several policies of which the first counts.
fn first_number(text: &str) -> Option<u32> {
    text.split([';', ',']).next()?.trim().parse().ok()
}

fn window(text: &str) -> Option<Duration> {
    let seconds = text.split(';').find_map(|part| part.trim().strip_prefix("w="))?;
    seconds.split(',').next()?.trim().parse().ok().map(believed)
}

fn reset(text: &str) -> Option<Duration> {
    let seconds: u64 = text.trim().parse().ok()?;
    if seconds < LARGEST_DURATION {
        return Some(believed(seconds));
    }
    let at = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(until(at))
}

/// How long it is until a moment that a registry names, a day at most.
pub(in crate::registry) fn until(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or_default().min(LONGEST)
}

/// `limit=100, remaining=50, reset=30`.
fn combined(text: &str) -> Option<Limits> {
    let field = |name: &str| {
        let pair =
            |part: &str| part.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
        text.split([',', ';']).find_map(pair)
    };
    Some(Limits {
        limit: field("limit")?.parse().ok()?,
        remaining: field("remaining")?.parse().ok()?,
        window: None,
        reset: field("reset").as_deref().and_then(reset),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &'static str)], expected: Option<(u32, u32, Option<u64>, Option<u64>)>) {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let seconds = |duration: Option<Duration>| duration.map(|duration| duration.as_secs());
        let found =
            read(&headers).map(|found| (found.limit, found.remaining, seconds(found.window), seconds(found.reset)));
        assert_eq!(found, expected, "{headers:?}");
    }

    #[test]
    fn every_spelling_is_read() {
        let hub = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")];
        check(&hub, Some((100, 76, Some(21_600), None)));
        let api = [("x-ratelimit-limit", "180"), ("x-ratelimit-remaining", "179"), ("x-ratelimit-reset", "60")];
        check(&api, Some((180, 179, None, Some(60))));
        check(&[("ratelimit", "limit=10, remaining=9, reset=5")], Some((10, 9, None, Some(5))));
        let absurd = [("ratelimit-limit", "1;w=18446744073709551615"), ("ratelimit-remaining", "0")];
        check(&absurd, Some((1, 0, Some(86_400), None)));
        let far = [("ratelimit-limit", "1"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "32503680000")];
        check(&far, Some((1, 0, None, Some(86_400))));
        let past = [("ratelimit-limit", "1"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "1600000000")];
        check(&past, Some((1, 0, None, Some(0))));
        for nothing in [("ratelimit-limit", "100"), ("ratelimit", "soon"), ("x-other", "1")] {
            check(&[nothing], None);
        }
    }
}
