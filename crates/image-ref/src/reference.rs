//! References: `registry/repository:tag@digest`, with the defaults that Docker fills in.

use std::{fmt, str::FromStr};

use crate::{Digest, Tag};

/// The registry that a reference without one means.
pub const DOCKER_HUB: &str = "docker.io";

/// Where an image is: registry, repository and, if stated, tag and digest.
///
/// `nginx`, `library/nginx` and `docker.io/library/nginx` are the same reference. A missing tag stays missing;
/// [`Reference::tag_or_latest`] fills it in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing there.
    #[error("the image reference is empty")]
    Empty,
    /// `sha256:…` or 64 hexadecimal digits: an image by its id, which no registry knows.
    #[error("\"{0}\" is the id of an image, not a reference to one in a registry")]
    ImageId(String),
    /// The part that names the registry is no host.
    #[error("\"{reference}\" names the registry \"{registry}\", which is no host name")]
    Registry {
        /// The whole text.
        reference: String,
        /// The part.
        registry: String,
    },
    /// The part that names the repository is not one.
    #[error(
        "\"{reference}\" names the repository \"{repository}\"; one has lower-case letters, digits, and . _ - / between them"
    )]
    Repository {
        /// The whole text.
        reference: String,
        /// The part.
        repository: String,
    },
    /// The part behind the colon is no tag.
    #[error("\"{reference}\" has the tag \"{tag}\"; one has at most 128 letters, digits and . _ -")]
    Tag {
        /// The whole text.
        reference: String,
        /// The part.
        tag: String,
    },
    /// The part behind the `@` is no digest.
    #[error("\"{reference}\" has the digest \"{digest}\"; one looks like sha256: and 64 hexadecimal digits")]
    Digest {
        /// The whole text.
        reference: String,
        /// The part.
        digest: String,
    },
}

impl Reference {
    /// Host, and port if there is one; `docker.io` for Docker Hub.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Path within the registry, such as `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Registry and repository, such as `docker.io/library/nginx`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The tag as it was stated.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The tag, or `latest` when there is neither a tag nor a digest.
    pub fn tag_or_latest(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, None) => Some("latest"),
            (None, Some(_)) => None,
        }
    }

    /// The digest as it was stated.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository at another tag, without a digest.
    #[must_use]
    pub fn with_tag(&self, tag: &Tag) -> Self {
        Self { tag: Some(tag.as_str().to_owned()), digest: None, ..self.clone() }
    }

    /// The same reference pinned to a digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// The same reference without its digest.
    #[must_use]
    pub fn without_digest(&self) -> Self {
        Self { digest: None, ..self.clone() }
    }

    /// The same repository, without tag and digest.
    #[must_use]
    pub fn without_tag(&self) -> Self {
        Self { tag: None, digest: None, ..self.clone() }
    }

    /// Whether both name the same repository of the same registry.
    pub fn same_repository(&self, other: &Self) -> bool {
        self.registry == other.registry && self.repository == other.repository
    }

    /// As people write it: without the defaults of Docker Hub, `nginx:1.26` for `docker.io/library/nginx:1.26`.
    pub fn familiar(&self) -> String {
        let name = if self.registry == DOCKER_HUB {
            self.repository.strip_prefix("library/").unwrap_or(&self.repository).to_owned()
        } else {
            self.name()
        };
        self.written_after(name)
    }

    fn written_after(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name.push(':');
            name.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(digest.as_str());
        }
        name
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written_after(self.name()))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if is_image_id(text) {
            return Err(ReferenceError::ImageId(text.to_owned()));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(text, digest)?)),
            None => (text, None),
        };
        let (name, tag) = split_tag(rest);
        if let Some(tag) = tag
            && !Tag::is_valid(tag)
        {
            return Err(ReferenceError::Tag { reference: text.to_owned(), tag: tag.to_owned() });
        }
        let (registry, repository) = split_registry(name);
        check_registry(text, &registry)?;
        check_repository(text, &repository)?;
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

fn is_image_id(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn parse_digest(reference: &str, digest: &str) -> Result<Digest, ReferenceError> {
    digest.parse().map_err(|_| ReferenceError::Digest { reference: reference.to_owned(), digest: digest.to_owned() })
}

/// A colon begins a tag only behind the last slash; before it, it begins a port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// The first part is a registry if it could not be a user of Docker Hub: it has a dot or a port, or is `localhost`.
fn split_registry(name: &str) -> (String, String) {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => match first {
            "docker.io" | "index.docker.io" => hub(rest),
            _ => (first.to_ascii_lowercase(), rest.to_owned()),
        },
        _ => hub(name),
    }
}

fn hub(repository: &str) -> (String, String) {
    let prefix = if repository.contains('/') { "" } else { "library/" };
    (DOCKER_HUB.to_owned(), format!("{prefix}{repository}"))
}

fn check_registry(reference: &str, registry: &str) -> Result<(), ReferenceError> {
    let error = || ReferenceError::Registry { reference: reference.to_owned(), registry: registry.to_owned() };
    let (host, port) = match registry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            address.parse::<std::net::Ipv6Addr>().map_err(|_| error())?;
            ("ipv6", port.strip_prefix(':').or_else(|| port.is_empty().then_some("443")).unwrap_or("?"))
        }
        None => registry.split_once(':').unwrap_or((registry, "443")),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if port.parse::<u16>().is_ok() && host.split('.').all(label) { Ok(()) } else { Err(error()) }
}

fn check_repository(reference: &str, repository: &str) -> Result<(), ReferenceError> {
    if repository.len() <= 255 && repository.split('/').all(is_component) {
        return Ok(());
    }
    Err(ReferenceError::Repository { reference: reference.to_owned(), repository: repository.to_owned() })
}

/// Runs of lower-case letters and digits with one dot, one or two underscores, or hyphens between them.
fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().copied().is_some_and(alphanumeric) && bytes.last().copied().is_some_and(alphanumeric);
    ends && bytes
        .split(|byte| alphanumeric(*byte))
        .all(|separator| matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn check(text: &str, registry: &str, repository: &str, tag: Option<&str>, familiar: &str) {
        let reference: Reference = text.parse().unwrap();
        let found = (reference.registry(), reference.repository(), reference.tag());
        assert_eq!(found, (registry, repository, tag), "{text}");
        assert_eq!(reference.familiar(), familiar);
        assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference, "the normal form means the same");
        assert_eq!(familiar.parse::<Reference>().unwrap(), reference, "the familiar form means the same");
    }

    #[test]
    fn s8_defaults_are_those_of_docker() {
        check("nginx", "docker.io", "library/nginx", None, "nginx");
        check("nginx:1.26", "docker.io", "library/nginx", Some("1.26"), "nginx:1.26");
        check("library/nginx", "docker.io", "library/nginx", None, "nginx");
        check("docker.io/library/nginx", "docker.io", "library/nginx", None, "nginx");
        check("docker.io/nginx", "docker.io", "library/nginx", None, "nginx");
        check("index.docker.io/grafana/grafana:11", "docker.io", "grafana/grafana", Some("11"), "grafana/grafana:11");
        check("ghcr.io/o/i/x:v1", "ghcr.io", "o/i/x", Some("v1"), "ghcr.io/o/i/x:v1");
        check("localhost/x", "localhost", "x", None, "localhost/x");
    }

    #[test]
    fn s8_a_port_is_no_tag() {
        check("host:5000/x", "host:5000", "x", None, "host:5000/x");
        check("127.0.0.1:5000/nginx:1.22.1", "127.0.0.1:5000", "nginx", Some("1.22.1"), "127.0.0.1:5000/nginx:1.22.1");
        check("[::1]:5000/x:1", "[::1]:5000", "x", Some("1"), "[::1]:5000/x:1");
    }

    #[test]
    fn s8_digests_stay() {
        let pinned = format!("nginx:1@sha256:{HEX}");
        check(&pinned, "docker.io", "library/nginx", Some("1"), &pinned);
        let untagged: Reference = format!("x@sha256:{HEX}").parse().unwrap();
        assert_eq!(untagged.tag_or_latest(), None);
        assert_eq!("x".parse::<Reference>().unwrap().tag_or_latest(), Some("latest"));
    }

    #[test]
    fn what_is_no_reference_says_why() {
        let error = |text: &str| text.parse::<Reference>().unwrap_err();
        assert_eq!(error(""), ReferenceError::Empty);
        assert!(matches!(error(HEX), ReferenceError::ImageId(_)));
        assert!(matches!(error(&format!("sha256:{HEX}")), ReferenceError::ImageId(_)));
        assert!(matches!(error("Nginx"), ReferenceError::Repository { .. }));
        assert!(matches!(error("a//b"), ReferenceError::Repository { .. }));
        assert!(matches!(error("a___b"), ReferenceError::Repository { .. }));
        assert!(matches!(error("nginx:${TAG}"), ReferenceError::Tag { .. }));
        assert!(matches!(error("nginx:"), ReferenceError::Tag { .. }));
        assert!(matches!(error("host:port/x"), ReferenceError::Registry { .. }));
        assert!(matches!(error("x@sha256:abc"), ReferenceError::Digest { .. }));
    }
}
