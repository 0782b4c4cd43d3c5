//! Update locks: taking and releasing the files by which an application says that it must not be interrupted.
//!
//! Whatever has one of the two names is a lock, file or directory, whatever is in it. Ours belong to `nobody`, so that
//! they are told from an application's also after a crash.

use std::{
    fs::{self, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Gid, Uid, chownat};
use serde::{Deserialize, Serialize};

use super::{FailureDetail, FailureKind};

/// The files, in the order in which they are taken.
const FILES: [&str; 2] = ["updates.lock", "resin-updates.lock"];
/// The owner of locks that are ours.
const NOBODY: u32 = 65_534;
/// How much of a lock's content is told.
const CONTENT_BYTES: usize = 200;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Take all, or none if an application holds one.
    Take,
    /// Take all; what applications hold is deleted.
    Break,
    /// Remove what is ours.
    Release,
}

impl Action {
    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Take, Self::Break, Self::Release].into_iter().find(|action| action.word() == word)
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Break => "break",
            Self::Release => "release",
        }
    }
}

/// A lock of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// Which of the directories.
    pub(crate) directory: usize,
    pub(crate) file: String,
    pub(crate) uid: u32,
    /// Seconds since 1970.
    pub(crate) since: i64,
    pub(crate) content: String,
}

/// What was found and done.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) held: Vec<Lock>,
    pub(crate) broken: Vec<Lock>,
}

/// Does it.
pub(crate) fn run(action: Action, directories: &[PathBuf]) -> Result<Report, FailureDetail> {
    let failed = |directory: &Path, error: &io::Error| {
        FailureDetail::new(FailureKind::Io, format!("the update lock in {}: {error}", directory.display()))
    };
    let mut report = Report::default();
    if action == Action::Release {
        for directory in directories {
            release(directory).map_err(|error| failed(directory, &error))?;
        }
        return Ok(report);
    }
    for (number, directory) in directories.iter().enumerate() {
        let result = take(number, directory, action == Action::Break, &mut report);
        if result.is_err() || !report.held.is_empty() {
            // All or nothing: what was taken so far must not hold up anyone.
            for taken in &directories[..=number] {
                release(taken).map_err(|error| failed(taken, &error))?;
            }
            result.map_err(|error| failed(directory, &error))?;
            break;
        }
    }
    Ok(report)
}

fn take(number: usize, directory: &Path, by_force: bool, report: &mut Report) -> io::Result<()> {
    // Applications of any user have to be able to make theirs, and not to remove those of others.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o1777))?;
    for file in FILES {
        let path = directory.join(file);
        match create(&path) {
            Ok(()) => continue,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            // Given back in this instant.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(&path)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        if metadata.uid() == NOBODY {
            continue;
        }
        let lock = described(number, file, &path, &metadata);
        if !by_force {
            report.held.push(lock);
            return Ok(());
        }
        remove(&path, &metadata)?;
        create(&path)?;
        report.broken.push(lock);
    }
    Ok(())
}

fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    Ok(chownat(CWD, path, Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY)), rustix::fs::AtFlags::empty())?)
}

fn release(directory: &Path) -> io::Result<()> {
    for file in FILES {
        let path = directory.join(file);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.uid() == NOBODY => remove(&path, &metadata)?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn remove(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn described(directory: usize, file: &str, path: &Path, metadata: &Metadata) -> Lock {
    use std::io::Read as _;

    let mut content = Vec::new();
    if metadata.is_file()
        && let Ok(opened) = fs::File::open(path)
    {
        // What cannot be read is only less to tell.
        opened.take(CONTENT_BYTES as u64).read_to_end(&mut content).ok();
    }
    Lock {
        directory,
        file: file.to_owned(),
        uid: metadata.uid(),
        since: metadata.mtime(),
        content: String::from_utf8_lossy(&content).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories() -> (tempfile::TempDir, Vec<PathBuf>) {
        let place = tempfile::tempdir().unwrap();
        let directories: Vec<PathBuf> = ["a", "b"].iter().map(|name| place.path().join(name)).collect();
        for directory in &directories {
            fs::create_dir(directory).unwrap();
        }
        (place, directories)
    }

    fn present(directories: &[PathBuf]) -> usize {
        directories.iter().map(|directory| fs::read_dir(directory).unwrap().count()).sum()
    }

    /// Only root may give files away; every machine that tests the engine is run by root.
    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn all_are_taken_also_a_second_time_and_given_back() {
        if !is_root() {
            return;
        }
        let (_place, directories) = directories();
        for _ in 0..2 {
            assert_eq!(run(Action::Take, &directories).unwrap(), Report::default());
            assert_eq!(present(&directories), 4);
        }
        let metadata = fs::metadata(directories[0].join("updates.lock")).unwrap();
        assert_eq!(metadata.uid(), NOBODY);
        assert_eq!(fs::metadata(&directories[0]).unwrap().mode() & 0o7777, 0o1777);
        run(Action::Release, &directories).unwrap();
        assert_eq!(present(&directories), 0);
    }

    #[test]
    fn one_that_an_application_holds_stops_all_and_stays() {
        if !is_root() {
            return;
        }
        let (_place, directories) = directories();
        let lock = directories[1].join("resin-updates.lock");
        fs::write(&lock, "writing a large file\n").unwrap();
        let report = run(Action::Take, &directories).unwrap();
        let [held] = report.held.as_slice() else { panic!("{report:?}") };
        assert_eq!((held.directory, held.file.as_str(), held.uid), (1, "resin-updates.lock", 0));
        assert_eq!(held.content, "writing a large file");
        assert_eq!(present(&directories), 1, "nothing of ours may stay");
        run(Action::Release, &directories).unwrap();
        assert!(lock.exists());
    }

    #[test]
    fn by_force_it_is_broken_and_told_also_when_it_is_a_directory() {
        if !is_root() {
            return;
        }
        let (_place, directories) = directories();
        fs::create_dir(directories[0].join("updates.lock")).unwrap();
        let report = run(Action::Break, &directories).unwrap();
        assert_eq!((report.held.len(), report.broken.len()), (0, 1));
        run(Action::Release, &directories).unwrap();
        assert_eq!(present(&directories), 0);
    }
}
