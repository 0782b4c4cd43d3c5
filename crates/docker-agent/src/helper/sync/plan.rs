//! What must be done to bring one tree to the state of another. Looks, and changes nothing.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt},
    path::{Path, PathBuf},
};

use super::{Direction, joined};

/// Room for clocks and file systems that count in steps of 2 s.
const CLOCK_STEP_NANOSECONDS: i64 = 2_000_000_000;

/// Which side programs may have written to, and since when that matters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Live {
    pub(super) direction: Direction,
    /// Beginning of the last complete run, in nanoseconds since 1970.
    pub(super) basis: Option<i64>,
}

/// One thing to do, with the path below both roots; the empty path is the root itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Make a directory.
    Directory(PathBuf),
    /// Copy a file, link, pipe, socket or device.
    Copy(PathBuf),
    /// Make the first path another name of the second, which is in place by then.
    Link(PathBuf, PathBuf),
}

/// A file by device and number.
pub(super) type Inode = (u64, u64);

/// What becomes of a file that has several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// How many of its names are removed.
    pub(super) names: u64,
    /// How many it has; some may be outside of what is looked at.
    pub(super) of: u64,
    /// Space that is given back with the last one.
    pub(super) bytes: u64,
}

/// What must be done, and what it takes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What is deleted before anything is made, with everything below it.
    pub(super) removals: Vec<PathBuf>,
    /// In order: each directory before its entries.
    pub(super) actions: Vec<Action>,
    /// All directories of the source, whose times are set when everything else is done.
    pub(super) directories: Vec<PathBuf>,
    pub(super) files: u64,
    pub(super) total_bytes: u64,
    /// Space that the copies take, and that the removals of files with one name give back.
    pub(super) needed_bytes: u64,
    pub(super) freed_bytes: u64,
    /// Files with several names that are removed by some or all of them. The others may be in another plan.
    pub(super) lost: HashMap<Inode, Lost>,
}

impl Plan {
    pub(super) fn of(from: &Path, to: &Path, live: Live) -> io::Result<Self> {
        let mut walk = Walk { from, to, live, leaders: HashMap::new(), claimed: HashSet::new(), plan: Self::default() };
        walk.entry(Path::new(""), looked_up(to)?.as_ref())?;
        Ok(walk.plan)
    }
}

struct Walk<'a> {
    from: &'a Path,
    to: &'a Path,
    live: Live,
    /// Of files with several names: the first name, and the inode that it has on the other side if it stays.
    leaders: HashMap<Inode, (PathBuf, Option<u64>)>,
    /// Inodes on the other side that stay, so that two files are not taken for one.
    claimed: HashSet<u64>,
    plan: Plan,
}

impl Walk<'_> {
    fn entry(&mut self, path: &Path, there: Option<&Metadata>) -> io::Result<()> {
        // A live source loses files while it is read.
        let Some(here) = looked_up(&joined(self.from, path))? else {
            return self.remove(path, there);
        };
        if here.is_dir() {
            return self.directory(path, there);
        }
        self.plan.files += 1;
        if here.is_file() {
            self.plan.total_bytes += here.len();
        }
        if here.nlink() > 1 {
            return self.linked(path, &here, there);
        }
        if there.is_some_and(|there| self.is_same(path, &here, there) && self.claimed.insert(there.ino())) {
            return Ok(());
        }
        self.copy(path, &here, there)
    }

    fn directory(&mut self, path: &Path, there: Option<&Metadata>) -> io::Result<()> {
        let exists = there.is_some_and(Metadata::is_dir);
        let mut names = names(&joined(self.from, path))?;
        if exists {
            names.extend(self::names(&joined(self.to, path))?);
        } else {
            self.remove(path, there)?;
            self.plan.needed_bytes += 4096;
            self.plan.actions.push(Action::Directory(path.to_owned()));
        }
        self.plan.directories.push(path.to_owned());
        for name in names {
            let path = path.join(name);
            let there = if exists { looked_up(&joined(self.to, &path))? } else { None };
            self.entry(&path, there.as_ref())?;
        }
        Ok(())
    }

    /// A file with several names: the first one is copied, the others are made names of it.
    fn linked(&mut self, path: &Path, here: &Metadata, there: Option<&Metadata>) -> io::Result<()> {
        let inode = (here.dev(), here.ino());
        if let Some((leader, staying)) = self.leaders.get(&inode).cloned() {
            if staying.is_some() && staying == there.map(MetadataExt::ino) {
                return Ok(());
            }
            self.remove(path, there)?;
            self.plan.actions.push(Action::Link(path.to_owned(), leader));
            return Ok(());
        }
        let staying = there
            .filter(|there| self.is_same(path, here, there) && !self.claimed.contains(&there.ino()))
            .map(MetadataExt::ino);
        self.leaders.insert(inode, (path.to_owned(), staying));
        match staying {
            Some(inode) => {
                self.claimed.insert(inode);
                Ok(())
            }
            None => self.copy(path, here, there),
        }
    }

    fn copy(&mut self, path: &Path, here: &Metadata, there: Option<&Metadata>) -> io::Result<()> {
        let mut needed_bytes = space(here) + 4096;
        if path.as_os_str().is_empty() {
            // What a mount consists of cannot be removed; its content is replaced in place. The room of the old content is
            // there for the new one, and for nothing else, since other copies may be made before this one.
            needed_bytes = needed_bytes.saturating_sub(there.map_or(0, space));
        } else {
            self.remove(path, there)?;
        }
        self.plan.needed_bytes += needed_bytes;
        self.plan.actions.push(Action::Copy(path.to_owned()));
        Ok(())
    }

    fn remove(&mut self, path: &Path, there: Option<&Metadata>) -> io::Result<()> {
        let Some(there) = there else { return Ok(()) };
        self.lose(&joined(self.to, path), there)?;
        self.plan.removals.push(path.to_owned());
        Ok(())
    }

    /// Counts what a removal gives back.
    fn lose(&mut self, path: &Path, there: &Metadata) -> io::Result<()> {
        if there.is_dir() {
            for name in names(path)? {
                let path = path.join(name);
                if let Some(there) = looked_up(&path)? {
                    self.lose(&path, &there)?;
                }
            }
        } else if there.nlink() > 1 {
            let new = Lost { names: 0, of: there.nlink(), bytes: space(there) };
            self.plan.lost.entry((there.dev(), there.ino())).or_insert(new).names += 1;
        } else {
            self.plan.freed_bytes += space(there);
        }
        Ok(())
    }

    fn is_same(&self, path: &Path, here: &Metadata, there: &Metadata) -> bool {
        let facts = |m: &Metadata| (m.mode(), m.uid(), m.gid(), m.rdev(), m.nlink(), m.mtime(), m.mtime_nsec());
        let length = |m: &Metadata| if m.file_type().is_block_device() { 0 } else { m.len() };
        let live = if self.live.direction == Direction::Take { here } else { there };
        facts(here) == facts(there)
            && length(here) == length(there)
            && !self.changed_since(live)
            && (!here.is_symlink() || same_target(&joined(self.from, path), &joined(self.to, path)))
    }

    fn changed_since(&self, live: &Metadata) -> bool {
        let changed = live.ctime().saturating_mul(1_000_000_000).saturating_add(live.ctime_nsec());
        self.live.basis.is_some_and(|basis| changed >= basis.saturating_sub(CLOCK_STEP_NANOSECONDS))
    }
}

/// The entries of a directory, ordered; none if it is gone.
fn names(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.file_name())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

/// The file itself, not what a link points at; none if there is none.
fn looked_up(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn same_target(a: &Path, b: &Path) -> bool {
    matches!((fs::read_link(a), fs::read_link(b)), (Ok(a), Ok(b)) if a == b)
}

/// What a file takes on the disk: its holes take nothing.
fn space(metadata: &Metadata) -> u64 {
    if metadata.is_file() { (metadata.blocks() * 512).min(metadata.len().next_multiple_of(4096)) } else { 0 }
}
