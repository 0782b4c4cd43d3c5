//! The images of the stack, made from binaries that are already built and from the Docker CLI of this machine, so that
//! nothing is compiled twice and nothing is pulled.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{git, libraries, shell};
use crate::docker::Docker;
use crate::say::say;
use crate::{program, repository};

/// The stages of the Dockerfile that are images; each is tagged with its name.
const IMAGES: [&str; 5] = ["homeport", "auth", "updater", "bus", "docker-agent"];

/// The label that says what an image was made from.
const LABEL: &str = "homeport.parts";

/// Builds all images, unless the engine has them from the same parts.
pub(crate) fn build(docker: &Docker, binaries: &[PathBuf]) -> Result<()> {
    let fingerprint = fingerprint(docker, binaries)?;
    if IMAGES.iter().all(|image| is_made_from(docker, image, &fingerprint)) {
        return Ok(());
    }
    say("Building the images …");
    let parts = Parts::collect(docker, binaries)?;
    let named_contexts = docker.has_named_contexts()?;
    for image in IMAGES {
        let mut command = if named_contexts { parts.by_named_context(docker) } else { by_main_context(docker) };
        command.arg("--file").arg(repository::root().join("compose/Dockerfile"));
        command.args(["--quiet", "--target", image, "--tag", &tag(image)]);
        command.args(["--label", &format!("{LABEL}={fingerprint}")]);
        program::run_quietly(command.arg(parts.folder.path()))?;
    }
    Ok(())
}

fn tag(image: &str) -> String {
    format!("homeport/{image}:local")
}

fn is_made_from(docker: &Docker, image: &str, fingerprint: &str) -> bool {
    let format = format!("{{{{index .Config.Labels {LABEL:?}}}}}");
    let mut inspect = docker.command(["image", "inspect", "--format"]);
    program::read(inspect.args([format, tag(image)])).is_ok_and(|label| label == fingerprint)
}

/// Changes when a part does. Size and time of a file stand for its content: reading a hundred megabytes to find that
/// nothing has changed would be most of the time that a second start takes.
fn fingerprint(docker: &Docker, binaries: &[PathBuf]) -> Result<String> {
    let plugin = docker.plugin("compose")?;
    let dockerfile = repository::root().join("compose/Dockerfile");
    let busybox = shell::busybox()?;
    let others = [docker.program(), &plugin, &dockerfile, &busybox];
    let mut hasher = DefaultHasher::new();
    let git = program::find("git");
    for file in binaries.iter().map(PathBuf::as_path).chain(others).chain(git.as_deref()) {
        let metadata = file.metadata().with_context(|| format!("looking at {}", file.display()))?;
        (metadata.len(), metadata.modified().ok()).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// What goes into the images, in a directory that is gone afterwards.
struct Parts {
    folder: TempDir,
}

impl Parts {
    fn collect(docker: &Docker, binaries: &[PathBuf]) -> Result<Self> {
        // Below `target`, so that hard links reach the binaries.
        let parent = repository::target_directory("images")?;
        let parts =
            Self { folder: tempfile::tempdir_in(parent).context("creating a directory for the parts of the images")? };
        std::fs::create_dir(parts.binaries()).context("creating the directory for the binaries")?;
        for binary in binaries {
            place(binary, &parts.binaries().join(binary.file_name().context("a binary has a name")?))?;
        }
        let compose = docker.plugin("compose")?;
        collect_program(docker.program(), Path::new("usr/bin/docker"), &parts.engine_cli())?;
        collect_program(&compose, Path::new("usr/libexec/docker/cli-plugins/docker-compose"), &parts.engine_cli())?;
        git::collect(&parts.engine_cli())?;
        place(&shell::busybox()?, &parts.shell().join("bin/busybox"))?;
        Ok(parts)
    }

    fn binaries(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn engine_cli(&self) -> PathBuf {
        self.folder.path().join("engine-cli")
    }

    fn shell(&self) -> PathBuf {
        self.folder.path().join("shell")
    }

    /// For builders that know named contexts.
    fn by_named_context(&self, docker: &Docker) -> Command {
        let context = |name: &str, path: PathBuf| format!("{name}={}", path.display());
        let mut command = docker.command(["buildx", "build", "--load"]);
        command
            .args(["--build-context", &context("binaries", self.binaries()), "--build-arg", "BINARIES=binaries"])
            .args([
                "--build-context",
                &context("engine-cli", self.engine_cli()),
                "--build-arg",
                "ENGINE_CLI=engine-cli",
            ])
            .args(["--build-context", &context("shell", self.shell()), "--build-arg", "SCRIPT_SHELL=shell"]);
        command
    }
}

/// For the builder inside Docker 20.10: the parts are the build context.
fn by_main_context(docker: &Docker) -> Command {
    let mut command = docker.command(["build"]);
    command.args(["--build-arg", "BINARIES=prebuilt", "--build-arg", "ENGINE_CLI=prebuilt-cli"]);
    command.args(["--build-arg", "SCRIPT_SHELL=prebuilt-shell"]);
    command
}

/// Puts a program at a path below `root`, and the libraries it is linked to where it looks for them.
pub(super) fn collect_program(program: &Path, path: &Path, root: &Path) -> Result<()> {
    place(program, &root.join(path))?;
    for library in libraries::of(program)? {
        let below = library.strip_prefix("/").unwrap_or(&library);
        if !root.join(below).exists() {
            place(&library, &root.join(below))?;
        }
    }
    Ok(())
}

pub(super) fn place(from: &Path, to: &Path) -> Result<()> {
    let place = || {
        std::fs::create_dir_all(to.parent().unwrap_or(to))?;
        // What is named may be a link to a versioned file, and a hard link does not cross file systems.
        let from = from.canonicalize()?;
        std::fs::hard_link(&from, to).or_else(|_| std::fs::copy(&from, to).map(drop))
    };
    place().with_context(|| format!("placing {} at {}", from.display(), to.display()))
}
