//! `homeport bound <pid> -- <program> <argument>…`: a program whose life is bound to that of the process that started it.
//!
//! A docker-agent that is killed cannot end the `docker compose` that it runs, and a compose that goes on by itself would
//! work against whatever the next docker-agent does. So this sub-command asks the kernel for SIGKILL when its parent
//! dies and then becomes the program; the request survives that.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// Exit code when the program could not be started, as shells use it.
const NOT_STARTED: u8 = 127;

/// What is behind `homeport bound`: takes the arguments that follow it, and returns only if something fails.
pub fn bound_main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let parent = arguments.next().and_then(|pid| pid.to_str()?.parse().ok()).and_then(Pid::from_raw);
    let separator = arguments.next();
    let (Some(parent), Some(separator), Some(program)) = (parent, separator, arguments.next()) else {
        return failed("usage: homeport bound <pid> -- <program> [argument]...");
    };
    if separator != "--" {
        return failed("usage: homeport bound <pid> -- <program> [argument]...");
    }
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return failed(&format!("cannot bind to the parent's life: {error}"));
    }
    // It may have died before the request was made.
    if getppid() != Some(parent) {
        return failed("the process that this was started for is gone");
    }
    let error = std::process::Command::new(&program).args(arguments).exec();
    failed(&format!("cannot start {}: {error}", program.display()))
}

#[expect(clippy::print_stderr, reason = "its standard error is what the parent shows")]
fn failed(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(NOT_STARTED)
}
