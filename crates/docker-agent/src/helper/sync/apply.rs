//! Doing what a plan says.

mod content;
mod traits;

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use self::content::Reflink;
use super::{
    joined,
    plan::{Action, Plan},
};

/// Brings `to` to the state of `from`, and says how many bytes of content were copied.
///
/// A file of the source that is gone by now was deleted by the program that uses it; then it is left out.
pub(super) fn apply(plan: &Plan, from: &Path, to: &Path) -> io::Result<u64> {
    let mut run = Run { from, to, reflink: Reflink::default(), left_out: HashSet::new(), copied_bytes: 0 };
    plan.removals.iter().chain(&plan.actions).try_for_each(|action| run.act(action))?;
    // The deepest first, since setting the times of one changes nothing above it but adding entries did.
    for path in plan.directories.iter().rev() {
        run.settle(path)?;
    }
    Ok(run.copied_bytes)
}

struct Run<'a> {
    from: &'a Path,
    to: &'a Path,
    reflink: Reflink,
    left_out: HashSet<PathBuf>,
    copied_bytes: u64,
}

impl Run<'_> {
    fn act(&mut self, action: &Action) -> io::Result<()> {
        match action {
            Action::Remove(path) => remove(&self.to.join(path)),
            Action::Directory(path) => existing(fs::create_dir(joined(self.to, path))),
            Action::Copy(path) => self.copy(path),
            Action::Link(path, leader) if self.left_out.contains(leader) => self.copy(path),
            Action::Link(path, leader) => fs::hard_link(self.to.join(leader), self.to.join(path)),
        }
    }

    fn copy(&mut self, path: &Path) -> io::Result<()> {
        let (from, to) = (joined(self.from, path), joined(self.to, path));
        match self.copy_one(&from, &to, path.as_os_str().is_empty()) {
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

fn existing(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}
