//! Where things are in the checkout that this program was built from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// A path below `target/`, where everything goes that can be made again.
pub(crate) fn target(below: &str) -> PathBuf {
    root().join("target").join(below)
}

/// A path below `target/` that exists as a directory when this returns.
pub(crate) fn target_directory(below: &str) -> Result<PathBuf> {
    let path = target(below);
    std::fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
    Ok(path)
}

/// A path as JSON, YAML and TOML all write a string.
pub(crate) fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}
