//! The shape of source files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::repository;

/// A longer file has a second subject that wants a file of its own.
const LINES: usize = 500;

/// One sentence for each file that breaks a rule.
pub(super) fn check() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for folder in ["crates", "xtask/src"] {
        for file in sources_below(&repository::root().join(folder))? {
            let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let shown = file.strip_prefix(repository::root()).unwrap_or(&file);
            complaints.extend(complaints_about(shown, &text));
        }
    }
    Ok(complaints)
}

fn complaints_about(file: &Path, text: &str) -> Vec<String> {
    // Tests that moved out of the file they test need no introduction.
    let is_introduced = text.starts_with("//!") || file.ends_with("tests.rs");
    let rules = [
        (file.ends_with("mod.rs"), "is called mod.rs; call it after its module, beside the folder".to_owned()),
        (!is_introduced, "does not begin with `//!` and what it is for".to_owned()),
        (text.lines().count() > LINES, format!("has more than {LINES} lines; split it by noun")),
    ];
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, rule)| format!("{} {rule}", file.display())).collect()
}

/// Rust files written by people: generated ones live in folders of that name.
pub(super) fn sources_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("generated") && !path.ends_with("target") {
            files.extend(sources_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_file_passes_and_a_bad_one_breaks_every_rule() {
        assert_eq!(complaints_about(Path::new("crates/a/src/thing.rs"), "//! A thing.\n"), Vec::<String>::new());
        assert_eq!(complaints_about(Path::new("crates/a/src/thing/mod.rs"), &"\n".repeat(LINES + 1)).len(), 3);
    }
}
