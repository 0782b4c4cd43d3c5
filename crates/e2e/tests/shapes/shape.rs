//! The files of `files/`: one a shape, with what an update has to do to it.
//!
//! The head says, one a line: `updated` (services, default `web`), `following` (services whose containers are made again
//! with them), `ended` (services that do not run), `edit: FILE | OLD | NEW` (`\n` for the end of a line), `remade` (services that compose makes again at the
//! next `up` by itself), `refused` (a part of the reason), `doubted: yes` (the plan can't tell whether the files were changed since), `setup` (arguments of `docker` before), `call` (what stands
//! before the command of compose), `up` (what stands behind `up -d`), `after` (a command of compose behind it), `settle`
//! (one instead of the `up` that is to find nothing to do), `shell: NAME=VALUE`, `project: file` (where its files name
//! it), `line-endings: crlf`, `final-newline: none`. The files follow, each behind `--- PATH`. Placeholders: those of
//! [`Images::values`], `{label}`, `{id}` (its value), `{port}` and `{subnet}` (free ones).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use homeport_e2e::{Call, free_port, free_subnet};

use crate::images::Images;

/// A shape.
#[derive(Debug, Clone)]
pub struct Shape {
    pub(crate) name: String,
    head: Vec<(String, String)>,
    /// Texts by path.
    pub(crate) files: BTreeMap<String, String>,
}

/// All shapes, ordered by name.
pub(crate) fn all() -> anyhow::Result<Vec<Shape>> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/shapes/files");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("listing {}", directory.display()))? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(|path| Shape::read(path).with_context(|| format!("reading {}", path.display()))).collect()
}

impl Shape {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)?;
        let name = path.file_stem().context("a file has a name")?.to_string_lossy().into_owned();
        let mut parts = text.split("--- ");
        let head = parts.next().unwrap_or_default().lines().filter(|line| !line.starts_with('#'));
        let head = head
            .map(|line| {
                line.split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned())).context(line.to_owned())
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut shape = Self { name, head, files: BTreeMap::new() };
        for part in parts {
            let (path, text) = part.split_once('\n').context("a path stands on a line")?;
            let mut text = text.to_owned();
            if shape.get("line-endings") == Some("crlf") {
                text = text.replace('\n', "\r\n");
            }
            if shape.get("final-newline") == Some("none") {
                text.truncate(text.trim_end().len());
            }
            shape.files.insert(path.to_owned(), text);
        }
        Ok(shape)
    }

    /// With everything in place of the placeholders.
    pub(crate) fn filled(&self, images: &Images, label: &str) -> anyhow::Result<Self> {
        let mut values = images.values()?.to_vec();
        let (_, id) = label.split_once('=').context("a label has a value")?;
        values.extend([("{label}", label.to_owned()), ("{id}", id.to_owned())]);
        values.extend([("{port}", free_port()?.to_string()), ("{subnet}", free_subnet()?)]);
        let filled = |text: &String| {
            values.iter().fold(text.clone(), |text, (placeholder, value)| text.replace(placeholder, value))
        };
        Ok(Self {
            name: self.name.clone(),
            head: self.head.iter().map(|(key, value)| (key.clone(), filled(value))).collect(),
            files: self.files.iter().map(|(path, text)| (path.clone(), filled(text))).collect(),
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.lines(key).next()
    }

    /// All lines with this key.
    pub(crate) fn lines(&self, key: &str) -> impl Iterator<Item = &str> {
        self.head.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The words of a line.
    pub(crate) fn words(&self, key: &str) -> Vec<&str> {
        self.get(key).unwrap_or_default().split_whitespace().collect()
    }

    /// The services that are updated.
    pub(crate) fn updated(&self) -> Vec<&str> {
        self.get("updated").unwrap_or("web").split_whitespace().collect()
    }

    /// How compose is called, every time.
    pub(crate) fn call(&self) -> Call {
        let mut call = if self.get("project") == Some("file") {
            Call::default()
        } else {
            Call::named(&format!("hp-shape-{}", self.name))
        };
        let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
        call.options.extend(owned(self.words("call")));
        call.up = owned(self.words("up"));
        let variables = self.lines("shell").filter_map(|line| line.split_once('='));
        call.shell = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        call
    }

    /// The files after the update.
    pub(crate) fn edited(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut files = self.files.clone();
        for line in self.lines("edit") {
            let line = line.replace("\\n", "\n");
            let mut parts = line.split(" | ");
            let (Some(path), Some(old), Some(new)) = (parts.next(), parts.next(), parts.next()) else {
                anyhow::bail!("`edit: {line}` lacks a part");
            };
            let text = files.get_mut(path).with_context(|| format!("there is no {path}"))?;
            ensure!(text.matches(old).count() == 1, "{old} must stand once in {path}");
            *text = text.replace(old, new);
        }
        Ok(files)
    }
}
