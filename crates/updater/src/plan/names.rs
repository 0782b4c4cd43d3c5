//! Names of what an operation makes, all derived from its id, so that a recovery finds them.

use super::{Kept, Subject};

/// Repository of the references that keep old images.
const KEPT_REPOSITORY: &str = "homeport.local/rollback";

/// Names of what an operation makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The replacement, until it takes the container's own name.
    pub replacement: String,
    /// The old container, while the replacement proves itself.
    pub aside: String,
    /// Repository of the reference that keeps the old image.
    pub kept_repository: String,
    /// Its tag.
    pub kept_tag: String,
    /// The copy of the data.
    pub snapshot: String,
}

impl Names {
    /// The names for the operation with this id.
    pub fn new(subject: &Subject, id: &str) -> Self {
        let short: String = id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        Self {
            replacement: format!("{}.homeport-new-{short}", subject.name),
            aside: format!("{}.homeport-old-{short}", subject.name),
            kept_repository: repository_of(&subject.name),
            kept_tag: id.to_owned(),
            snapshot: id.to_owned(),
        }
    }

    /// Reference that keeps the old image.
    pub fn kept_image(&self) -> String {
        format!("{}:{}", self.kept_repository, self.kept_tag)
    }

    /// What is left after success, for a way back.
    pub fn kept(&self) -> Kept {
        Kept { image: self.kept_image(), snapshot: self.snapshot.clone() }
    }
}

/// Repository that keeps the old images of a container. Repositories take fewer characters than names do.
pub fn repository_of(container: &str) -> String {
    let words: Vec<String> = container
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    format!("{KEPT_REPOSITORY}/{}", words.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_container_name_makes_a_repository() {
        for (name, expected) in [("web", "web"), ("My_App.1", "my-app-1"), ("a--b__", "a-b")] {
            let repository = repository_of(name);
            assert_eq!(repository, format!("{KEPT_REPOSITORY}/{expected}"));
            assert!(repository.parse::<homeport_image_ref::Reference>().is_ok());
        }
    }
}
