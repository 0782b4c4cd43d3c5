//! Doing what a plan says.

mod content;
mod traits;

use std::{
    collections::HashSet,
    fs, io,
    num::NonZero,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use self::content::Reflink;
use super::{
    joined,
    plan::{Action, Plan},
};

/// Threads that copy. Making a file is most of copying a small one and is done by one core; a disk with heads, on the other
/// hand, is slower the more places it is asked to be at.
const THREADS_MAX: usize = 2;
/// Files that a thread takes at a time: neighbours, so that two threads are seldom in the same directory.
const PORTION: usize = 64;

/// Deletes what a plan deletes.
pub(super) fn clear(plan: &Plan, to: &Path) -> io::Result<()> {
    plan.removals.iter().try_for_each(|path| remove(&joined(to, path)))
}

/// Brings `to`, which has been cleared, to the state of `from`, and says how many bytes of content were copied.
///
/// A file of the source that is gone by now was deleted by the program that uses it; then it is left out.
pub(super) fn fill(plan: &Plan, from: &Path, to: &Path) -> io::Result<u64> {
    let mut run = Run { from, to, reflink: Reflink::default(), left_out: HashSet::new(), copied_bytes: 0 };
    let mut copies = Vec::new();
    for action in &plan.actions {
        match action {
            Action::Directory(path) => existing(fs::create_dir(joined(to, path)))?,
            Action::Copy(path) => copies.push(path.as_path()),
            Action::Link(..) => {}
        }
    }
    run.copy_all(&copies)?;
    for action in &plan.actions {
        match action {
            Action::Link(path, leader) if run.left_out.contains(leader) => run.copy(path)?,
            Action::Link(path, leader) => {
                let path = to.join(path);
                anew(&path, || fs::hard_link(to.join(leader), &path))?;
            }
            Action::Directory(_) | Action::Copy(_) => {}
        }
    }
    // The deepest first, since setting the times of one changes nothing above it but adding entries did.
    for path in plan.directories.iter().rev() {
        run.settle(path)?;
    }
    Ok(run.copied_bytes)
}

#[derive(Clone)]
struct Run<'a> {
    from: &'a Path,
    to: &'a Path,
    reflink: Reflink,
    left_out: HashSet<PathBuf>,
    copied_bytes: u64,
}

impl Run<'_> {
    /// Copies files whose directories are there.
    fn copy_all(&mut self, paths: &[&Path]) -> io::Result<()> {
        let portions: Vec<_> = paths.chunks(PORTION).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = cores.min(THREADS_MAX).min(portions.len());
        let next = AtomicUsize::new(0);
        let copying = || {
            let mut run = Run { copied_bytes: 0, left_out: HashSet::new(), ..self.clone() };
            while let Some(portion) = portions.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = portion.iter().try_for_each(|path| run.copy(path)) {
                    // The others end with the portion that they are at.
                    next.store(portions.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(run)
        };
        let ended: Vec<io::Result<Run<'_>>> = std::thread::scope(|scope| {
            let running: Vec<_> = (1..threads).map(|_| scope.spawn(copying)).collect();
            let panicked = |_| Err(io::Error::other("a thread that copies panicked"));
            let own = copying();
            running.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).chain([own]).collect()
        });
        for run in ended {
            let run = run?;
            self.copied_bytes += run.copied_bytes;
            self.left_out.extend(run.left_out);
        }
        Ok(())
    }

    fn copy(&mut self, path: &Path) -> io::Result<()> {
        let (from, to) = (joined(self.from, path), joined(self.to, path));
        let in_place = path.as_os_str().is_empty();
        let copied =
            if in_place { self.copy_one(&from, &to, true) } else { anew(&to, || self.copy_one(&from, &to, false)) };
        match copied {
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&from).is_err() => {
                self.left_out.insert(path.to_owned());
                remove(&to)
            }
            result => result,
        }
    }

    fn copy_one(&mut self, from: &Path, to: &Path, in_place: bool) -> io::Result<()> {
        let metadata = fs::symlink_metadata(from)?;
        let kind = metadata.file_type();
        if kind.is_file() {
            self.copied_bytes += self.reflink.copy(from, to, in_place)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        } else {
            let node = match () {
                () if kind.is_fifo() => FileType::Fifo,
                () if kind.is_socket() => FileType::Socket,
                () if kind.is_char_device() => FileType::CharacterDevice,
                () if kind.is_block_device() => FileType::BlockDevice,
                () => return Err(io::Error::other("a kind of file that is not known")),
            };
            mknodat(CWD, to, node, Mode::from_raw_mode(0o600), metadata.rdev())?;
        }
        traits::copy(from, to, &metadata)
    }

    fn settle(&self, path: &Path) -> io::Result<()> {
        let (from, to) = (joined(self.from, path), joined(self.to, path));
        match fs::symlink_metadata(&from) {
            Ok(metadata) => traits::copy(&from, &to, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Makes something where nothing is. Where one source is inside of another one, the copies of the other one are there by
/// now; both plans were made before, and cleared before, so the later one wins.
fn anew(path: &Path, mut make: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            make()
        }
        result => result,
    }
}

fn existing(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}
