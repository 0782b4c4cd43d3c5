//! From a tag's text to its parts.

mod rest;

use crate::{
    Family, Version,
    tag::{Parts, TagKind},
    version::PreRelease,
};

/// Names that are moved on purpose, alone or with `-variant` behind them.
const MOVING: [&str; 11] =
    ["latest", "stable", "main", "master", "develop", "dev", "edge", "nightly", "beta", "alpha", "rc"];

/// A bare number above this is a build's, not a version's.
const MAX_BARE_MAJOR: u64 = 100;

pub(crate) fn parse(text: &str) -> Parts {
    if let Some(variant) = moving(text) {
        return named(TagKind::Moving, variant);
    }
    let (prefix, body) = split_prefix(text);
    match parse_version(body) {
        Some(parts) => Parts { prefix: prefix.to_owned(), ..parts },
        None if is_hash(text) || is_hash(body) => named(TagKind::Hash, ""),
        None => named(TagKind::Other, ""),
    }
}

fn named(kind: TagKind, variant: &str) -> Parts {
    Parts { kind, prefix: String::new(), v: false, version: None, variant: variant.to_owned() }
}

/// The variant of a moving tag. `nightly-20240801` is no such tag: what follows is its version.
fn moving(text: &str) -> Option<&str> {
    MOVING.iter().find_map(|word| match text.strip_prefix(word)? {
        "" => Some(""),
        rest => rest.strip_prefix('-').filter(|variant| !begins_version(variant)),
    })
}

fn begins_version(text: &str) -> bool {
    text.strip_prefix(['v', 'V']).unwrap_or(text).starts_with(|first: char| first.is_ascii_digit())
}

/// Cuts off the words before the first part that begins like a version. Behind a dot only a plain word is one, so that
/// `php8.2` and `alpine3.18` stay whole.
fn split_prefix(text: &str) -> (&str, &str) {
    let mut start = 0;
    while !begins_version(&text[start..]) {
        let Some(end) = text[start..].find(['-', '_', '.']).map(|length| start + length) else { return ("", text) };
        let plain = text[start..end].bytes().all(|byte| byte.is_ascii_alphabetic());
        if text.as_bytes()[end] == b'.' && !plain {
            match text[end..].find(['-', '_']) {
                Some(length) => start = end + length + 1,
                None => return ("", text),
            }
        } else {
            start = end + 1;
        }
    }
    text.split_at(start)
}

fn parse_version(body: &str) -> Option<Parts> {
    let (v, digits) = match body.strip_prefix(['v', 'V']) {
        Some(digits) => (true, digits),
        None => (false, body),
    };
    let numbers = if v { None } else { date(digits) };
    let (numbers, rest) = match numbers {
        Some(found) => found,
        None if is_hash(body) => return None,
        None => dotted(digits)?,
    };
    let family = if v { Family::Counted } else { numbers.family };
    let rest = rest::parse(rest, family)?;
    let kind = match family {
        Family::Dated => TagKind::Date,
        Family::Counted if !v && numbers.stated == 1 && numbers.values[0] > MAX_BARE_MAJOR => TagKind::Number,
        Family::Counted => TagKind::Version,
    };
    let revisions = numbers.further.into_iter().chain(rest.revisions).collect();
    let version = Version {
        family,
        numbers: numbers.values,
        stated: numbers.stated,
        calendar_date: numbers.calendar_date,
        pre_release: rest.pre_release,
        revisions,
        build: rest.build,
    };
    Some(Parts { kind, prefix: String::new(), v, version: Some(version), variant: rest.variant })
}

struct Numbers {
    family: Family,
    values: [u64; 4],
    stated: usize,
    calendar_date: bool,
    /// The fifth number and those behind it.
    further: Vec<u64>,
}

/// Everything that may follow the numbers.
struct Rest {
    pre_release: Option<PreRelease>,
    revisions: Vec<u64>,
    build: Option<u64>,
    variant: String,
}

/// `YYYYMMDD` or `YYYY-M-D`, if there is such a day.
fn date(text: &str) -> Option<(Numbers, &str)> {
    let (year, rest) = digits(text)?;
    let (date, rest) = if year.len() == 8 {
        ((number(&year[..4])?, number(&year[4..6])?, number(&year[6..])?), rest)
    } else {
        let (month, rest) = digits(rest.strip_prefix('-')?)?;
        let (day, rest) = digits(rest.strip_prefix('-')?)?;
        if year.len() != 4 || month.len() > 2 || day.len() > 2 {
            return None;
        }
        ((number(year)?, number(month)?, number(day)?), rest)
    };
    let (year, month, day) = date;
    let numbers = Numbers {
        family: Family::Dated,
        values: [year, month, day, 0],
        stated: 3,
        calendar_date: true,
        further: Vec::new(),
    };
    (is_year(year) && (1..=days_in(year, month)).contains(&day)).then_some((numbers, rest))
}

fn dotted(text: &str) -> Option<(Numbers, &str)> {
    let (first, mut rest) = digits(text)?;
    let mut all = vec![number(first)?];
    while let Some((next, behind)) = rest.strip_prefix('.').and_then(digits) {
        // `1.0.0.1a2b`: the last number is the beginning of a word.
        if behind.starts_with(|next: char| next.is_ascii_alphabetic()) && !rest::begins_pre_release(behind) {
            return None;
        }
        all.push(number(next)?);
        rest = behind;
    }
    let further = all.split_off(all.len().min(4));
    let mut values = [0; 4];
    values[..all.len()].copy_from_slice(&all);
    let dated = first.len() == 4 && is_year(values[0]) && all.len() > 1;
    let family = if dated { Family::Dated } else { Family::Counted };
    Some((Numbers { family, values, stated: all.len(), calendar_date: false, further }, rest))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (length > 0).then(|| text.split_at(length))
}

/// Numbers that do not fit are no versions.
fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

const fn is_year(number: u64) -> bool {
    number >= 1970 && number < 2100
}

/// 0 for what is no month.
const fn days_in(year: u64, month: u64) -> u64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

/// 7 to 40 hexadecimal digits at the beginning, or behind `sha256-`, `sha1-`, `git-` or `sha-`.
fn is_hash(text: &str) -> bool {
    let hex = match text.split_once('-') {
        Some((word, hex))
            if word == "git" || word.strip_prefix("sha").is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit())) =>
        {
            hex
        }
        _ => text,
    };
    let length = hex.bytes().take_while(u8::is_ascii_hexdigit).count();
    let ends = hex.as_bytes().get(length).is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'.');
    let whole = hex.len() != text.len();
    ends && ((7..=40).contains(&length) || (whole && length == 64))
}

#[cfg(test)]
mod tests;
