//! The edit of a service's labels.

mod write;

use std::{collections::BTreeMap, ops::Range};

use crate::{
    EditError, File, FileEdit, Sources,
    document::{Document, NodeId},
    edit::applied,
    project::Project,
};

/// What labels shall be. None: it shall not be there.
pub type LabelChanges = BTreeMap<String, Option<String>>;

/// A range of a file and what shall stand there.
type Change = (Range<usize>, String);

/// Works out the edits that make a service's labels so. Empty: they are already.
///
/// Of several files that set a label, the last one is edited. A service without labels gets them as a list; labels of
/// which none is left go with their key. Like every edit it has been parsed again: only these labels of this service
/// differ, or it is refused.
pub fn label_edit(sources: &Sources, service: &str, changes: &LabelChanges) -> Result<Vec<FileEdit>, EditError> {
    let before = Project::parse(sources)?;
    if before.parts(service).is_empty() {
        return Err(crate::ComposeFileError::NoService { service: service.to_owned() }.into());
    }
    let mut edited = sources.clone();
    for (name, value) in changes {
        // One after the other, each on what the one before has made.
        while let Some((path, change)) = next_change(&edited, service, name, value.as_deref())? {
            let text = applied(edited.text(&path).unwrap_or_default(), &[change]);
            edited.texts.insert(path, Some(text));
            if value.is_some() {
                break;
            }
        }
    }
    verify(&before, &edited, service, changes)?;
    let what = words(changes);
    let differing = edited.texts.iter().filter(|(path, text)| sources.texts.get(*path) != Some(*text));
    let file = |(path, text): (&String, &Option<String>)| FileEdit {
        path: path.clone(),
        old: sources.text(path).unwrap_or_default().to_owned(),
        new: text.clone().unwrap_or_default(),
        what: format!("labels of {service} in {path}: {what}"),
    };
    Ok(differing.map(file).collect())
}

/// The labels of a service with their variables resolved.
pub fn service_labels(sources: &Sources, service: &str) -> Result<BTreeMap<String, String>, EditError> {
    let project = Project::parse(sources)?;
    if project.parts(service).is_empty() {
        return Err(crate::ComposeFileError::NoService { service: service.to_owned() }.into());
    }
    Ok(crate::service::labels(&project, service))
}

/// The mapping that describes a service in one file.
struct Place<'p, 'a> {
    file: File<'a>,
    document: &'p Document,
    service: NodeId,
}

/// A label as it stands in a file.
struct Found {
    /// Of a mapping.
    key: Option<Range<usize>>,
    /// The value of a mapping, or the whole entry of a list.
    entry: Range<usize>,
}

fn next_change(
    sources: &Sources,
    service: &str,
    name: &str,
    value: Option<&str>,
) -> Result<Option<(String, Change)>, EditError> {
    let project = Project::parse(sources)?;
    let present = crate::service::labels(&project, service).get(name).cloned();
    if present.as_deref() == value {
        return Ok(None);
    }
    let places: Vec<Place<'_, '_>> = project
        .own_parts(service)
        .into_iter()
        .map(|(file, document, service)| Place { file, document, service })
        .collect();
    let refuse =
        |path: &str, reason: String| EditError::Refused { service: service.to_owned(), path: path.to_owned(), reason };
    for place in places.iter().rev() {
        let Some(labels) = place.labels() else { continue };
        let Some(found) = place.find(labels.1, name) else { continue };
        let change = match value {
            Some(value) => place.replace(&found, name, value),
            None => place.remove(labels, &found),
        };
        let change = change.map_err(|reason| refuse(place.file.path, reason))?;
        return Ok(Some((place.file.path.to_owned(), change)));
    }
    let Some(value) = value else {
        let path = places.last().map_or("", |place| place.file.path);
        return Err(refuse(
            path,
            format!("its label {name} comes from an anchor or a service that it extends; take it away there"),
        ));
    };
    let place = places.iter().rev().find(|place| place.labels().is_some()).or(places.last());
    let place = place.ok_or_else(|| refuse("", "no file describes it itself".to_owned()))?;
    let change = place.add(name, value).map_err(|reason| refuse(place.file.path, reason))?;
    Ok(Some((place.file.path.to_owned(), change)))
}

impl Place<'_, '_> {
    /// Key and value of its labels.
    fn labels(&self) -> Option<(NodeId, NodeId)> {
        let is_labels = |key: NodeId| self.document.scalar(key).is_some_and(|scalar| scalar.value == "labels");
        self.document.mapping(self.service).iter().copied().find(|(key, _)| is_labels(*key))
    }

    fn range(&self, node: NodeId) -> Option<Range<usize>> {
        self.document.scalar(node).map(|scalar| scalar.range.clone())
    }

    fn find(&self, labels: NodeId, name: &str) -> Option<Found> {
        let of_mapping = self.document.mapping(labels).iter().find_map(|(key, value)| {
            let scalar = self.document.scalar(*key).filter(|scalar| scalar.value == name)?;
            Some(Found { key: Some(scalar.range.clone()), entry: self.range(*value)? })
        });
        of_mapping.or_else(|| {
            let scalars = self.document.sequence(labels).iter().filter_map(|entry| self.document.scalar(*entry));
            let mut named = scalars.filter(|scalar| scalar.value.split('=').next() == Some(name));
            // Of several with the same name the last one counts.
            named.next_back().map(|scalar| Found { key: None, entry: scalar.range.clone() })
        })
    }
}

/// Makes sure that exactly these labels are as they shall be and nothing else has changed.
fn verify(before: &Project<'_>, edited: &Sources, service: &str, changes: &LabelChanges) -> Result<(), EditError> {
    let refuse = |reason: String| EditError::Refused { service: service.to_owned(), path: String::new(), reason };
    let after = Project::parse(edited).map_err(|error| refuse(error.to_string()))?;
    for name in before.services() {
        let (mut old, mut new) = (before.values(name), after.values(name));
        if name == service {
            // A key with nothing behind it is nothing.
            old.remove("labels");
            new.remove("labels");
            for (label, value) in changes {
                let key = format!("labels.{label}");
                old.remove(&key);
                if new.remove(&key).as_ref() != value.as_ref() {
                    return Err(refuse(format!("no edit of one place makes its label {label} so")));
                }
            }
        }
        if old != new {
            return Err(refuse(format!("its labels are shared, and {name} would change with it; write them apart")));
        }
    }
    if before.services() == after.services() {
        Ok(())
    } else {
        Err(refuse("the edit would change other services".to_owned()))
    }
}

fn words(changes: &LabelChanges) -> String {
    let word = |(name, value): (&String, &Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => format!("without {name}"),
    };
    changes.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
