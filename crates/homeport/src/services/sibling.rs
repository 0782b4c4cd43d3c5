//! A service that is a binary of its own, `homeport-<service>`, beside this one.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use homeport_service::{Context, StartError};

/// Why a sibling does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiblingError {
    #[error("cannot find out where this program is, and with it homeport-{name}")]
    Where {
        name: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("cannot start {}; the programs of Homeport belong in one directory", program.display())]
    Start {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot wait for {}", program.display())]
    Wait {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} ended with {status}; why is in its log", program.display())]
    Ended { program: PathBuf, status: ExitStatus },
}

/// Lets the sibling be this process: it does what it was started for. Returns only if that did not work.
pub(crate) fn become_it(name: &'static str) -> SiblingError {
    match beside(name) {
        Ok(program) => {
            let source = std::process::Command::new(&program).args(["run", name]).exec();
            SiblingError::Start { program, source }
        }
        Err(error) => error,
    }
}

/// Runs the sibling as a service of this process until the context drains. Its standard input is a pipe that only this
/// process writes to: its end asks it to drain, and the kernel makes it end also when this process is killed.
pub(crate) async fn run(context: Context) -> Result<(), StartError> {
    let program = beside(context.name())?;
    let paths = context.paths();
    let child = tokio::process::Command::new(&program)
        .args(["run", context.name(), "--attached"])
        .env("HOMEPORT_STATE", &paths.state)
        .env("HOMEPORT_CONFIGS", &paths.configs)
        .stdin(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|source| SiblingError::Start { program: program.clone(), source })?;
    let input = child.stdin.take();
    let wait = |source| SiblingError::Wait { program: program.clone(), source };
    tokio::select! {
        status = child.wait() => return ended(program.clone(), status.map_err(wait)?),
        () = context.drain().cancelled() => drop(input),
    }
    ended(program.clone(), child.wait().await.map_err(wait)?)
}

fn ended(program: PathBuf, status: ExitStatus) -> Result<(), StartError> {
    if status.success() { Ok(()) } else { Err(SiblingError::Ended { program, status }.into()) }
}

fn beside(name: &'static str) -> Result<PathBuf, SiblingError> {
    let own = std::env::current_exe().map_err(|source| SiblingError::Where { name, source })?;
    Ok(own.with_file_name(format!("homeport-{name}")))
}
