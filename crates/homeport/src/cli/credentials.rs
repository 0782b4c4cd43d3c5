//! What proves who is asking: `HOMEPORT_TOKEN`, else what `homeport login` kept.
//!
//! It keeps one session for each address in `credentials.json`, which only its owner can read.

use std::{collections::BTreeMap, fs, io, os::unix::fs::DirBuilderExt as _, path::PathBuf};

use anyhow::Context as _;
use homeport_service::{Secret, config::Environment, file};
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// What proves who is asking, at one address.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// None: nobody says where homes are.
    path: Option<PathBuf>,
    key: String,
    from_variable: Option<Secret<String>>,
    kept: BTreeMap<String, Kept>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    username: String,
    token: String,
    /// That the second factor was shown; the server says how long it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Those for an address.
    pub(crate) fn of(environment: &Environment, url: &Url) -> anyhow::Result<Self> {
        let path = path(environment);
        Ok(Self {
            kept: path.as_ref().map_or_else(|| Ok(BTreeMap::new()), read)?,
            path,
            key: url.as_str().trim_end_matches('/').to_owned(),
            from_variable: environment.get("HOMEPORT_TOKEN").map(|token| Secret::new(token.to_owned())),
        })
    }

    /// The token to send.
    pub(crate) fn token(&self) -> Option<Secret<String>> {
        self.from_variable.clone().or_else(|| Some(Secret::new(self.kept.get(&self.key)?.token.clone())))
    }

    /// What shows the second factor.
    pub(crate) fn proof(&self) -> Option<Secret<String>> {
        Some(Secret::new(self.kept.get(&self.key)?.proof.clone()?))
    }

    /// Who signed in at this address.
    pub(crate) fn username(&self) -> Option<&str> {
        Some(&self.kept.get(&self.key)?.username)
    }

    /// Whether what was kept is not what is sent.
    pub(crate) const fn is_from_variable(&self) -> bool {
        self.from_variable.is_some()
    }

    /// Keeps a session.
    pub(crate) fn keep(&self, username: &str, token: &Secret<String>) -> anyhow::Result<()> {
        let mut kept = self.kept.clone();
        kept.insert(
            self.key.clone(),
            Kept { username: username.to_owned(), token: token.expose().clone(), proof: None },
        );
        self.write(&kept)
    }

    /// Keeps what shows the second factor, beside the session.
    pub(crate) fn keep_proof(&self, proof: &Secret<String>) -> anyhow::Result<()> {
        let mut kept = self.kept.clone();
        let session = kept.get_mut(&self.key).context("no session to keep it with; run `homeport login` first")?;
        session.proof = Some(proof.expose().clone());
        self.write(&kept)
    }

    /// Forgets the session at this address.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        let mut kept = self.kept.clone();
        if kept.remove(&self.key).is_some() {
            self.write(&kept)?;
        }
        Ok(())
    }

    fn write(&self, kept: &BTreeMap<String, Kept>) -> anyhow::Result<()> {
        let path = self.path.as_ref().context("nowhere to keep the session: set HOME or XDG_CONFIG_HOME")?;
        let write = || -> io::Result<()> {
            if let Some(directory) = path.parent() {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            }
            file::replace(path, serde_json::to_string_pretty(kept)?.as_bytes(), 0o600)
        };
        write().with_context(|| format!("cannot keep the session in {}", path.display()))
    }
}

fn path(environment: &Environment) -> Option<PathBuf> {
    let configs = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let configs = configs.or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".config")))?;
    Some(configs.join("homeport/credentials.json"))
}

fn read(path: &PathBuf) -> anyhow::Result<BTreeMap<String, Kept>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged; delete it and sign in again", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn credentials(directory: &tempfile::TempDir, url: &str, more: &[(&str, &str)]) -> Credentials {
        let home = directory.path().to_str().unwrap();
        let environment = [("HOME", home)].iter().chain(more).copied().collect();
        Credentials::of(&environment, &Url::parse(url).unwrap()).unwrap()
    }

    fn token(credentials: &Credentials) -> Option<String> {
        credentials.token().map(|token| token.expose().clone())
    }

    #[test]
    fn each_address_has_its_own() {
        let home = tempfile::tempdir().unwrap();
        credentials(&home, "http://one:1", &[]).keep("ada", &Secret::new("t1".to_owned())).unwrap();
        credentials(&home, "http://two:2", &[]).keep("bob", &Secret::new("t2".to_owned())).unwrap();
        let one = credentials(&home, "http://one:1/", &[]);
        assert_eq!((token(&one).as_deref(), one.username()), (Some("t1"), Some("ada")));
        one.forget().unwrap();
        assert_eq!(token(&credentials(&home, "http://one:1", &[])), None);
        assert_eq!(token(&credentials(&home, "http://two:2", &[])).as_deref(), Some("t2"));
        let file = home.path().join(".config/homeport/credentials.json");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_variable_wins() {
        let home = tempfile::tempdir().unwrap();
        credentials(&home, "http://one:1", &[]).keep("ada", &Secret::new("t1".to_owned())).unwrap();
        let both = credentials(&home, "http://one:1", &[("HOMEPORT_TOKEN", "t3")]);
        assert_eq!(token(&both).as_deref(), Some("t3"));
        assert!(!format!("{both:?}").contains("t1") && !format!("{both:?}").contains("t3"));
    }
}
