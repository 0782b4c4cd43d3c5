//! The figures that `docs/benchmarks.md` states, measured again on this machine and written there.

mod page;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::binaries::{self, Profile};
use crate::docker::Docker;
use crate::host::apt;
use crate::{program, repository, say::say, stack, test};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// One part only
    part: Option<Part>,
    /// Also how long it takes to compile everything from nothing
    #[arg(long)]
    cold_build: bool,
}

/// A part of the figures: a section of the page, and an argument of the program that measures.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Start, memory and sizes of all processes, and the downtime of an update
    Stack,
    /// The event bus, beside nats-server and redis
    Bus,
    /// The way to a plugin, beside nginx and haproxy, and clients that stay
    Gateway,
    /// Copies of data, beside `cp -a`
    Snapshot,
    /// What is newer: how fast that is known, what it costs a registry, and how many may ask
    Updater,
}

impl Part {
    const ALL: [Self; 5] = [Self::Stack, Self::Bus, Self::Gateway, Self::Snapshot, Self::Updater];

    /// As it is typed.
    const fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Bus => "bus",
            Self::Gateway => "gateway",
            Self::Snapshot => "snapshot",
            Self::Updater => "updater",
        }
    }

    /// The programs that it is measured with.
    const fn peers(self) -> &'static [&'static str] {
        match self {
            Self::Stack | Self::Snapshot => &[],
            Self::Bus => &["nats-server", "redis-server"],
            Self::Gateway => &["nginx", "haproxy", "wrk", "h2load"],
            Self::Updater => &["wrk"],
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let binaries = binaries::build(Profile::Dist)?;
    let parts = options.part.map_or(Part::ALL.to_vec(), |part| vec![part]);
    for part in parts {
        install_missing(part.peers())?;
        let mut table = match part {
            Part::Stack => measure_stack(&binaries)?,
            Part::Bus | Part::Gateway | Part::Snapshot | Part::Updater => {
                measure(part, &test::binaries_environment(&binaries)?)?
            }
        };
        if part == Part::Stack && options.cold_build {
            table.push_str(&cold_build_row()?);
        }
        let file = page::write(part.name(), &table)?;
        say(format_args!("{table}\nWritten to {}", file.display()));
    }
    Ok(())
}

fn install_missing(programs: &[&str]) -> Result<()> {
    let missing = programs.iter().filter(|name| program::find(name).is_none());
    let packages: Vec<_> = missing.map(|name| package(name)).collect();
    if packages.is_empty() { Ok(()) } else { apt::install(&packages) }
}

/// The package that a program comes in.
fn package(program: &str) -> &str {
    match program {
        "h2load" => "nghttp2-client",
        named_alike => named_alike,
    }
}

fn measure_stack(binaries: &[PathBuf]) -> Result<String> {
    test::on_private_engine(|place| {
        let measured = measure(Part::Stack, &test::environment(place, binaries)?)?;
        let docker = Docker::find(&place.host()).context("there is no `docker` command")?;
        Ok(measured + &image_rows(&docker, binaries)?)
    })
}

/// The program that measures prints a table, whose rows have the form of [`row`].
fn measure(part: Part, environment: &[(&'static str, OsString)]) -> Result<String> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(repository::root())
        .args(["run", "--quiet", "--release", "--package", test::E2E, "--bin", "bench", "--", part.name()])
        .envs(environment.iter().cloned())
        .stderr(Stdio::inherit());
    let output = cargo.output().context("starting cargo")?;
    if !output.status.success() {
        bail!("measuring failed; why is said above");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned() + "\n")
}

fn image_rows(docker: &Docker, binaries: &[PathBuf]) -> Result<String> {
    stack::build_images(docker, binaries)?;
    let gateway = image_size(docker, "homeport/homeport:local")?;
    let auth = image_size(docker, "homeport/auth:local")?;
    let bus = image_size(docker, "homeport/bus:local")?;
    let agent = image_size(docker, "homeport/docker-agent:local")?;
    let binary = binaries.first().context("there is a binary")?.metadata().context("looking at the binary")?.len();
    let agent = format!("{} without the CLI, {} with it", megabytes(binary), megabytes(agent));
    Ok(row("size of the image of the gateway", &megabytes(gateway), "25 MB")
        + &row("size of the image of auth", &megabytes(auth), "25 MB")
        + &row("size of the image of the bus", &megabytes(bus), "25 MB")
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
