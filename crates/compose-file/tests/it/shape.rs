//! The compose files in `tests/shapes`: one file a shape, with what an edit has to do to it.
//!
//! The head says, one a line: `service` (default `web`), `container`, `tag` (default `1.26.3`), `call` (the files that
//! compose gets, default `compose.yaml`), `env-files`, `directory`, `edit: FILE | OLD | NEW` (or `none`), `also` (services
//! whose image changes with it), `values` (what else of the service does), `refused` (a part of the reason),
//! `line-endings: crlf`, `final-newline: none`, `compose: fails`. The files follow, each behind `--- PATH`.

use std::{collections::BTreeMap, path::PathBuf};

use homeport_compose_file::{Sources, Target};

const DIGEST: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A shape.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) name: String,
    head: Vec<(String, String)>,
    /// Texts by path, relative to the project's directory.
    pub(crate) files: BTreeMap<String, String>,
}

/// All shapes, ordered by name.
pub(crate) fn all() -> Vec<Shape> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/shapes");
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| Shape::read(path)).collect()
}

impl Shape {
    fn read(path: &std::path::Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut parts = text.split("--- ");
        let head = parts.next().unwrap().lines().filter(|line| !line.starts_with('#'));
        let head = head.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}")));
        let head = head.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut shape = Self { name, head, files: BTreeMap::new() };
        for part in parts {
            let (path, text) = part.split_once('\n').unwrap();
            let mut text = text.to_owned();
            if shape.get("line-endings") == Some("crlf") {
                text = text.replace('\n', "\r\n");
            }
            if shape.get("final-newline") == Some("none") {
                text.truncate(text.trim_end().len());
            }
            shape.files.insert(path.to_owned(), text);
        }
        shape
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

    pub(crate) fn service(&self) -> &str {
        self.get("service").unwrap_or("web")
    }

    /// The files that compose gets.
    pub(crate) fn call(&self) -> Vec<&str> {
        self.get("call").unwrap_or("compose.yaml").split_whitespace().collect()
    }

    pub(crate) fn target(&self) -> Target {
        let tag = self.get("tag").unwrap_or("1.26.3").to_owned();
        Target { tag, digest: Some(DIGEST.parse().unwrap()) }
    }

    /// Everything that the project is read from, once it was asked for, below a directory.
    pub(crate) fn sources(&self, root: &str) -> Sources {
        let below = |path: &str| format!("{root}/{path}");
        let mut sources = Sources {
            config_files: self.call().into_iter().map(below).collect(),
            directory: self.get("directory").map(|_| root.to_owned()).unwrap_or_default(),
            env_files: self.words("env-files").into_iter().map(below).collect(),
            texts: BTreeMap::new(),
        };
        loop {
            let missing = sources.missing().unwrap();
            if missing.is_empty() {
                return sources;
            }
            for path in missing {
                let text = path.strip_prefix(root).and_then(|path| self.files.get(path.trim_start_matches('/')));
                sources.texts.insert(path, text.cloned());
            }
        }
    }
}
