//! How long a copy of data takes, beside `cp -a`: the program of the helper containers on a directory, as it runs in them.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{binary, scratch};

use crate::figures::{median, row, spread};

const FILES: usize = 10_000;
const TOTAL_BYTES: usize = 1 << 30;
const FILES_A_DIRECTORY: usize = 100;
/// One in so many is changed between two copies.
const CHANGED: usize = 100;
const ROUNDS: usize = 3;

pub(crate) fn measure() -> anyhow::Result<()> {
    let place = scratch("bench-snapshot")?;
    let source = place.join("source");
    fill(&source)?;
    let (mut bare, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Nothing is deleted until the end: some file systems look for a place for a new file at all those that were just
        // given up, which takes whoever comes after a deletion several times as long.
        let copy = place.join(format!("copy-{round}"));
        let snapshot = place.join(format!("snapshot-{round}"));
        fs::create_dir(&snapshot)?;
        let mut command = Command::new("cp");
        command.arg("-a").arg(&source).arg(&copy);
        // Each of the two comes first in turn.
        if round % 2 == 0 {
            bare.push(timed(&mut command, &place)?);
            first.push(timed(&mut take(&snapshot, &source), &place)?);
        } else {
            first.push(timed(&mut take(&snapshot, &source), &place)?);
            bare.push(timed(&mut command, &place)?);
        }
        // What changed within two seconds of a copy is copied once more, because clocks of file systems are that coarse.
        std::thread::sleep(Duration::from_secs(3));
        timed(&mut take(&snapshot, &source), &place)?;
        change(&source, round)?;
        second.push(timed(&mut take(&snapshot, &source), &place)?);
    }
    fs::remove_dir_all(&place)?;
    let times = |of: &[Duration]| {
        median(of).zip(median(&bare)).map_or(f64::NAN, |(of, bare)| of.as_secs_f64() / bare.as_secs_f64())
    };
    row("1 GiB in 10 000 files, `cp -a` and sync", &spread(&bare), "–");
    row("snapshot of that", &format!("{}, {:.2} times", spread(&first), times(&first)), "1.3 times");
    row("again, with 1 % changed", &format!("{}, {:.2} times", spread(&second), times(&second)), "0.13 times");
    Ok(())
}

fn take(snapshot: &Path, source: &Path) -> Command {
    let mut command = Command::new(binary("homeport"));
    command.args(["helper", "sync", "take"]).arg(snapshot).arg(source);
    command
}

/// Until everything is on the disk: a snapshot that is only in memory is none.
fn timed(command: &mut Command, place: &Path) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stdout));
    rustix::fs::syncfs(fs::File::open(place)?)?;
    Ok(begin.elapsed())
}

fn path(source: &Path, number: usize) -> std::path::PathBuf {
    source.join((number / FILES_A_DIRECTORY).to_string()).join(format!("{number}.data"))
}

fn fill(source: &Path) -> anyhow::Result<()> {
    let content: Vec<u8> =
        (0..TOTAL_BYTES / FILES).map(|position| u8::try_from(position * 31 % 251).unwrap_or_default()).collect();
    for number in 0..FILES {
        let path = path(source, number);
        if number % FILES_A_DIRECTORY == 0 {
            fs::create_dir_all(path.parent().context("it has a directory")?)?;
        }
        fs::write(path, &content)?;
    }
    Ok(rustix::fs::syncfs(fs::File::open(source)?)?)
}

fn change(source: &Path, round: usize) -> anyhow::Result<()> {
    for number in (0..FILES).step_by(CHANGED) {
        let path = path(source, number);
        let mut content = fs::read(&path)?;
        content[round] ^= 1;
        fs::write(path, content)?;
    }
    // What the application writes is not the snapshot's to write.
    Ok(rustix::fs::syncfs(fs::File::open(source)?)?)
}
