//! What the person at the terminal reads.

/// One line on standard output: a step that begins, or a result.
#[expect(clippy::print_stdout, reason = "talking to a person is what xtask is for")]
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
