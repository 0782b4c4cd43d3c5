//! The content of a regular file, holes left out.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::{fs::SeekFrom as Seek, io::Errno};

/// Copies that share blocks where the file system can do that, tried until it has said no once.
#[derive(Debug, Default)]
pub(super) struct Reflink {
    refused: bool,
}

impl Reflink {
    /// Copies the content of a file to a new one, or into an existing one if `in_place`, and says how long it is.
    pub(super) fn copy(&mut self, from: &Path, to: &Path, in_place: bool) -> io::Result<u64> {
        let source = File::open(from)?;
        let length = source.metadata()?.len();
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        let target =
            if in_place { options.create(true).truncate(true).open(to)? } else { options.create_new(true).open(to)? };
        if !self.refused {
            if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
                return Ok(length);
            }
            self.refused = true;
        }
        target.set_len(length)?;
        copy_data(&source, &target, length)?;
        Ok(length)
    }
}

/// Copies the parts that hold data. A file that is being written may be shorter or longer by now; it is copied again by
/// the run that follows when nothing writes any more.
fn copy_data(mut source: &File, mut target: &File, length: u64) -> io::Result<()> {
    let mut position = 0;
    while let Some((start, end)) = next_data(source, position, length)? {
        source.seek(SeekFrom::Start(start))?;
        target.seek(SeekFrom::Start(start))?;
        io::copy(&mut source.take(end - start), &mut target)?;
        position = end;
    }
    Ok(())
}

/// The next part that holds data, none if only holes follow.
fn next_data(source: &File, position: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    if position >= length {
        return Ok(None);
    }
    match rustix::fs::seek(source, Seek::Data(position)) {
        Ok(start) => {
            let end = rustix::fs::seek(source, Seek::Hole(start)).unwrap_or(length);
            Ok(Some((start, end.min(length).max(start + 1))))
        }
        Err(Errno::NXIO) => Ok(None),
        // A file system that knows nothing of holes has data everywhere.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some((position, length))),
        Err(error) => Err(error.into()),
    }
}
