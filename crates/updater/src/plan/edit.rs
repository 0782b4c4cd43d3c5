//! Which bytes of which file have to change.

use homeport_compose_file::{Edit, FileEdit, Sources, Target as Wanted, image_edit};
use homeport_image_ref::Reference;

use super::{SavedFile, Target, Values};

/// Why the files cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The edit is not possible.
    #[error(transparent)]
    File(#[from] homeport_compose_file::EditError),
    /// A digest or reference that is none.
    #[error("\"{text}\" is no reference that could be written into a file")]
    Reference {
        /// The text.
        text: String,
    },
}

/// The edit that makes a service's image name the target. None: it does already.
pub(crate) fn edit_to(files: &Sources, service: &str, target: &Target) -> Result<Option<Edit>, EditError> {
    let digest = target.digest.parse().map_err(|_| EditError::Reference { text: target.digest.clone() })?;
    let wanted = Wanted { tag: target.tag.clone(), digest: Some(digest) };
    Ok(image_edit(files, service, &wanted)?)
}

/// The edits that bring back the image of before into files that someone has changed since. None: it is there already.
pub fn value_back(files: &Sources, values: &Values) -> Result<Vec<SavedFile>, EditError> {
    let text = &values.after;
    let reference: Reference = text.parse().map_err(|_| EditError::Reference { text: text.clone() })?;
    let wanted = Wanted { tag: reference.tag().unwrap_or("latest").to_owned(), digest: reference.digest().cloned() };
    let edit = image_edit(files, &values.service, &wanted)?;
    Ok(edit.into_iter().flat_map(|edit| edit.files).map(|file| saved(file).0).collect())
}

/// A file before and after, and what its edit does in words.
pub(super) fn saved(edit: FileEdit) -> (SavedFile, String) {
    let FileEdit { path, old, new, what } = edit;
    (SavedFile { path, before: old, after: new }, what)
}

/// The fields of an inspect document that values of a service become, and the values that are no such field.
pub(super) fn fields_of(values: &[String]) -> (Vec<String>, Vec<String>) {
    let field = |value: &String| {
        let (section, name) = value.split_once('.')?;
        match section {
            "environment" => Some(format!("Config.Env.{name}")),
            "labels" => Some(format!("Config.Labels.{name}")),
            _ => None,
        }
    };
    let fields = values.iter().filter_map(field).collect();
    (fields, values.iter().filter(|value| field(value).is_none()).cloned().collect())
}
