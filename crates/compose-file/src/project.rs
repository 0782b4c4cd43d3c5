//! All files of a project, parsed, and in which order they have their say.

mod include;
mod part;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use scope::Scope;

use crate::{
    ComposeFileError, File, Sources,
    document::{Document, Scalar},
    interpolate::Expanded,
};

/// Files that a project may have, those that it includes or extends among them.
const MAX_FILES: usize = 64;

/// All files of a project, parsed.
#[derive(Debug)]
pub(crate) struct Project<'a> {
    sources: &'a Sources,
    files: Vec<Parsed<'a>>,
    by_path: BTreeMap<String, usize>,
    scopes: Vec<Scope<'a>>,
    /// In the order in which compose merges them: later ones win.
    layers: Vec<Place>,
    missing: BTreeSet<String>,
}

/// One compose file.
#[derive(Debug)]
struct Parsed<'a> {
    file: File<'a>,
    documents: Vec<Document>,
}

/// A document of a file, and what its variables and paths mean there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: usize,
    document: usize,
    scope: usize,
    directory: String,
}

/// Where the image of a service stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImagePlace<'p, 'a> {
    pub(crate) file: File<'a>,
    pub(crate) scalar: &'p Scalar,
    /// The service that has it: the one that was asked for, or one that it extends.
    pub(crate) owner: &'p str,
    scope: usize,
}

impl<'a> Project<'a> {
    /// Parses what is known of a project.
    pub(crate) fn parse(sources: &'a Sources) -> Result<Self, ComposeFileError> {
        let mut project = Self {
            sources,
            files: Vec::new(),
            by_path: BTreeMap::new(),
            scopes: Vec::new(),
            layers: Vec::new(),
            missing: BTreeSet::new(),
        };
        let scope = project.add_scope(None, &sources.env_files());
        for path in &sources.config_files {
            project.read(path, scope, sources.directory(), 0)?;
        }
        for layer in project.layers.clone() {
            project.read_extended(&layer, 0)?;
        }
        Ok(project)
    }

    /// Files that are referred to and not known.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.missing.iter().cloned().collect()
    }

    /// Names of all services, in order.
    pub(crate) fn services(&self) -> BTreeSet<&str> {
        let documents = self.layers.iter().map(|layer| self.document(layer));
        documents
            .filter_map(|document| Some((document, document.at(&["services"])?)))
            .flat_map(|(document, node)| document.mapping(node).iter().map(move |(key, _)| (document, *key)))
            .filter_map(|(document, key)| document.scalar(key).map(|scalar| scalar.value.as_str()))
            .collect()
    }

    /// Where the image of a service stands: of all parts that say one, in the last.
    pub(crate) fn image(&self, service: &str) -> Option<ImagePlace<'_, 'a>> {
        let parts = self.parts(service);
        let (part, scalar) = parts.iter().rev().find_map(|part| Some((part, part.scalar("image")?)))?;
        let file = self.files[part.place.file].file;
        (!scalar.is_reset).then_some(ImagePlace { file, scalar, owner: part.owner, scope: part.place.scope })
    }

    /// Whether a file is read as a compose file.
    pub(crate) fn is_compose_file(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Expands the image at a place.
    pub(crate) fn expand_image(&self, place: &ImagePlace<'_, '_>) -> Result<Expanded, String> {
        self.expand(&place.scalar.value, place.scope)
    }

    /// Expands a value with the variables of a scope.
    fn expand(&self, text: &str, scope: usize) -> Result<Expanded, String> {
        crate::interpolate::expand(text, &self.scopes[scope].variables)
    }

    fn document(&self, place: &Place) -> &Document {
        &self.files[place.file].documents[place.document]
    }

    /// The number of a file, parsed. None: its text is not known, or it is not there.
    fn parsed(&mut self, path: &str) -> Result<Option<usize>, ComposeFileError> {
        if let Some(index) = self.by_path.get(path) {
            return Ok(Some(*index));
        }
        let Some((path, text)) = self.known(path) else { return Ok(None) };
        if self.files.len() >= MAX_FILES {
            return Err(ComposeFileError::TooManyFiles { limit: MAX_FILES });
        }
        let file = File { path, text };
        self.files.push(Parsed { file, documents: Document::parse_all(file)? });
        self.by_path.insert(path.to_owned(), self.files.len() - 1);
        Ok(Some(self.files.len() - 1))
    }

    /// Path and text of a file that is there. One that nobody has looked for is noted.
    fn known(&mut self, path: &str) -> Option<(&'a str, &'a str)> {
        if let Some((path, text)) = self.sources.texts.get_key_value(path) {
            return Some((path.as_str(), text.as_deref()?));
        }
        self.missing.insert(path.to_owned());
        None
    }
}
