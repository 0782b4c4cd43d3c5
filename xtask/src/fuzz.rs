//! Random bytes against what reads bytes from outside, guided by what they reach.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{program, repository, say::say};

/// The programs below `fuzz/fuzz_targets`.
const TARGETS: [&str; 7] = ["line", "message", "scope", "path", "headers", "engine", "chunks"];

/// Where they are built, apart from everything else that has no such flags.
const BUILT: &str = "fuzz";

/// What a stable compiler needs to be told so that libFuzzer sees which way the bytes took. `cargo fuzz` says the same.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long to try.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each decoder; all are tried at the same time
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { seconds: 60 }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = build()?;
    let mut running = Vec::new();
    for target in TARGETS {
        // What it finds interesting stays there for the next time.
        let corpus = repository::target_directory(&format!("{BUILT}/corpus/{target}"))?;
        let seeds = repository::root().join("fuzz/seeds").join(target);
        let child = Command::new(folder.join(target))
            .arg(format!("-max_total_time={}", options.seconds))
            .arg(format!("-artifact_prefix={}/{target}-", repository::target(BUILT).display()))
            .args([
                "-max_len=8192",
                "-rss_limit_mb=1024",
                "-timeout=10",
                "-print_final_stats=1",
                "-print_funcs=0",
                "-verbosity=0",
            ])
            .arg(corpus)
            .arg(seeds)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting the fuzz target {target}"))?;
        running.push((target, child));
    }
    let mut failed = Vec::new();
    for (target, mut child) in running {
        if !child.wait().with_context(|| format!("waiting for {target}"))?.success() {
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!("{} failed; the bytes that did it are in {}", failed.join(" and "), repository::target(BUILT).display());
    }
    say(format_args!("{} held for {} s each", TARGETS.join(" and "), options.seconds));
    Ok(())
}

/// Answers where the programs are.
fn build() -> Result<PathBuf> {
    let target = repository::target_directory(BUILT)?;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(repository::root().join("fuzz"))
        .args(["build", "--release", "--bins", "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", FLAGS);
    program::run(&mut cargo)?;
    let host = program::read(Command::new("rustc").args(["--print", "host-tuple"]))?;
    Ok(target.join(host).join("release"))
}
