//! Which images `cargo xtask fixtures` has put into the registry.

use anyhow::Context as _;
use serde_json::Value;

use crate::run::root;

/// The images by name, each in an old and a new version.
#[derive(Debug)]
pub struct Fixtures(Value);

/// Two versions of an image, as tags, and its repository with the registry.
#[derive(Debug, Clone)]
pub struct Versions {
    /// Such as `127.0.0.1:5000/nginx`.
    pub repository: String,
    /// Tag of the older version.
    pub old: String,
    /// Tag of the newer version.
    pub new: String,
}

impl Versions {
    /// Reference of the older version.
    pub fn old_image(&self) -> String {
        format!("{}:{}", self.repository, self.old)
    }

    /// Reference of the newer version.
    pub fn new_image(&self) -> String {
        format!("{}:{}", self.repository, self.new)
    }
}

impl Fixtures {
    /// Reads the list.
    pub fn load() -> anyhow::Result<Self> {
        let path = root().join("target/engine/fixtures.json");
        let text = std::fs::read_to_string(&path).context("no fixtures; run `cargo xtask fixtures`")?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    /// The versions of an image.
    pub fn versions(&self, name: &str) -> anyhow::Result<Versions> {
        let field = |key: &str| {
            self.0[name][key].as_str().map(str::to_owned).with_context(|| format!("fixtures.json lacks {name}.{key}"))
        };
        Ok(Versions { repository: format!("127.0.0.1:5000/{name}"), old: field("old")?, new: field("new")? })
    }
}
