//! YAML documents as trees whose values know their bytes.

use std::{collections::HashMap, ops::Range};

use granit_parser::{Event, Parser, Tag};

use crate::{ComposeFileError, File};

/// Merge keys are followed this deep; no file that a person wrote comes near it.
const MAX_MERGE_DEPTH: usize = 16;

/// One YAML document. An alias is the same node as its anchor.
#[derive(Debug)]
pub(crate) struct Document {
    nodes: Vec<Node>,
    root: Option<NodeId>,
}

/// A node of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

#[derive(Debug)]
enum Node {
    Scalar(Scalar),
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
}

/// A scalar and where it stands.
#[derive(Debug)]
pub(crate) struct Scalar {
    /// What it says.
    pub(crate) value: String,
    /// Its bytes in the file, quotes included.
    pub(crate) range: Range<usize>,
    /// It carries `!reset`: it takes away what files before it said.
    pub(crate) is_reset: bool,
}

impl Document {
    /// All documents of a file.
    pub(crate) fn parse_all(file: File<'_>) -> Result<Vec<Self>, ComposeFileError> {
        let error = |message: String| ComposeFileError::Yaml { path: file.path.to_owned(), message };
        let mut documents = Vec::new();
        let mut builder = Builder::default();
        for next in Parser::new_from_str(file.text) {
            let (event, span) = next.map_err(|source| error(source.to_string()))?;
            match event {
                Event::DocumentStart(..) => builder = Builder::default(),
                Event::DocumentEnd => documents.push(std::mem::take(&mut builder).document),
                event => builder.take(event, span.byte_range()).map_err(&error)?,
            }
        }
        Ok(documents)
    }

    /// A scalar's contents.
    pub(crate) fn scalar(&self, node: NodeId) -> Option<&Scalar> {
        match &self.nodes[node.0] {
            Node::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// A sequence's entries; none for anything else.
    pub(crate) fn sequence(&self, node: NodeId) -> &[NodeId] {
        match &self.nodes[node.0] {
            Node::Sequence(entries) => entries,
            _ => &[],
        }
    }

    /// A mapping's entries; none for anything else. Merged ones are not among them.
    pub(crate) fn mapping(&self, node: NodeId) -> &[(NodeId, NodeId)] {
        match &self.nodes[node.0] {
            Node::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// A scalar, or the scalars in a sequence, as texts.
    pub(crate) fn texts(&self, node: NodeId) -> Vec<String> {
        let own = self.scalar(node).into_iter();
        let entries = self.sequence(node).iter().filter_map(|entry| self.scalar(*entry));
        own.chain(entries).map(|scalar| scalar.value.clone()).collect()
    }

    /// A mapping's entries by name, merged ones behind its own; of several with the same name the one that counts.
    pub(crate) fn entries(&self, node: NodeId) -> Vec<(&str, NodeId)> {
        let mut entries = Vec::new();
        self.collect(node, 0, &mut entries);
        entries
    }

    /// The node at a path of keys below the root, merge keys followed.
    pub(crate) fn at(&self, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(self.root?, |node, key| self.get(node, key))
    }

    /// A mapping's value, its own or a merged one.
    pub(crate) fn get(&self, node: NodeId, key: &str) -> Option<NodeId> {
        self.get_merged(node, key, 0)
    }

    fn get_merged(&self, node: NodeId, key: &str, depth: usize) -> Option<NodeId> {
        let own = |name: &str| {
            let is_named = |node: NodeId| self.scalar(node).is_some_and(|scalar| scalar.value == name);
            self.mapping(node).iter().find(|(key, _)| is_named(*key)).map(|(_, value)| *value)
        };
        own(key).or_else(|| {
            let merged = own("<<").filter(|_| depth < MAX_MERGE_DEPTH)?;
            self.merged(merged).iter().find_map(|one| self.get_merged(*one, key, depth + 1))
        })
    }

    fn collect<'d>(&'d self, node: NodeId, depth: usize, into: &mut Vec<(&'d str, NodeId)>) {
        let own =
            || self.mapping(node).iter().filter_map(|(key, value)| Some((self.scalar(*key)?.value.as_str(), *value)));
        for (name, value) in own().filter(|(name, _)| *name != "<<") {
            if into.iter().all(|(known, _)| *known != name) {
                into.push((name, value));
            }
        }
        for (_, merged) in own().filter(|(name, _)| *name == "<<" && depth < MAX_MERGE_DEPTH) {
            for one in self.merged(merged) {
                self.collect(one, depth + 1, into);
            }
        }
    }

    /// The mappings behind a merge key.
    fn merged(&self, node: NodeId) -> Vec<NodeId> {
        match &self.nodes[node.0] {
            Node::Sequence(all) => all.clone(),
            _ => vec![node],
        }
    }
}

/// Builds one document from its events.
#[derive(Debug)]
struct Builder {
    document: Document,
    /// Collections that have begun and not ended.
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
}

#[derive(Debug)]
struct Open {
    anchor: usize,
    is_mapping: bool,
    /// In a mapping, keys and values in turn.
    children: Vec<NodeId>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { document: Document { nodes: Vec::new(), root: None }, open: Vec::new(), anchors: HashMap::new() }
    }
}

impl Builder {
    fn take(&mut self, event: Event<'_>, range: Option<Range<usize>>) -> Result<(), String> {
        match event {
            Event::Scalar(value, _, anchor, tag) => {
                let range = range.ok_or("a value without a place")?;
                let is_reset = tag.is_some_and(|tag| is_reset(&tag));
                let node = self.add(Node::Scalar(Scalar { value: value.into_owned(), range, is_reset }), anchor);
                self.put(node);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(anchor, false),
            Event::MappingStart(_, anchor, _) => self.begin(anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = *self.anchors.get(&anchor).ok_or("an alias that contains itself")?;
                self.put(node);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, is_mapping: bool) {
        self.open.push(Open { anchor, is_mapping, children: Vec::new() });
    }

    fn end(&mut self) {
        let Some(Open { anchor, is_mapping, children }) = self.open.pop() else { return };
        let node = if is_mapping {
            Node::Mapping(children.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
        } else {
            Node::Sequence(children)
        };
        let node = self.add(node, anchor);
        self.put(node);
    }

    fn add(&mut self, node: Node, anchor: usize) -> NodeId {
        let id = NodeId(self.document.nodes.len());
        self.document.nodes.push(node);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn put(&mut self, node: NodeId) {
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.document.root = Some(node),
        }
    }
}

fn is_reset(tag: &Tag) -> bool {
    tag.suffix() == "reset"
}
