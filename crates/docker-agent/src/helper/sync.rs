//! Bringing one directory tree to the state of another, for snapshots of volumes and their way back.
//!
//! Everything that belongs to a file is kept: owner, mode, times to the nanosecond, links hard and symbolic, holes,
//! extended attributes (capabilities and access lists are among them), pipes, sockets and devices. What the source lacks
//! is deleted. Only what differs is copied.
//!
//! ## What counts as different
//!
//! Type, size, times, owner, mode and link count tell two files apart. That is not enough for a file that was written
//! while an earlier run copied it, so a snapshot remembers when its last complete run began, and every file of the live
//! side whose inode changed (`ctime`, which no program can set back) after 2 s before that moment is copied again. 2 s is
//! the coarsest clock of any file system.
//!
//! ## What a crash leaves
//!
//! A snapshot is marked incomplete before its first change, and complete after its last one reached the disk. A restore
//! refuses an incomplete snapshot, and repeating an interrupted one finishes it: a file gets its modification time last,
//! so one that was half written differs.

mod apply;
mod marker;
mod plan;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use self::marker::Marker;
use super::{FailureDetail, FailureKind};

/// Below this much free space nothing is begun even if the copy would just fit: file systems need some for themselves.
const RESERVE_BYTES: u64 = 16 << 20;

/// Which way to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the sources into the snapshot.
    Take,
    /// From the snapshot into the sources.
    Restore,
}

impl Direction {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "take" => Some(Self::Take),
            "restore" => Some(Self::Restore),
            _ => None,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Restore => "restore",
        }
    }
}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Everything that is no directory.
    pub(crate) files: u64,
    /// Lengths of all regular files.
    pub(crate) total_bytes: u64,
    /// Lengths of those that were copied.
    pub(crate) copied_bytes: u64,
}

/// Copies each source to or from the snapshot, which keeps them in numbered entries.
pub(crate) fn run(direction: Direction, snapshot: &Path, sources: &[PathBuf]) -> Result<Report, FailureDetail> {
    let marker = Marker::read(snapshot)?;
    let pairs: Vec<(PathBuf, PathBuf)> = sources
        .iter()
        .enumerate()
        .map(|(number, source)| {
            let kept = snapshot.join(number.to_string());
            if direction == Direction::Take { (source.clone(), kept) } else { (kept, source.clone()) }
        })
        .collect();
    match direction {
        Direction::Take => {
            let began = marker.begin(snapshot)?;
            let report = copy(direction, &pairs, marker.basis())?;
            flush(snapshot)?;
            Marker::finish(snapshot, began)?;
            Ok(report)
        }
        Direction::Restore if !marker.is_complete() => Err(FailureDetail::new(
            FailureKind::Incomplete,
            "the snapshot was never completed, so there is nothing to go back to",
        )),
        Direction::Restore => {
            let report = copy(direction, &pairs, marker.basis())?;
            pairs.iter().try_for_each(|(_, to)| flush(to))?;
            Ok(report)
        }
    }
}

/// What a snapshot of some sources would be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// Everything that is no directory.
    pub(crate) files: u64,
    /// Lengths of all regular files.
    pub(crate) total_bytes: u64,
    /// What a first copy takes.
    pub(crate) needed_bytes: u64,
    /// What is free for it.
    pub(crate) free_bytes: u64,
}

/// Measures sources. `room` is in the file system that snapshots are kept in: the helper's own root, which the engine
/// keeps where it keeps volumes.
pub(crate) fn measure(sources: &[PathBuf], room: &Path) -> Result<Measure, FailureDetail> {
    let mut measure = Measure { free_bytes: free(room)?, ..Measure::default() };
    for source in sources {
        let live = plan::Live { direction: Direction::Take, basis: None };
        let plan = plan::Plan::of(source, Path::new("/nonexistent"), live)
            .map_err(|error| failed("reading", source, &error))?;
        measure.files += plan.files;
        measure.total_bytes += plan.total_bytes;
        measure.needed_bytes += plan.needed_bytes;
    }
    Ok(measure)
}

fn copy(direction: Direction, pairs: &[(PathBuf, PathBuf)], basis: Option<i64>) -> Result<Report, FailureDetail> {
    let mut report = Report::default();
    let mut plans = Vec::with_capacity(pairs.len());
    for (from, to) in pairs {
        let plan = plan::Plan::of(from, to, plan::Live { direction, basis })
            .map_err(|error| failed("reading", from, &error))?;
        check_space(to, &plan)?;
        report.files += plan.files;
        report.total_bytes += plan.total_bytes;
        plans.push(plan);
    }
    for ((from, to), plan) in pairs.iter().zip(&plans) {
        report.copied_bytes += apply::apply(plan, from, to).map_err(|error| failed("writing", to, &error))?;
    }
    Ok(report)
}

/// Before anything is written.
fn check_space(to: &Path, plan: &plan::Plan) -> Result<(), FailureDetail> {
    let place = if to.exists() { to } else { to.parent().unwrap_or(to) };
    let free = free(place)? + plan.freed_bytes;
    if plan.needed_bytes > 0 && plan.needed_bytes + RESERVE_BYTES > free {
        return Err(FailureDetail::new(
            FailureKind::NoSpace,
            format!(
                "{} MiB are needed and {} MiB are free",
                mebibytes(plan.needed_bytes + RESERVE_BYTES),
                mebibytes(free)
            ),
        ));
    }
    Ok(())
}

fn free(place: &Path) -> Result<u64, FailureDetail> {
    let space =
        rustix::fs::statvfs(place).map_err(|error| failed("asking for the free space of", place, &error.into()))?;
    Ok(space.f_bavail * space.f_frsize)
}

/// Without the slash that joining an empty path would add: a root may be a file.
fn joined(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) }
}

const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Everything written so far reaches the disk.
fn flush(path: &Path) -> Result<(), FailureDetail> {
    let synced = File::open(path).and_then(|file| {
        file.sync_all()?;
        Ok(rustix::fs::syncfs(&file)?)
    });
    match synced {
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => Ok(()),
        result => result.map_err(|error| failed("writing", path, &error)),
    }
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> FailureDetail {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FailureKind::NoSpace,
        _ => FailureKind::Io,
    };
    FailureDetail::new(kind, format!("{doing} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
