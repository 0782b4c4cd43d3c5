//! The shared libraries that a program needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The libraries and the loader of a program; none when it is linked statically.
pub(crate) fn of(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().context("starting ldd")?;
    // For a static program ldd fails after saying so, which leaves nothing to read here.
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// Lines are `name => /path (address)` or, for the loader, `/path (address)`; what the kernel provides has no path.
fn parse(listing: &str) -> Vec<PathBuf> {
    let paths = listing.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    paths.map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_libraries_and_loader() {
        let listing = "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(
            parse(listing),
            ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from)
        );
        assert_eq!(parse("\tnot a dynamic executable\n"), Vec::<PathBuf>::new());
    }
}
