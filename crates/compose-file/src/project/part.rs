//! The mappings that a service is merged from.

use std::collections::BTreeMap;

use super::{Place, Project, include::extended};
use crate::{
    File,
    document::{Document, NodeId, Scalar},
    dotenv, path,
};

/// Services that extend each other are followed this deep.
const MAX_EXTENDS_DEPTH: usize = 8;
/// Nodes of a service that are looked at; only aliases of aliases of aliases make a service of more.
const MAX_NODES: usize = 20_000;

/// A mapping that a service is merged from.
#[derive(Debug)]
pub(crate) struct Part<'p> {
    pub(super) place: Place,
    /// The service that the mapping describes: the one that was asked for, or one that it extends.
    pub(super) owner: &'p str,
    pub(crate) document: &'p Document,
    pub(crate) node: NodeId,
}

impl<'p> Part<'p> {
    /// A key's scalar.
    pub(crate) fn scalar(&self, key: &str) -> Option<&'p Scalar> {
        self.document.scalar(self.document.get(self.node, key)?)
    }
}

impl Project<'_> {
    /// All parts of a service in the order in which they are merged: later ones win.
    pub(crate) fn parts<'p>(&'p self, service: &str) -> Vec<Part<'p>> {
        let mut parts = Vec::new();
        for layer in &self.layers {
            self.collect(layer, service, 0, &mut parts);
        }
        parts
    }

    /// Where files describe a service themselves, in the order in which they are merged.
    pub(crate) fn own_parts<'p>(&'p self, service: &str) -> Vec<(File<'p>, &'p Document, NodeId)> {
        let own = |part: &Part<'_>| part.owner == service && self.layers.contains(&part.place);
        let parts = self.parts(service).into_iter().filter(own);
        parts.map(|part| (self.files[part.place.file].file, part.document, part.node)).collect()
    }

    /// What a service is given, by where it stands (`environment.NAME`), variables resolved: not as compose would write
    /// it, but enough to see what an edit changes.
    pub(crate) fn values(&self, service: &str) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        let parts = self.parts(service);
        for part in &parts {
            self.values_of_env_files(part, &mut values);
        }
        let mut left = MAX_NODES;
        for part in &parts {
            self.flatten(part, part.node, "", &mut values, &mut left);
        }
        values
    }

    /// A text with its variables resolved, or as it is if they cannot be.
    pub(crate) fn shown(&self, part: &Part<'_>, text: &str) -> String {
        self.expand(text, part.place.scope).map_or_else(|_| text.to_owned(), |expanded| expanded.text())
    }

    /// Adds the parts of a service at a place, those that it extends before its own.
    fn collect<'p>(&'p self, place: &Place, service: &str, depth: usize, into: &mut Vec<Part<'p>>) -> bool {
        let document = self.document(place);
        let Some((owner, node)) = named(document, service) else { return false };
        let extends = document.get(node, "extends").and_then(|extends| extended(document, extends));
        if let Some((base, file)) = extends.filter(|_| depth < MAX_EXTENDS_DEPTH) {
            match file {
                None if base == service => {}
                None => {
                    // Its base may stand in a file before this one.
                    if !self.collect(place, base, depth + 1, into)
                        && let Some(other) =
                            self.layers.iter().rfind(|layer| named(self.document(layer), base).is_some())
                    {
                        self.collect(other, base, depth + 1, into);
                    }
                }
                Some(file) => {
                    let path = self.resolved(place, &[file.to_owned()]).pop();
                    if let Some((path, index)) = path.and_then(|path| Some((path.clone(), *self.by_path.get(&path)?))) {
                        for document in 0..self.files[index].documents.len() {
                            let directory = path::parent(&path).to_owned();
                            let place = Place { file: index, document, scope: place.scope, directory };
                            self.collect(&place, base, depth + 1, into);
                        }
                    }
                }
            }
        }
        into.push(Part { place: place.clone(), owner, document, node });
        true
    }

    fn values_of_env_files(&self, part: &Part<'_>, into: &mut BTreeMap<String, String>) {
        let Some(node) = part.document.get(part.node, "env_file") else { return };
        let mut paths = part.document.texts(node);
        let long = part.document.sequence(node).iter().filter_map(|entry| part.document.get(*entry, "path"));
        paths.extend(long.flat_map(|node| part.document.texts(node)));
        for path in self.resolved(&part.place, &paths) {
            let Some(text) = self.sources.text(&path) else { continue };
            for entry in dotenv::parse(text) {
                into.insert(format!("environment.{}", entry.name), text[entry.range].to_owned());
            }
        }
    }

    fn flatten(
        &self,
        part: &Part<'_>,
        node: NodeId,
        path: &str,
        into: &mut BTreeMap<String, String>,
        left: &mut usize,
    ) {
        let document = part.document;
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        *left = left.saturating_sub(1);
        if *left == 0 {
            return;
        }
        if let Some(scalar) = document.scalar(node) {
            into.insert(path.to_owned(), self.shown(part, &scalar.value));
        }
        for (index, entry) in document.sequence(node).iter().enumerate() {
            match document.scalar(*entry).map(|scalar| scalar.value.as_str()) {
                Some(text) if matches!(path, "environment" | "labels") => {
                    // A name alone stands for the variable of that name.
                    let own = format!("${{{text}-}}");
                    let (name, value) =
                        text.split_once('=').unwrap_or((text, if path == "labels" { "" } else { &own }));
                    into.insert(below(&self.shown(part, name)), self.shown(part, value));
                }
                _ => self.flatten(part, *entry, &below(&index.to_string()), into, left),
            }
        }
        for (key, value) in document.entries(node) {
            self.flatten(part, value, &below(&self.shown(part, key)), into, left);
        }
    }
}

fn named<'d>(document: &'d Document, service: &str) -> Option<(&'d str, NodeId)> {
    let services = document.at(&["services"])?;
    document.entries(services).into_iter().find(|(name, _)| *name == service)
}
