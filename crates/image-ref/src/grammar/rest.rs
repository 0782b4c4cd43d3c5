//! What stands behind the numbers of a version: pre-release, revisions, build, variant.

use super::{Rest, digits, number};
use crate::{
    Family,
    variant::is_distribution,
    version::{PreRelease, Stage},
};

/// Words that begin a pre-release. A longer word stands before one that it begins with.
const STAGES: [(&str, Stage); 7] = [
    ("alpha", Stage::Alpha),
    ("beta", Stage::Beta),
    ("canary", Stage::Canary),
    ("dev", Stage::Dev),
    ("preview", Stage::Preview),
    ("pre", Stage::Preview),
    ("rc", Stage::Candidate),
];

/// Abbreviations that count only with a number glued to both sides, as in `3.13.0b2`.
const GLUED_STAGES: [(&str, Stage); 2] = [("a", Stage::Alpha), ("b", Stage::Beta)];

/// Reads the rest, or says that the whole is no version because a word is glued to the number.
pub(super) fn parse(text: &str, family: Family) -> Option<Rest> {
    let mut rest = Rest { pre_release: None, revisions: Vec::new(), build: None, variant: String::new() };
    let mut text = text;
    if family == Family::Dated
        && let Some((time, behind)) = time(text)
    {
        rest.revisions.push(time);
        text = behind;
    }
    if text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        let glued = text.split(['-', '_', '+']).next().unwrap_or(text);
        rest.pre_release = Some(glued_pre_release(glued)?);
        text = &text[glued.len()..];
    }
    for segment in text.split(['-', '_', '+']) {
        rest.add(segment.trim_matches('.'));
    }
    Some(rest)
}

/// Whether the text that is glued to a number begins a pre-release.
pub(super) fn begins_pre_release(text: &str) -> bool {
    glued_pre_release(text.split(['-', '_', '+']).next().unwrap_or(text)).is_some()
}

impl Rest {
    fn add(&mut self, segment: &str) {
        let first = self.variant.is_empty() && self.revisions.is_empty();
        if segment.is_empty() || is_hash(segment) {
            return;
        }
        if let Some(number) = counted(segment, "ls") {
            self.build = Some(number);
        } else if let Some(number) = counted(segment, "r") {
            self.revisions.push(number);
        } else if let Some(numbers) = dotted_numbers(segment) {
            self.add_numbers(segment, numbers);
        } else if let Some(found) = pre_release(segment).filter(|_| first && self.pre_release.is_none()) {
            self.pre_release = Some(found);
        } else {
            self.add_variant(segment);
        }
    }

    /// `debian-12` is a variant, `rc-1` a pre-release, and any other number a revision.
    fn add_numbers(&mut self, segment: &str, numbers: Vec<u64>) {
        let last_word = self.variant.rsplit('-').next().unwrap_or("");
        if is_distribution(last_word) && numbers.iter().all(|number| *number < 1000) {
            self.add_variant(segment);
            return;
        }
        match &mut self.pre_release {
            Some(pre_release) if pre_release.numbers.is_empty() => pre_release.numbers = numbers,
            _ => self.revisions.extend(numbers),
        }
    }

    fn add_variant(&mut self, segment: &str) {
        if !self.variant.is_empty() {
            self.variant.push('-');
        }
        self.variant.push_str(segment);
    }
}

/// A word and at most a number: `rc`, `rc1`, `rc.1`, `beta.2.1`.
fn pre_release(segment: &str) -> Option<PreRelease> {
    let lower = segment.to_ascii_lowercase();
    let (stage, rest) = STAGES.iter().find_map(|(word, stage)| Some((*stage, lower.strip_prefix(word)?)))?;
    let numbers = if rest.is_empty() { Vec::new() } else { dotted_numbers(rest.strip_prefix('.').unwrap_or(rest))? };
    Some(PreRelease { stage, numbers })
}

fn glued_pre_release(text: &str) -> Option<PreRelease> {
    pre_release(text).or_else(|| {
        let lower = text.to_ascii_lowercase();
        GLUED_STAGES.iter().find_map(|(word, stage)| {
            let number = number(lower.strip_prefix(word)?)?;
            Some(PreRelease { stage: *stage, numbers: vec![number] })
        })
    })
}

/// `word` and a number, nothing else.
fn counted(segment: &str, word: &str) -> Option<u64> {
    segment.strip_prefix(word).and_then(number)
}

fn dotted_numbers(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| number(part)).flatten()).collect()
}

/// The time behind a date: `T16-07-38Z`.
fn time(text: &str) -> Option<(u64, &str)> {
    let (hour, rest) = digits(text.strip_prefix('T')?)?;
    let (minute, rest) = digits(rest.strip_prefix('-')?)?;
    let (second, rest) = digits(rest.strip_prefix('-')?)?;
    let time = number(hour)? * 10_000 + number(minute)? * 100 + number(second)?;
    (hour.len() == 2 && minute.len() == 2 && second.len() == 2).then(|| (time, rest.strip_prefix('Z').unwrap_or(rest)))
}

/// A commit: at least 7 hexadecimal digits, a letter among them, or `g` and as many.
fn is_hash(segment: &str) -> bool {
    let hex = |text: &str| (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let decimal = segment.bytes().all(|byte| byte.is_ascii_digit());
    !decimal && (hex(segment) || segment.strip_prefix('g').is_some_and(hex))
}
