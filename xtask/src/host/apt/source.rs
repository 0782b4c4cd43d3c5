//! Where the system's packages come from, read out of apt's sources in both of their forms.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::host::Release;

/// One mirror with the key that its lists are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Base address of the mirror.
    pub(crate) uri: String,
    /// The suites taken from it.
    pub(crate) suites: Vec<String>,
    /// Keyring that the source names; unset, apt takes those that the system trusts.
    pub(crate) signed_by: Option<PathBuf>,
    components: Vec<String>,
}

impl Source {
    /// The source of this system's own release.
    pub(crate) fn of_this_system() -> Result<Self> {
        let release = Release::read()?;
        all().into_iter().find(|source| source.has(&release.codename, "main")).with_context(|| {
            format!(
                "apt's sources name no mirror of {}; add the one of your distribution to /etc/apt",
                release.codename
            )
        })
    }

    /// The same mirror, another suite.
    pub(crate) fn for_suite(&self, suite: &str) -> Self {
        Self { suites: vec![suite.to_owned()], components: vec!["main".to_owned()], ..self.clone() }
    }

    fn has(&self, suite: &str, component: &str) -> bool {
        self.suites.iter().any(|own| own == suite) && self.components.iter().any(|own| own == component)
    }
}

/// In the form that files called `*.sources` have.
impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "Types: deb\nURIs: {}", self.uri)?;
        writeln!(formatter, "Suites: {}\nComponents: {}", self.suites.join(" "), self.components.join(" "))?;
        self.signed_by.iter().try_for_each(|key| writeln!(formatter, "Signed-By: {}", key.display()))
    }
}

/// Every source in `/etc/apt`. What cannot be read is skipped: apt will say so itself.
fn all() -> Vec<Source> {
    let parts = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = parts.chain([PathBuf::from("/etc/apt/sources.list")]).collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Source> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("sources") => text.split("\n\n").filter_map(parse_stanza).collect(),
        Some("list") => text.lines().filter_map(parse_line).collect(),
        _ => Vec::new(),
    }
}

fn parse_stanza(stanza: &str) -> Option<Source> {
    let field = |name: &str| {
        let lines = stanza.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let disabled = field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
    if disabled || !field("Types")?.split_whitespace().any(|kind| kind == "deb") {
        return None;
    }
    Some(Source {
        uri: field("URIs")?.split_whitespace().next()?.to_owned(),
        suites: words(field("Suites")?),
        components: words(field("Components").unwrap_or_default()),
        signed_by: field("Signed-By").and_then(keyring),
    })
}

/// `deb [option=value …] uri suite component …`
fn parse_line(line: &str) -> Option<Source> {
    let rest = line.trim().strip_prefix("deb ")?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut fields = rest.split_whitespace().map(str::to_owned);
    Some(Source {
        uri: fields.next()?,
        suites: vec![fields.next()?],
        components: fields.collect(),
        signed_by: options.split_whitespace().find_map(|option| option.strip_prefix("signed-by=")).and_then(keyring),
    })
}

/// The value may also be the key itself; then it is not ours to copy, and apt falls back to the trusted keys.
fn keyring(value: &str) -> Option<PathBuf> {
    value.starts_with('/').then(|| PathBuf::from(value))
}

fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_stanzas() {
        let stanza = "Types: deb deb-src\n# a comment: here\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n\
                      Components: main contrib\nSigned-By: /usr/share/keyrings/k.gpg";
        let source = parse_stanza(stanza).unwrap();
        assert!(source.has("bookworm", "main") && !source.has("trixie", "main"));
        assert_eq!(
            source.for_suite("trixie").to_string(),
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/k.gpg\n"
        );
    }

    #[test]
    fn leaves_out_what_is_switched_off_or_sources_only() {
        assert_eq!(parse_stanza("Types: deb-src\nURIs: http://m.example\nSuites: s\nComponents: main"), None);
        assert_eq!(parse_stanza("Enabled: no\nTypes: deb\nURIs: http://m.example\nSuites: s\nComponents: main"), None);
        assert_eq!(parse_line("# deb http://m.example s main"), None);
        assert_eq!(parse_line("deb-src http://m.example s main"), None);
    }

    #[test]
    fn reads_lines() {
        let source =
            parse_line("deb [arch=amd64 signed-by=/k.gpg] http://m.example/ubuntu jammy main universe").unwrap();
        assert_eq!((source.uri.as_str(), source.signed_by), ("http://m.example/ubuntu", Some(PathBuf::from("/k.gpg"))));
        assert_eq!(parse_line("deb http://m.example jammy main").unwrap().components, ["main"]);
    }
}
