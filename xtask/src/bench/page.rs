//! `docs/benchmarks.md`: a section a part, each replaced when its part is measured again.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{host, repository};

/// What stands above the first section.
const INTRODUCTION: &str = "# Benchmarks\n\nWritten by `cargo xtask bench`, which measures the release binaries on the \
                            machine that it runs on, beside other programs where they do the same.\n";

/// Puts a table into the section of a part and answers where.
pub(super) fn write(part: &str, table: &str) -> Result<PathBuf> {
    let file = repository::root().join("docs/benchmarks.md");
    let former = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::create_dir_all(repository::root().join("docs")).context("creating docs")?;
    let section = format!("`cargo xtask bench {part}`\n\nMachine: {}.\n\n{}\n", machine(), table.trim_end());
    std::fs::write(&file, replaced(&former, part, &section)).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// The page with one section exchanged, or appended.
fn replaced(page: &str, part: &str, section: &str) -> String {
    let mut sections: Vec<(&str, &str)> =
        page.split("\n## ").skip(1).filter_map(|section| section.split_once("\n\n")).collect();
    match sections.iter_mut().find(|(name, _)| *name == part) {
        Some((_, text)) => *text = section,
        None => sections.push((part, section)),
    }
    sections.iter().fold(INTRODUCTION.to_owned(), |mut page, (name, text)| {
        // Writing to a string cannot fail.
        write!(page, "\n## {name}\n\n{}\n", text.trim_end()).ok();
        page
    })
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let release = host::Release::read().map_or_else(|_| String::new(), |release| format!(", {}", release.name));
    format!("{cores} cores{release}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_former_one() {
        let page = replaced("", "a", "first\n\n| x |\n");
        let page = replaced(&page, "b", "second");
        let again = replaced(&page, "a", "third");
        assert_eq!(page, format!("{INTRODUCTION}\n## a\n\nfirst\n\n| x |\n\n## b\n\nsecond\n"));
        assert_eq!(again, format!("{INTRODUCTION}\n## a\n\nthird\n\n## b\n\nsecond\n"));
    }
}
