//! Which system this is, out of `/etc/os-release`.

use anyhow::{Context, Result};

/// The fields that decide what can be installed and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Release {
    /// `debian`, `ubuntu`, …
    pub(crate) id: String,
    /// `12`, `22.04`, …; empty for rolling ones.
    pub(crate) version: String,
    /// `bookworm`, `jammy`, …
    pub(crate) codename: String,
    /// What a person calls it.
    pub(crate) name: String,
}

impl Release {
    /// Of the machine this runs on.
    pub(crate) fn read() -> Result<Self> {
        let text = std::fs::read_to_string("/etc/os-release")
            .context("reading /etc/os-release, to know what system this is")?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().trim().trim_matches('"').to_owned()
        };
        Self {
            id: field("ID"),
            version: field("VERSION_ID"),
            codename: field("VERSION_CODENAME"),
            name: field("PRETTY_NAME"),
        }
    }

    /// Whether it is this distribution in this version or a later one.
    pub(crate) fn is_at_least(&self, id: &str, version: (u32, u32)) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse().unwrap_or(0));
        let own = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        self.id == id && own >= version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quoted_and_bare_fields() {
        let text = "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nVERSION_ID=\"22.04\"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\n";
        let release = Release::parse(text);
        assert_eq!((release.id.as_str(), release.codename.as_str()), ("ubuntu", "jammy"));
        assert!(release.is_at_least("ubuntu", (22, 4)));
        assert!(!release.is_at_least("ubuntu", (24, 4)));
        assert!(!release.is_at_least("debian", (12, 0)));
    }
}
