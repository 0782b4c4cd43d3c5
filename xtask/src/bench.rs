//! The figures that `docs/benchmarks.md` states, measured again on this machine and written there.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::docker::Docker;
use crate::engine::Place;
use crate::{binaries, program, repository, say::say, stack, test};

/// What stands above the table.
const INTRODUCTION: &str = "# Benchmarks\n\nWritten by `cargo xtask bench`, which measures the release binaries against \
                            a real engine with real images.\n\n";

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Also how long it takes to compile everything from nothing
    #[arg(long)]
    cold_build: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let binaries = binaries::build()?;
    let mut table = test::on_private_engine(|place| {
        let measured = measure(place, &binaries)?;
        let docker = Docker::find(&place.host()).context("there is no `docker` command")?;
        Ok(measured + "\n" + &image_rows(&docker, &binaries)?)
    })?;
    if options.cold_build {
        table.push_str(&cold_build_row()?);
    }
    let file = repository::root().join("docs/benchmarks.md");
    std::fs::create_dir_all(repository::root().join("docs")).context("creating docs")?;
    std::fs::write(&file, format!("{INTRODUCTION}Machine: {}.\n\n{table}", machine()))
        .with_context(|| format!("writing {}", file.display()))?;
    say(format_args!("{table}\nWritten to {}", file.display()));
    Ok(())
}

/// The program that measures prints a table, whose rows have the form of [`row`].
fn measure(place: &Place, binaries: &[PathBuf]) -> Result<String> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(repository::root())
        .args(["run", "--quiet", "--release", "--package", test::E2E, "--bin", "bench"])
        .envs(test::environment(place, binaries)?)
        .stderr(Stdio::inherit());
    let output = cargo.output().context("starting cargo")?;
    if !output.status.success() {
        bail!("measuring failed; why is said above");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn image_rows(docker: &Docker, binaries: &[PathBuf]) -> Result<String> {
    stack::build_images(docker, binaries)?;
    let services = image_size(docker, "homeport/homeport:local")?;
    let agent = image_size(docker, "homeport/docker-agent:local")?;
    let binary = binaries.first().context("there is a binary")?.metadata().context("looking at the binary")?.len();
    let agent = format!("{} without the CLI, {} with it", megabytes(binary), megabytes(agent));
    Ok(row("size of the image of gateway, bus, auth and updater", &megabytes(services), "25 MB")
        + &row("size of the image of docker-agent", &agent, "25 MB without the CLI"))
}

fn image_size(docker: &Docker, image: &str) -> Result<u64> {
    let size = program::read(docker.command(["image", "inspect", "--format", "{{.Size}}"]).arg(image))?;
    size.parse().with_context(|| format!("the size of {image} is no number: {size}"))
}

/// In a target directory of its own, so that nobody's build is thrown away.
fn cold_build_row() -> Result<String> {
    let target = tempfile::tempdir_in(repository::target_directory("")?).context("creating a directory to build in")?;
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(repository::root())
        .args(["build", "--release", "--workspace", "--target-dir"])
        .arg(target.path());
    let start = Instant::now();
    program::run(&mut cargo)?;
    Ok(row("cold `cargo build --release` of the workspace", &format!("{} s", start.elapsed().as_secs()), ""))
}

fn row(figure: &str, measured: &str, to_reach: &str) -> String {
    format!("| {figure} | {measured} | {to_reach} |\n")
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal place")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut text = format!("{cores} cores");
    if let Ok(release) = crate::host::Release::read() {
        // Writing to a string cannot fail.
        write!(text, ", {}", release.name).ok();
    }
    text
}
