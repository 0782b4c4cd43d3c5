//! Compiles `proto/` into `crates/proto/src/generated`. Run it through `cargo xtask gen proto`; the result is committed,
//! so that building Homeport needs no generator.

use std::path::Path;

use anyhow::Context as _;
use prost::Message as _;

const FILES: &[&str] = &[
    "homeport/auth/v1/audit.proto",
    "homeport/auth/v1/auth.proto",
    "homeport/auth/v1/device.proto",
    "homeport/auth/v1/factor.proto",
    "homeport/auth/v1/oidc.proto",
    "homeport/auth/v1/passkey.proto",
    "homeport/auth/v1/user.proto",
    "homeport/bus/v1/bus.proto",
    "homeport/docker/v1/docker.proto",
    "homeport/docker/v1/lock.proto",
    "homeport/docker/v1/rehearsal.proto",
    "homeport/docker/v1/observe.proto",
    "homeport/docker/v1/plugin.proto",
    "homeport/docker/v1/self_update.proto",
    "homeport/docker/v1/upkeep.proto",
    "homeport/updater/v1/container.proto",
    "homeport/updater/v1/history.proto",
    "homeport/updater/v1/pipeline.proto",
    "homeport/updater/v1/release.proto",
    "homeport/updater/v1/script.proto",
    "homeport/updater/v1/updater.proto",
    "pubservice/pubservice.proto",
];

/// What generic clients may ask a process to describe: the bus alone is spoken to by programs that are not ours.
const REFLECTED: [&str; 2] = ["homeport/bus/v1/bus.proto", "pubservice/pubservice.proto"];

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = root.join("crates/proto/src/generated");
    std::fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let descriptors = protox::compile(FILES, [root.join("proto")]).context("compiling proto/")?;
    std::fs::write(out.join("descriptors.bin"), reflected(&root)?).context("writing the descriptors")?;
    tonic_prost_build::configure().out_dir(&out).compile_fds(descriptors).context("generating the code")?;
    Ok(())
}

/// Without comments: whoever asks for descriptors wants names and types, and the bus keeps them in memory.
fn reflected(root: &Path) -> anyhow::Result<Vec<u8>> {
    let mut compiler = protox::Compiler::new([root.join("proto")]).context("finding proto/")?;
    compiler.include_imports(true).open_files(REFLECTED).context("compiling what is reflected")?;
    Ok(compiler.file_descriptor_set().encode_to_vec())
}
