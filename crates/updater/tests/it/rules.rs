//! What is newer, rule by rule: the tables are named after the sections of the API's contract that they show.
//!
//! Every row goes through [`explain`], which decides with the code of the checker itself. A row reads: the image that
//! runs, the tags of its repository, the labels on the container, and what comes of it. `@a` stands for a digest of that
//! letter: behind the image, of what runs; behind a tag, of what it points at.

mod labels;
mod statuses;
mod tags;
mod verdicts;

use std::collections::BTreeMap;

use homeport_image_ref::Change;
use homeport_updater::check::{Explanation, Status, explain};

/// A rule, the image that runs, its tags, its labels, and what comes of it.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Checks each row of a table and reports all that are wrong.
fn check(rows: &[Row]) {
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(rule, image, tags, labels, expected)| {
            let found = outcome(&explained(image, tags, labels));
            (found != *expected)
                .then(|| format!("{rule}: {image} among [{tags}] with [{labels}] is \"{found}\", not \"{expected}\""))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Runs the checker's deciding over a row.
fn explained(image: &str, tags: &str, labels: &str) -> Explanation {
    let tags: Vec<_> = tags.split_whitespace().map(spelled_out).collect();
    let labels: BTreeMap<_, _> = labels
        .split_whitespace()
        .map(|label| label.split_once('=').map_or((label, "true"), |pair| pair))
        .map(|(name, value)| (format!("docksmith.{name}"), value.to_owned()))
        .collect();
    let explanation = explain(&spelled_out(image), &tags, labels);
    explanation.unwrap_or_else(|error| panic!("{image}: {error}"))
}

/// Writes the digest of one letter as a whole one.
fn spelled_out(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((name, letter)) => format!("{name}@sha256:{}", letter.repeat(64)),
        None => text.to_owned(),
    }
}

/// The status, and what there is besides: the tag to go to and how far that is, the tag to pin to, the error.
fn outcome(explanation: &Explanation) -> String {
    let checked = &explanation.checked;
    let status = match checked.status {
        Status::UpdateAvailable => "update",
        Status::UpdateAvailableBlocked => "blocked",
        Status::UpToDate => "newest",
        Status::UpToDatePinnable => "pinnable",
        Status::LocalImage => "local",
        Status::ComposeMismatch => "mismatch",
        Status::Ignored => "ignored",
        Status::CheckFailed => "failed",
        Status::MetadataUnavailable => "unavailable",
        Status::Unknown => "unknown",
    };
    let change = match checked.change {
        _ if checked.is_rebuild => "rebuild",
        Some(Change::Major) => "major",
        Some(Change::Minor) => "minor",
        Some(Change::Patch) => "patch",
        Some(Change::Downgrade) => "downgrade",
        Some(Change::Unknown) => "some",
        Some(Change::None) => "none",
        None => "",
    };
    let parts = [status, &checked.latest_version, &checked.recommended_tag, change, &checked.error];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}
