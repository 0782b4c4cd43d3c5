//! Where in the past to begin, the way people say it.

use std::{str::FromStr, time::Duration};

use jiff::{Span, SpanRelativeTo, Timestamp};

use crate::Cursor;

/// A place in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Behind the event with this id.
    Id(u64),
    /// With what is this old.
    Age(Duration),
}

/// The text is neither an id nor an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an age such as 90s, 10m, 2h or 1d, nor the id of an event")]
pub struct NotSince;

impl FromStr for Since {
    type Err = NotSince;

    /// Reads `4711`, `90s`, `1h30m`, `2d`.
    fn from_str(text: &str) -> Result<Self, NotSince> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        let span: Span = text.parse().map_err(|_| NotSince)?;
        let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| NotSince)?;
        Duration::try_from(age).map(Self::Age).map_err(|_| NotSince)
    }
}

impl Since {
    /// The cursor for that, seen from `now`.
    pub fn cursor(self, now: Timestamp) -> Cursor {
        match self {
            Self::Id(id) => Cursor::After(id),
            Self::Age(age) => Cursor::Time(now.saturating_sub(age).unwrap_or(Timestamp::MIN).as_millisecond()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_an_age_or_an_id() {
        let age = |seconds| Some(Since::Age(Duration::from_secs(seconds)));
        let cases = [
            ("4711", Some(Since::Id(4711))),
            ("0", Some(Since::Id(0))),
            ("90s", age(90)),
            ("1h30m", age(5_400)),
            ("7d", age(604_800)),
            ("", None),
            ("h", None),
            ("10x", None),
            ("1h30", None),
            ("-5m", None),
            ("1 month", None),
            ("999999999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }

    #[test]
    fn an_age_ends_now() {
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(Since::Age(Duration::from_secs(90)).cursor(now), Cursor::Time(910_000));
        assert_eq!(Since::Id(7).cursor(now), Cursor::After(7));
        assert_eq!(Since::Age(Duration::MAX).cursor(now), Cursor::Time(Timestamp::MIN.as_millisecond()));
    }
}
