//! Files that others include or take services from.

use super::{Place, Project};
use crate::{
    ComposeFileError,
    document::{Document, NodeId},
    path,
};

/// Files that include or extend each other are followed this deep.
const MAX_DEPTH: usize = 8;

/// An entry of `include`.
#[derive(Debug, Default)]
struct Include {
    /// The first is the file, further ones override it.
    paths: Vec<String>,
    env_files: Vec<String>,
    directory: Option<String>,
}

impl Project<'_> {
    /// Adds the layers of a file, those that it includes before its own.
    pub(super) fn read(
        &mut self,
        path: &str,
        scope: usize,
        directory: &str,
        depth: usize,
    ) -> Result<(), ComposeFileError> {
        let Some(file) = self.parsed(path)? else { return Ok(()) };
        for document in 0..self.files[file].documents.len() {
            let place = Place { file, document, scope, directory: directory.to_owned() };
            for include in includes(self.document(&place)) {
                if depth < MAX_DEPTH {
                    self.read_included(&place, &include, depth + 1)?;
                }
            }
            self.layers.push(place);
        }
        Ok(())
    }

    fn read_included(&mut self, from: &Place, include: &Include, depth: usize) -> Result<(), ComposeFileError> {
        let paths = self.resolved(from, &include.paths);
        let Some(first) = paths.first() else { return Ok(()) };
        let directory = match &include.directory {
            Some(directory) => self.resolved(from, std::slice::from_ref(directory)).pop(),
            None => Some(path::parent(first).to_owned()),
        };
        let Some(directory) = directory else { return Ok(()) };
        let mut env_files = self.resolved(from, &include.env_files);
        if include.env_files.is_empty() {
            env_files.push(path::resolve(&directory, ".env"));
        }
        let scope = self.add_scope(Some(from.scope), &env_files);
        paths.iter().try_for_each(|path| self.read(path, scope, &directory, depth))
    }

    /// Reads the files that services of a place are taken from.
    pub(super) fn read_extended(&mut self, from: &Place, depth: usize) -> Result<(), ComposeFileError> {
        let document = self.document(from);
        let services = document.at(&["services"]).map_or(&[][..], |services| document.mapping(services));
        let files: Vec<String> = services
            .iter()
            .filter_map(|(_, service)| extended(document, document.get(*service, "extends")?)?.1)
            .map(str::to_owned)
            .collect();
        for path in self.resolved(from, &files) {
            let is_known = self.by_path.contains_key(&path);
            if let Some(file) = self.parsed(&path)?
                && !is_known
                && depth < MAX_DEPTH
            {
                for document in 0..self.files[file].documents.len() {
                    let place = Place { file, document, scope: from.scope, directory: path::parent(&path).to_owned() };
                    self.read_extended(&place, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Paths of this machine as a place names them, variables resolved. Those that cannot be resolved are left out.
    pub(super) fn resolved(&self, from: &Place, paths: &[String]) -> Vec<String> {
        let texts = paths.iter().filter_map(|path| self.expand(path, from.scope).ok()).map(|path| path.text());
        texts.filter(|path| path::is_local(path)).map(|path| path::resolve(&from.directory, &path)).collect()
    }
}

/// Service and file of an `extends`.
pub(super) fn extended(document: &Document, node: NodeId) -> Option<(&str, Option<&str>)> {
    let text = |node: NodeId| document.scalar(node).map(|scalar| scalar.value.as_str());
    match text(node) {
        Some(service) => Some((service, None)),
        None => Some((text(document.get(node, "service")?)?, document.get(node, "file").and_then(text))),
    }
}

fn includes(document: &Document) -> Vec<Include> {
    let Some(include) = document.at(&["include"]) else { return Vec::new() };
    let texts = |node: Option<NodeId>| node.map_or_else(Vec::new, |node| document.texts(node));
    let entry = |node: NodeId| match document.scalar(node) {
        Some(path) => Include { paths: vec![path.value.clone()], ..Include::default() },
        None => Include {
            paths: texts(document.get(node, "path")),
            env_files: texts(document.get(node, "env_file")),
            directory: texts(document.get(node, "project_directory")).pop(),
        },
    };
    document.sequence(include).iter().map(|node| entry(*node)).collect()
}
