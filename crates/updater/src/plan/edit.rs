//! Which bytes of which file have to change.

use homeport_compose_file::{Edit, File, Target as Wanted, image_edit};
use homeport_image_ref::Reference;

use super::{ProjectFiles, SavedFile, Target, TextFile, Values};

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
    /// The file is no text after the edit.
    #[error("{path} would not be UTF-8 text any more")]
    NotText {
        /// The file.
        path: String,
    },
}

type Edits = (Vec<(SavedFile, String)>, Vec<String>);

/// The edits that make a service's image name the target, and the other services whose image changes with it.
pub(super) fn edits(files: &ProjectFiles, service: &str, target: &Target) -> Result<Edits, EditError> {
    let digest = target.digest.parse().map_err(|_| EditError::Reference { text: target.digest.clone() })?;
    let wanted = Wanted { tag: target.tag.clone(), digest: Some(digest) };
    let Some(edit) = edit(files, service, &wanted)? else { return Ok((Vec::new(), Vec::new())) };
    let (change, others) = (edit.what.clone(), edit.also_changes.clone());
    Ok((vec![(saved(edit)?, change)], others))
}

/// The edit that brings back the image of before into files that someone has changed since. None: it is there already.
pub fn value_back(files: &ProjectFiles, values: &Values) -> Result<Option<SavedFile>, EditError> {
    let text = &values.after;
    let reference: Reference = text.parse().map_err(|_| EditError::Reference { text: text.clone() })?;
    let wanted = Wanted { tag: reference.tag().unwrap_or("latest").to_owned(), digest: reference.digest().cloned() };
    edit(files, &values.service, &wanted)?.map(saved).transpose()
}

fn edit(files: &ProjectFiles, service: &str, wanted: &Wanted) -> Result<Option<Edit>, EditError> {
    Ok(image_edit(&as_files(&files.compose), &as_files(&files.environment), service, wanted)?)
}

fn saved(edit: Edit) -> Result<SavedFile, EditError> {
    let Edit { path, old, new, .. } = edit;
    let text = |bytes| String::from_utf8(bytes).map_err(|_| EditError::NotText { path: path.clone() });
    let (before, after) = (text(old)?, text(new)?);
    Ok(SavedFile { path, before, after })
}

fn as_files(files: &[TextFile]) -> Vec<File<'_>> {
    files.iter().map(|file| File { path: &file.path, text: &file.text }).collect()
}
