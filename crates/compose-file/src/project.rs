//! All files of a project, parsed, and where in them a service's image stands.

use std::collections::BTreeSet;

use crate::{
    ComposeFileError, File,
    document::{Document, NodeId, Scalar},
    dotenv::Variables,
    interpolate::{Expanded, expand},
};

/// Services that extend each other are followed this deep.
const MAX_EXTENDS_DEPTH: usize = 8;

/// All files of a project, parsed.
#[derive(Debug)]
pub(crate) struct Project<'a> {
    pub(crate) files: Vec<Parsed<'a>>,
    pub(crate) variables: Variables<'a>,
}

/// One compose file.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) file: File<'a>,
    pub(crate) documents: Vec<Document>,
}

/// Where the image of a service stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImagePlace<'p, 'a> {
    pub(crate) file: File<'a>,
    pub(crate) scalar: &'p Scalar,
    /// The service of another file that it is taken from.
    pub(crate) template: Option<&'p str>,
}

impl<'a> Project<'a> {
    pub(crate) fn parse(files: &[File<'a>], env_files: &[File<'a>]) -> Result<Self, ComposeFileError> {
        let parsed = files
            .iter()
            .map(|file| Ok(Parsed { file: *file, documents: Document::parse_all(*file)? }))
            .collect::<Result<_, ComposeFileError>>()?;
        Ok(Self { files: parsed, variables: Variables::read(env_files) })
    }

    /// Names of all services, in order.
    pub(crate) fn services(&self) -> BTreeSet<&str> {
        self.documents()
            .filter_map(|(_, document)| Some((document, document.at(&["services"])?)))
            .flat_map(|(document, node)| document.mapping(node).iter().map(move |(key, _)| (document, *key)))
            .filter_map(|(document, key)| document.scalar(key).map(|scalar| scalar.value.as_str()))
            .collect()
    }

    /// The parts of a service in their order, each with the number of its file.
    pub(crate) fn parts(&self, service: &str) -> Vec<(usize, &Document, NodeId)> {
        self.documents()
            .filter_map(|(index, document)| Some((index, document, document.at(&["services", service])?)))
            .collect()
    }

    /// The value of a key of a service that counts: of several files the last one.
    pub(crate) fn last(&self, service: &str, key: &str) -> Option<(usize, &Document, NodeId)> {
        let parts = self.parts(service);
        parts.into_iter().rev().find_map(|(index, document, node)| Some((index, document, document.get(node, key)?)))
    }

    /// Where the image of a service stands, its own or that of a service which it extends.
    pub(crate) fn image(&self, service: &str) -> Option<ImagePlace<'_, 'a>> {
        self.image_of(service, self.files.len(), 0)
    }

    /// Expands a value with the project's variables.
    pub(crate) fn expand(&self, text: &str) -> Result<Expanded, String> {
        expand(text, &self.variables)
    }

    /// Looks in the files before number `end` only when an extended service must be in a certain one.
    fn image_of(&self, service: &str, end: usize, depth: usize) -> Option<ImagePlace<'_, 'a>> {
        let within = |index: usize| end == self.files.len() || index == end;
        let parts: Vec<_> = self.parts(service).into_iter().filter(|(index, ..)| within(*index)).collect();
        let own = parts
            .iter()
            .rev()
            .find_map(|(index, document, node)| Some((*index, document.scalar(document.get(*node, "image")?)?)));
        if let Some((index, scalar)) = own {
            return (!scalar.is_reset).then(|| ImagePlace { file: self.files[index].file, scalar, template: None });
        }
        let (index, document, extends) = parts
            .iter()
            .rev()
            .find_map(|(index, document, node)| Some((*index, *document, document.get(*node, "extends")?)))?;
        let (base, file) = extended(document, extends)?;
        let end = match file {
            None => index,
            Some(path) => {
                let path = resolve(self.files[index].file.path, path);
                self.files.iter().position(|parsed| parsed.file.path == path)?
            }
        };
        let place = (depth < MAX_EXTENDS_DEPTH).then(|| self.image_of(base, end, depth + 1)).flatten()?;
        Some(ImagePlace { template: place.template.or(file.map(|_| base)), ..place })
    }

    fn documents(&self) -> impl Iterator<Item = (usize, &Document)> {
        let files = self.files.iter().enumerate();
        files.flat_map(|(index, parsed)| parsed.documents.iter().map(move |document| (index, document)))
    }
}

/// Service and file of an `extends`.
pub(crate) fn extended(document: &Document, node: NodeId) -> Option<(&str, Option<&str>)> {
    let text = |node: NodeId| document.scalar(node).map(|scalar| scalar.value.as_str());
    match text(node) {
        Some(service) => Some((service, None)),
        None => Some((text(document.get(node, "service")?)?, document.get(node, "file").and_then(text))),
    }
}

/// A path as a file names it, relative to that file's directory, without `.` and `..`.
pub(crate) fn resolve(from: &str, path: &str) -> String {
    let whole = match (path.starts_with('/'), from.rsplit_once('/')) {
        (false, Some((directory, _))) => format!("{directory}/{path}"),
        _ => path.to_owned(),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, "" | "..")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_their_file() {
        for (path, expected) in [
            ("common.yml", "/stacks/a/common.yml"),
            ("./x/../common.yml", "/stacks/a/common.yml"),
            ("../b/c.yml", "/stacks/b/c.yml"),
            ("/etc/c.yml", "/etc/c.yml"),
        ] {
            assert_eq!(resolve("/stacks/a/compose.yaml", path), expected);
        }
    }
}
