//! Everything about a file but its content.

use std::{
    ffi::{CStr, CString},
    fs::Metadata,
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, Gid, Timespec, Timestamps, Uid, XattrFlags, chownat, lgetxattr, llistxattr, lremovexattr,
        lsetxattr, utimensat,
    },
    io::Errno,
};

/// Gives `to` the owner, mode, extended attributes and times of `from`, times last: they mark the file as whole.
pub(super) fn copy(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    let owner = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
    chownat(CWD, to, Some(owner.0), Some(owner.1), AtFlags::SYMLINK_NOFOLLOW)?;
    // After the owner: changing that takes set-user-id bits and capabilities away.
    if !metadata.is_symlink() {
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    }
    attributes(from, to)?;
    let times = Timestamps {
        last_access: Timespec { tv_sec: metadata.atime(), tv_nsec: metadata.atime_nsec() },
        last_modification: Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() },
    };
    utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

fn attributes(from: &Path, to: &Path) -> io::Result<()> {
    let (wanted, present) = (names(from)?, names(to)?);
    for name in present.iter().filter(|name| !wanted.contains(name)) {
        tolerated(name, lremovexattr(to, name.as_c_str()))?;
    }
    for name in &wanted {
        let Some(value) = value(from, name)? else { continue };
        if self::value(to, name)?.as_ref() != Some(&value) {
            tolerated(name, lsetxattr(to, name.as_c_str(), &value, XattrFlags::empty()))?;
        }
    }
    Ok(())
}

/// Whether an attribute means the same on every file system; others, such as `system.nfs4_acl`, are how one shows its own.
fn is_of_the_file(name: &CStr) -> bool {
    let name = name.to_bytes();
    [&b"user."[..], b"security.", b"trusted.", b"system.posix_acl_"].iter().any(|space| name.starts_with(space))
}

/// Labels of security modules belong to the place, not to the file, and only the module may set them; what is meant for
/// the kernel's own use needs a privilege that helpers do not have.
fn tolerated(name: &CStr, result: rustix::io::Result<()>) -> io::Result<()> {
    let name = name.to_bytes();
    let special = name.starts_with(b"security.") && name != b"security.capability" || name.starts_with(b"trusted.");
    match result {
        Err(Errno::ACCESS | Errno::PERM | Errno::OPNOTSUPP | Errno::INVAL) if special => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(()),
    }
}

fn names(path: &Path) -> io::Result<Vec<CString>> {
    // Most files have few or none; the kernel's own limit for all names of a file together is 64 KiB.
    let mut short = [0; 256];
    let mut long = Vec::new();
    let listed = match llistxattr(path, &mut short) {
        Err(Errno::RANGE) => {
            long.resize(65_536, 0);
            llistxattr(path, long.as_mut_slice())
        }
        listed => listed,
    };
    let length = match listed {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let buffer = if long.is_empty() { &short[..] } else { &long[..] };
    Ok(buffer[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .filter_map(|name| CString::new(name).ok())
        .filter(|name| is_of_the_file(name))
        .collect())
}

/// None if it is gone, or may not be read.
fn value(path: &Path, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    // The kernel's own limit for one value.
    let mut buffer = vec![0; 65_536];
    match lgetxattr(path, name, buffer.as_mut_slice()) {
        Ok(length) => {
            buffer.truncate(length);
            Ok(Some(buffer))
        }
        Err(Errno::NODATA | Errno::PERM | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_system_shows_of_its_own_is_left_to_it() {
        let kept = [c"user.a", c"security.capability", c"trusted.overlay.opaque", c"system.posix_acl_access"];
        let left = [c"system.nfs4_acl", c"system.cifs_acl", c"btrfs.compression", c"users.a"];
        assert!(kept.into_iter().all(is_of_the_file) && !left.into_iter().any(is_of_the_file));
    }
}
