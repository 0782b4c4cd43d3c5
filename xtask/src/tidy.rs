//! House rules that the compiler does not know: who links whom, the shape of files, and which test proves which rule.

mod edges;
mod files;
mod rules;

use anyhow::{Result, bail};

use crate::say::say;

/// Checks everything and lists all that is wrong.
pub(crate) fn run() -> Result<()> {
    let mut complaints = edges::check()?;
    complaints.extend(files::check()?);
    complaints.extend(rules::check()?);
    for complaint in &complaints {
        say(complaint);
    }
    if !complaints.is_empty() {
        bail!("tidy found {} things to put right", complaints.len());
    }
    Ok(())
}
