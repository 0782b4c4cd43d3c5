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
//!
//! ## What fits
//!
//! Everything is planned before anything is changed, and what all plans together take of a disk must fit there. Then
//! everything is removed that has to go, in all places, before the first copy is made: what one volume gives back may be
//! what another one needs.

mod apply;
mod marker;
mod plan;
mod space;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use self::{marker::Marker, space::Disk};
use super::{FailureDetail, FailureKind};

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
        Direction::Restore => {
            marker.expect_complete()?;
            let report = copy(direction, &pairs, marker.basis())?;
            pairs.iter().try_for_each(|(_, to)| flush(to))?;
            Ok(report)
        }
    }
}

/// Where a fork has the copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forked {
    /// For each source the place in its volume: empty for the volume itself, a name for the copy of a single file.
    pub(crate) places: Vec<String>,
}

/// The name of a single file in the volume that is made for it.
const SINGLE: &str = "content";

/// Brings volumes, which belong to nobody else, to what the snapshot holds. A volume is a directory, so what is none goes
/// into it by a name, to be mounted from there.
pub(crate) fn fork(snapshot: &Path, volumes: &[PathBuf]) -> Result<Forked, FailureDetail> {
    let marker = Marker::read(snapshot)?;
    marker.expect_complete()?;
    let mut pairs = Vec::with_capacity(volumes.len());
    let mut places = Vec::with_capacity(volumes.len());
    for (number, volume) in volumes.iter().enumerate() {
        let kept = snapshot.join(number.to_string());
        let is_single = fs::symlink_metadata(&kept).is_ok_and(|metadata| !metadata.is_dir());
        let place = if is_single { SINGLE } else { "" };
        pairs.push((kept, joined(volume, Path::new(place))));
        places.push(place.to_owned());
    }
    copy(Direction::Restore, &pairs, marker.basis())?;
    volumes.iter().try_for_each(|volume| flush(volume))?;
    Ok(Forked { places })
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
    let mut measure = Measure { free_bytes: Disk::of(room)?.free_bytes, ..Measure::default() };
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
    copy_onto(Disk::of, direction, pairs, basis)
}

fn copy_onto(
    disk: impl Fn(&Path) -> Result<Disk, FailureDetail>,
    direction: Direction,
    pairs: &[(PathBuf, PathBuf)],
    basis: Option<i64>,
) -> Result<Report, FailureDetail> {
    let mut report = Report::default();
    let mut plans = Vec::with_capacity(pairs.len());
    let mut disks = Vec::with_capacity(pairs.len());
    for (from, to) in pairs {
        let plan = plan::Plan::of(from, to, plan::Live { direction, basis })
            .map_err(|error| failed("reading", from, &error))?;
        report.files += plan.files;
        report.total_bytes += plan.total_bytes;
        plans.push(plan);
        disks.push(disk(to)?);
    }
    space::check(plans.iter().zip(disks))?;
    for ((_, to), plan) in pairs.iter().zip(&plans) {
        apply::clear(plan, to).map_err(|error| failed("writing", to, &error))?;
    }
    for ((from, to), plan) in pairs.iter().zip(&plans) {
        report.copied_bytes += apply::fill(plan, from, to).map_err(|error| failed("writing", to, &error))?;
    }
    Ok(report)
}

/// Without the slash that joining an empty path would add: a root may be a file.
fn joined(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) }
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
