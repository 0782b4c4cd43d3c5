//! The edit of an image's tag.

mod splice;
mod verify;

use std::{collections::BTreeMap, ops::Range};

use homeport_image_ref::{Digest, Reference, Tag};

use crate::{
    EditError, Sources,
    interpolate::Expanded,
    project::{ImagePlace, Project},
};

/// What the image shall name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The tag.
    pub tag: String,
    /// The digest, which is written only where the files pin one.
    pub digest: Option<Digest>,
}

/// What has to change for a service to get another image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The files, at least one.
    pub files: Vec<FileEdit>,
    /// Other services of the project whose image changes with it, because they share a variable or an anchor.
    pub also_images: Vec<String>,
    /// Whatever else of the service changes with it, because it is made of the same variable: `environment.VERSION`.
    pub also_values: Vec<String>,
}

/// An edit of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// The file.
    pub path: String,
    /// The whole file before.
    pub old: String,
    /// The whole file after.
    pub new: String,
    /// For people: `image of web in /stacks/a/compose.yaml: nginx:1.22.1 → nginx:1.26.3`.
    pub what: String,
}

/// Works out the edit that makes a service's image name the target. None: it does already.
///
/// Of several files that set the image, the last one is edited, because that is the one that counts. Only bytes of the
/// tag (and of a pinned digest) change; where a variable overrides a default that says the same, the default follows, so
/// that the file does not go on telling of the old version. The result has been parsed again and compared with the
/// original: an edit that changes anything else is refused, as is one that changes nothing.
pub fn image_edit(sources: &Sources, service: &str, target: &Target) -> Result<Option<Edit>, EditError> {
    let project = Project::parse(sources)?;
    if project.parts(service).is_empty() {
        return Err(crate::ComposeFileError::NoService { service: service.to_owned() }.into());
    }
    let place = project.image(service).ok_or_else(|| EditError::NoImage { service: service.to_owned() })?;
    let refuse =
        |reason: String| EditError::Refused { service: service.to_owned(), path: place.file.path.to_owned(), reason };
    let expanded = project.expand_image(&place).map_err(&refuse)?;
    let image = expanded.text();
    let changes = changes(&image, target).map_err(&refuse)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let wanted = applied(&image, &changes);
    let by_file = splices(sources, &place, &expanded, &changes).map_err(&refuse)?;
    let mut edited = sources.clone();
    let mut files = Vec::new();
    for (path, changes) in by_file {
        let old = sources.text(&path).unwrap_or_default().to_owned();
        let new = applied(&old, &changes);
        edited.texts.insert(path.clone(), Some(new.clone()));
        let what = format!("image of {service} in {path}: {image} → {wanted}");
        files.push(FileEdit { path, old, new, what });
    }
    let also = verify::check(&project, &edited, &files, service, &wanted).map_err(&refuse)?;
    Ok(Some(Edit { files, also_images: also.images, also_values: also.values }))
}

/// A range and what shall stand there.
type Change = (Range<usize>, String);

/// Which bytes of which files have to change for the expanded image to change so.
fn splices(
    sources: &Sources,
    place: &ImagePlace<'_, '_>,
    expanded: &Expanded,
    changes: &[Change],
) -> Result<BTreeMap<String, Vec<Change>>, String> {
    let mut by_file = BTreeMap::<String, Vec<Change>>::new();
    for (range, text) in changes {
        let (source, change) = splice::find(expanded, range, text)?;
        let (path, change) = match source {
            splice::Place::EnvFile(path) => (path, change),
            splice::Place::Value => (place.file.path.to_owned(), in_value(place, change)?),
        };
        by_file.entry(path).or_default().push(change);
    }
    for default in &expanded.overridden {
        let Some(old) = sources.text(&default.path).and_then(|text| text.get(default.value.clone())) else { continue };
        let within: Vec<Change> = by_file.get(&default.path).into_iter().flatten().cloned().collect();
        let moved =
            within.iter().filter(|(range, _)| default.value.start <= range.start && range.end <= default.value.end);
        let start = default.value.start;
        let moved: Vec<Change> =
            moved.map(|(range, text)| (range.start - start..range.end - start, text.clone())).collect();
        if old == default.text && !moved.is_empty() {
            // A default that cannot be changed plainly is left: it is not what counts.
            if let Ok(change) = in_value(place, (default.range.clone(), applied(old, &moved))) {
                by_file.entry(place.file.path.to_owned()).or_default().push(change);
            }
        }
    }
    Ok(by_file)
}

/// Where in the file a range of the value stands.
fn in_value(place: &ImagePlace<'_, '_>, (range, text): Change) -> Result<Change, String> {
    let value = &place.scalar.value;
    let raw = &place.file.text[place.scalar.range.clone()];
    let mut places = raw.match_indices(value.trim());
    let (Some((at, _)), None) = (places.next(), places.next()) else {
        return Err("it is written with escapes or over several lines; write it on one line".to_owned());
    };
    let lead = value.len() - value.trim_start().len();
    let start = place.scalar.range.start + at;
    Ok((start + range.start - lead..start + range.end - lead, text))
}

/// Which ranges of an image reference have to change.
fn changes(image: &str, target: &Target) -> Result<Vec<Change>, String> {
    let reference: Reference = image.parse().map_err(|error: homeport_image_ref::ReferenceError| error.to_string())?;
    if !Tag::is_valid(&target.tag) {
        return Err(format!("\"{}\" is no tag", target.tag));
    }
    let name_and_tag = image.split('@').next().unwrap_or(image);
    let mut changes = Vec::new();
    match reference.tag() {
        Some(tag) if tag == target.tag => {}
        Some(tag) => changes.push((name_and_tag.len() - tag.len()..name_and_tag.len(), target.tag.clone())),
        None if target.tag == "latest" => {}
        None => changes.push((name_and_tag.len()..name_and_tag.len(), format!(":{}", target.tag))),
    }
    match (reference.digest(), &target.digest) {
        (Some(old), Some(new)) if old != new => {
            changes.push((image.len() - old.as_str().len()..image.len(), new.to_string()));
        }
        (Some(_), None) if !changes.is_empty() => {
            return Err("it is pinned to a digest, and the digest of the new image is not known".to_owned());
        }
        _ => {}
    }
    Ok(changes)
}

/// A text with changes made to it.
pub(crate) fn applied(text: &str, changes: &[Change]) -> String {
    let mut changes: Vec<_> = changes.iter().collect();
    changes.sort_by_key(|(range, _)| range.start);
    let mut result = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (range, new) in changes {
        result.push_str(&text[at..range.start]);
        result.push_str(new);
        at = range.end;
    }
    result.push_str(&text[at..]);
    result
}

#[cfg(test)]
mod tests;
