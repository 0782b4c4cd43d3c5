//! The content of a regular file, holes left out.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::{fs::SeekFrom as Seek, io::Errno};

/// What `stat` counts in.
const BLOCK_BYTES: u64 = 512;

/// Copies that share blocks where the file system can do that, tried until it has said no once.
#[derive(Debug, Default, Clone)]
pub(super) struct Reflink {
    refused: bool,
}

impl Reflink {
    /// Copies the content of a file to a new one, or into an existing one if `in_place`, and says how long it is.
    pub(super) fn copy(&mut self, from: &Path, to: &Path, in_place: bool) -> io::Result<u64> {
        let source = File::open(from)?;
        let metadata = source.metadata()?;
        let length = metadata.len();
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
        copy_data(&source, &target, &metadata)?;
        Ok(length)
    }
}

/// Copies the parts that hold data. A file that is being written may be shorter or longer by now; it is copied again by
/// the run that follows when nothing writes any more.
fn copy_data(source: &File, target: &File, metadata: &Metadata) -> io::Result<()> {
    let length = metadata.len();
    let mut end = 0;
    if metadata.blocks() * BLOCK_BYTES >= length {
        end = copy_part(source, target, 0, length)?;
    } else {
        let mut position = 0;
        while let Some((start, stop)) = next_data(source, position, length)? {
            end = copy_part(source, target, start, stop)?;
            position = stop;
        }
    }
    // A hole at the end has to be made; everywhere else it is what was not written.
    if end < length { target.set_len(length) } else { Ok(()) }
}

/// Copies from one position to another, and says how far it came: not all the way where the source has become shorter.
fn copy_part(mut source: &File, mut target: &File, start: u64, stop: u64) -> io::Result<u64> {
    let (mut read, mut written) = (start, start);
    while read < stop {
        let length = usize::try_from(stop - read).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(source, Some(&mut read), target, Some(&mut written), length) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            // Two file systems, one that cannot, or a kernel that will not.
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                source.seek(SeekFrom::Start(read))?;
                target.seek(SeekFrom::Start(read))?;
                return Ok(read + io::copy(&mut source.take(stop - read), &mut target)?);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
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
