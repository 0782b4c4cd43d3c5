//! The process of a script: its own group, little environment, bounded output, a limit.

use std::{
    ffi::OsStr,
    io::pipe,
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe::Receiver,
    process::{Child, Command},
    time::timeout,
};

use super::{Occasion, ScriptError};

/// What is kept of what a script prints.
const MAX_OUTPUT_BYTES: usize = 64 << 10;
/// How long what a script has started may hold its output open after it has ended.
const AFTERGLOW: Duration = Duration::from_millis(500);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(super) async fn run(
    words: &[&OsStr],
    directory: &Path,
    limit: Duration,
    occasion: &Occasion,
) -> Result<String, ScriptError> {
    let script = || words.join(OsStr::new(" ")).to_string_lossy().into_owned();
    let failed = |source| ScriptError::Start { path: script(), source };
    let (child, mut output) = start(words, directory, occasion).map_err(failed)?;
    let mut group = Group::of(child);
    let mut text = Vec::new();
    let ended = timeout(limit, async {
        tokio::select! {
            status = group.child.wait() => {
                // Both may be ready at once; what was printed in the end counts too.
                drop(timeout(AFTERGLOW, read(&mut output, &mut text)).await);
                status
            }
            () = read_on(&mut output, &mut text) => group.child.wait().await,
        }
    })
    .await;
    let Ok(status) = ended else {
        group.end().await;
        drop(timeout(AFTERGLOW, read(&mut output, &mut text)).await);
        return Err(ScriptError::TooLong { seconds: limit.as_secs(), output: said(&text) });
    };
    group.is_done = true;
    match code(status.map_err(failed)?) {
        0 => Ok(said(&text)),
        code => Err(ScriptError::Refused { code, output: said(&text) }),
    }
}

/// The container's id and name are the arguments after the words.
fn start(words: &[&OsStr], directory: &Path, occasion: &Occasion) -> std::io::Result<(Child, Receiver)> {
    let (program, arguments) = words.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let (reader, writer) = pipe()?;
    let output = Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args([&occasion.container_id, &occasion.container_name])
        .current_dir(directory)
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/tmp")
        .envs(occasion.variables())
        .stdin(Stdio::null())
        .stdout(Stdio::from(writer.try_clone()?))
        .stderr(Stdio::from(writer))
        .process_group(0)
        .kill_on_drop(true);
    // The command goes out of scope here, and with it this side of the pipe.
    Ok((command.spawn()?, output))
}

/// Reads to the end; beyond the bound it is read and forgotten, so that the script does not wait.
async fn read(output: &mut Receiver, text: &mut Vec<u8>) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        let room = (MAX_OUTPUT_BYTES + 1).saturating_sub(text.len()).min(length);
        text.extend_from_slice(&buffer[..room]);
    }
}

async fn read_on(output: &mut Receiver, text: &mut Vec<u8>) {
    read(output, text).await;
}

fn said(text: &[u8]) -> String {
    let cut = text.len() > MAX_OUTPUT_BYTES;
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_OUTPUT_BYTES)]);
    let text = text.trim();
    if cut { format!("{text}…") } else { text.to_owned() }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// The script and all that it started; ended together when this is dropped before the script has ended.
struct Group {
    child: Child,
    id: Option<Pid>,
    is_done: bool,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, id, is_done: false }
    }

    fn kill(&self) {
        if let Some(id) = self.id {
            // One that has ended already needs no signal.
            kill_process_group(id, Signal::KILL).ok();
        }
    }

    async fn end(&mut self) {
        self.kill();
        self.child.wait().await.ok();
        self.is_done = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.is_done {
            self.kill();
        }
    }
}
