//! Variants: the flavour of an image, and the distribution in its name.

/// Names of distributions that are followed by their version in variants.
const DISTRIBUTIONS: [&str; 9] = ["alpine", "debian", "ubuntu", "fedora", "ubi", "ol", "rocky", "photon", "centos"];

/// Whether a word is the name of a distribution, without a version.
pub(crate) fn is_distribution(word: &str) -> bool {
    DISTRIBUTIONS.contains(&word)
}

/// Whether two variants differ only in the version of one distribution, and `to` has the newer one:
/// `alpine3.18` → `alpine3.19`, never `bullseye` → `bookworm`.
pub(crate) fn is_newer_distribution(from: &str, to: &str) -> bool {
    let (from, to) = (words(from), words(to));
    let differing: Vec<_> = from.iter().zip(&to).filter(|(from, to)| from != to).collect();
    match differing.as_slice() {
        [(old, new)] if from.len() == to.len() => {
            matches!((release(old), release(new)), (Some((a, from)), Some((b, to))) if a == b && from < to)
        }
        _ => false,
    }
}

/// The words of a variant, `debian-12` being one.
fn words(variant: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in variant.split('-') {
        match words.last_mut() {
            Some(word) if is_distribution(word) && part.starts_with(|first: char| first.is_ascii_digit()) => {
                word.push_str(part);
            }
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// Name and version of a distribution: `alpine3.18`.
fn release(word: &str) -> Option<(&str, Vec<u64>)> {
    let (name, version) = word.split_at(word.find(|next: char| next.is_ascii_digit())?);
    let numbers = version.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    is_distribution(name).then_some((name, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newer_release_of_the_same_distribution_counts() {
        for (from, to, expected) in [
            ("alpine3.18", "alpine3.19", true),
            ("alpine3.9", "alpine3.10", true),
            ("perl-alpine3.18", "perl-alpine3.19", true),
            ("debian-11", "debian-12", true),
            ("alpine3.19", "alpine3.18", false),
            ("alpine3.18", "alpine3.18", false),
            ("alpine3.18", "alpine", false),
            ("alpine3.18", "ubuntu22.04", false),
            ("alpine3.18", "alpine3.19-slim", false),
            ("bullseye", "bookworm", false),
            ("php8.1-alpine3.18", "php8.2-alpine3.19", false),
            ("php8.1", "php8.2", false),
        ] {
            assert_eq!(is_newer_distribution(from, to), expected, "{from} → {to}");
        }
    }
}
