//! Names from outside, checked before they become part of an engine path.

use crate::error::EngineError;

/// A container's name, id, or beginning of an id.
pub(crate) fn container(name: &str) -> Result<&str, EngineError> {
    checked(name, "container", |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// A volume's name.
pub(crate) fn volume(name: &str) -> Result<&str, EngineError> {
    checked(name, "volume", |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// A snapshot's id: letters, digits and hyphens.
pub(crate) fn snapshot(id: &str) -> Result<&str, EngineError> {
    // 100 characters leave room for the volume's prefix within the 255 of a file name.
    if id.len() > 100 {
        return Err(EngineError::Argument("the snapshot's id has more than 100 characters".to_owned()));
    }
    checked(id, "snapshot", |c| c.is_ascii_alphanumeric() || c == '-')
}

/// An image's reference or id.
pub(crate) fn image(reference: &str) -> Result<&str, EngineError> {
    checked(reference, "image", |c| c.is_ascii_alphanumeric() || "_.-/:@".contains(c))
}

/// A path that begins at the root.
pub(crate) fn absolute<'a>(path: &'a str, what: &str) -> Result<&'a str, EngineError> {
    if path.starts_with('/') && !path.contains('\0') {
        return Ok(path);
    }
    Err(EngineError::Argument(format!("{what} '{path}' is no absolute path")))
}

fn checked<'a>(name: &'a str, kind: &str, allowed: impl Fn(char) -> bool) -> Result<&'a str, EngineError> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.chars().all(allowed) && !name.contains("..") {
        return Ok(name);
    }
    Err(EngineError::Argument(format!("'{name}' is no name of a {kind}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_its_place_in_the_path() {
        assert!(container("web-1").is_ok());
        assert!(image("127.0.0.1:5000/library/nginx:1.26@sha256:abc").is_ok());
        for name in ["", "../info", "a/b", "a?x=1", "a b", "/web", "a%2f", "ä"] {
            assert!(container(name).is_err(), "{name}");
        }
        for name in ["", "/x", "a/../../info", "a?b", "${TAG}"] {
            assert!(image(name).is_err(), "{name}");
        }
    }
}
