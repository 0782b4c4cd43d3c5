//! The edit of an image's tag.

mod splice;
mod verify;

use std::ops::Range;

use homeport_image_ref::{Digest, Reference, Tag};

use crate::{
    EditError, File,
    interpolate::Expanded,
    project::{ImagePlace, Project},
};

/// What the image shall name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The tag.
    pub tag: String,
    /// The digest, which is written only where the file pins one.
    pub digest: Option<Digest>,
}

/// An edit of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: String,
    /// The whole file before.
    pub old: Vec<u8>,
    /// The whole file after.
    pub new: Vec<u8>,
    /// For people: `image of web in /stacks/a/compose.yaml: nginx:1.22.1 → nginx:1.26.3`.
    pub what: String,
    /// Other services of the project whose image changes with it, because they share a variable.
    pub also_changes: Vec<String>,
}

/// Works out the edit that makes a service's image name the target. None: it does already.
///
/// The files are as for [`crate::find_service`]. Of several files that set the image, the last one is edited, because
/// that is the one that counts. Only bytes of the tag (and of a pinned digest) change. The result has been parsed again
/// and compared with the original: an edit that changes anything else is refused, as is one that changes nothing.
pub fn image_edit(
    files: &[File<'_>],
    env_files: &[File<'_>],
    service: &str,
    target: &Target,
) -> Result<Option<Edit>, EditError> {
    let job = Job { files, env_files, service };
    let project = Project::parse(files, env_files)?;
    if project.parts(service).is_empty() {
        return Err(crate::ComposeFileError::NoService { service: service.to_owned() }.into());
    }
    let place = project.image(service).ok_or_else(|| EditError::NoImage { service: service.to_owned() })?;
    let refuse =
        |reason: String| EditError::Refused { service: service.to_owned(), path: place.file.path.to_owned(), reason };
    let expanded = project.expand(&place.scalar.value).map_err(&refuse)?;
    let image = expanded.text();
    let changes = changes(&image, target).map_err(&refuse)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let wanted = applied(&image, &changes);
    let (file, ranges) = job.splices(&place, &expanded, &changes).map_err(&refuse)?;
    let new = applied(file.text, &ranges);
    let also_changes = verify::check(&job, &project, place.template, file, &new, &wanted).map_err(&refuse)?;
    Ok(Some(Edit {
        path: file.path.to_owned(),
        old: file.text.as_bytes().to_vec(),
        new: new.into_bytes(),
        what: format!("image of {service} in {}: {image} → {wanted}", file.path),
        also_changes,
    }))
}

/// What was asked for.
struct Job<'j, 'a> {
    files: &'j [File<'a>],
    env_files: &'j [File<'a>],
    service: &'j str,
}

/// A range and what shall stand there.
type Change = (Range<usize>, String);

impl<'a> Job<'_, 'a> {
    /// Which bytes of which file have to change for the expanded image to change so.
    fn splices(
        &self,
        place: &ImagePlace<'_, 'a>,
        expanded: &Expanded,
        changes: &[Change],
    ) -> Result<(File<'a>, Vec<Change>), String> {
        let mut found: Option<(File<'a>, Vec<Change>)> = None;
        for (range, text) in changes {
            let (source, change) = splice::find(expanded, range, text)?;
            let (file, change) = self.in_file(place, source, change)?;
            match &mut found {
                None => found = Some((file, vec![change])),
                Some((first, all)) if *first == file => all.push(change),
                Some(_) => return Err("its tag and its digest stand in different files; put them into one".to_owned()),
            }
        }
        found.ok_or_else(|| "there is nothing to change".to_owned())
    }

    fn in_file(
        &self,
        place: &ImagePlace<'_, 'a>,
        source: splice::Place,
        (range, text): Change,
    ) -> Result<(File<'a>, Change), String> {
        match source {
            splice::Place::EnvFile(index) => Ok((self.env_files[index], (range, text))),
            splice::Place::Value => {
                let value = &place.scalar.value;
                let raw = &place.file.text[place.scalar.range.clone()];
                let mut places = raw.match_indices(value.trim());
                let (Some((at, _)), None) = (places.next(), places.next()) else {
                    return Err("it is written with escapes or over several lines; write it on one line".to_owned());
                };
                let lead = value.len() - value.trim_start().len();
                let start = place.scalar.range.start + at;
                Ok((place.file, (start + range.start - lead..start + range.end - lead, text)))
            }
        }
    }
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
fn applied(text: &str, changes: &[Change]) -> String {
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
