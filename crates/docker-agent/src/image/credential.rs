//! Credentials for registries, from Docker's `config.json` and the helpers that it names.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use homeport_service::Secret;
use serde_json::Value;

use crate::{document::Document as _, error::EngineError};

/// How long a credential helper may take. One that asks a person for a password never ends.
const HELPER_LIMIT: Duration = Duration::from_secs(20);
/// The key under which Docker keeps the credentials of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A registry's credential.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    /// Empty: the secret is an identity token.
    pub(crate) username: String,
    pub(crate) secret: Secret<String>,
}

/// The credentials in one configuration directory.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    directory: Option<PathBuf>,
}

impl Credentials {
    pub(crate) const fn new(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }

    /// The credential for a registry, none if there is none.
    pub(crate) async fn of(&self, registry: &str) -> Result<Option<Credential>, EngineError> {
        let Some(path) = self.file() else { return Ok(None) };
        let key = key(registry);
        let shown = path.display().to_string();
        let reading = tokio::task::spawn_blocking(move || read(&path, &key));
        match tokio::time::timeout(HELPER_LIMIT, reading).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(EngineError::Precondition(format!("reading the credentials in {shown} failed"))),
            Err(_) => Err(EngineError::TimedOut {
                doing: format!("the credential helper for {registry} (named in {shown})"),
                seconds: HELPER_LIMIT.as_secs(),
            }),
        }
    }

    /// The registries that have an entry, ordered.
    pub(crate) fn registries(&self) -> Result<Vec<String>, EngineError> {
        let Some(path) = self.file() else { return Ok(Vec::new()) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unreadable(&path, source)),
        };
        let config: Value = serde_json::from_str(&text)
            .map_err(|error| EngineError::Precondition(format!("{} is not valid JSON: {error}", path.display())))?;
        let mut names: Vec<String> =
            config.fields("auths").chain(config.fields("credHelpers")).map(|(key, _)| host(key)).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn file(&self) -> Option<PathBuf> {
        self.directory.as_ref().map(|directory| directory.join("config.json"))
    }
}

impl Credential {
    /// In the form that the engine takes with a pull.
    pub(crate) fn for_engine(&self, registry: &str) -> DockerCredentials {
        let address = Some(key(registry));
        if self.username.is_empty() {
            let identitytoken = Some(self.secret.expose().clone());
            return DockerCredentials { identitytoken, serveraddress: address, ..DockerCredentials::default() };
        }
        DockerCredentials {
            username: Some(self.username.clone()),
            password: Some(self.secret.expose().clone()),
            serveraddress: address,
            ..DockerCredentials::default()
        }
    }
}

fn read(path: &Path, key: &str) -> Result<Option<Credential>, EngineError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(path, source)),
    };
    match docker_credential::get_credential_from_reader(file, key) {
        Ok(DockerCredential::UsernamePassword(username, password)) if !username.is_empty() => {
            Ok(Some(Credential { username, secret: Secret::new(password) }))
        }
        Ok(DockerCredential::UsernamePassword(..)) | Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        Ok(DockerCredential::IdentityToken(token)) => {
            Ok(Some(Credential { username: String::new(), secret: Secret::new(token) }))
        }
        // All helpers say it in these words: they come from the library that they share.
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if stdout.contains("credentials not found") || stderr.contains("credentials not found") =>
        {
            Ok(None)
        }
        // What a helper printed may hold a secret, so only its name is told.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => Err(EngineError::Precondition(format!(
            "{helper}, which {} names for {key}, failed; run it by hand to see why",
            path.display()
        ))),
        Err(CredentialRetrievalError::HelperCommunicationError) => Err(EngineError::Precondition(format!(
            "{} names a credential helper for {key} that cannot be run; install it where docker-agent runs",
            path.display()
        ))),
        Err(error) => Err(EngineError::Precondition(format!("{}: {error}", path.display()))),
    }
}

fn unreadable(path: &Path, source: io::Error) -> EngineError {
    EngineError::Io { doing: format!("reading {}", path.display()), source }
}

/// The key of a registry in `config.json`.
fn key(registry: &str) -> String {
    match registry {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB.to_owned(),
        other => other.to_owned(),
    }
}

/// The registry of a key in `config.json`.
fn host(key: &str) -> String {
    if key == DOCKER_HUB {
        return "docker.io".to_owned();
    }
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{
        "auths": {
            "https://index.docker.io/v1/": {"auth": "cGVyc29uOnNlY3JldD8+fg=="},
            "127.0.0.1:5000": {"auth": "YTpi"},
            "ghcr.io": {"identitytoken": "tok"},
            "empty.example": {}
        },
        "credHelpers": {"gcr.io": "no-such-helper-on-any-machine"}
    }"#;

    fn credentials() -> (tempfile::TempDir, Credentials) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.json"), CONFIG).unwrap();
        let credentials = Credentials::new(Some(directory.path().to_owned()));
        (directory, credentials)
    }

    async fn pair(registry: &str) -> Option<(String, String)> {
        let (_directory, credentials) = credentials();
        let found = credentials.of(registry).await.unwrap()?;
        Some((found.username, found.secret.expose().clone()))
    }

    #[tokio::test]
    async fn s8_each_registry_gets_its_own() {
        assert_eq!(pair("docker.io").await.unwrap(), ("person".to_owned(), "secret?>~".to_owned()));
        assert_eq!(pair("127.0.0.1:5000").await.unwrap(), ("a".to_owned(), "b".to_owned()));
        assert_eq!(pair("ghcr.io").await.unwrap(), (String::new(), "tok".to_owned()));
        assert_eq!(pair("quay.io").await, None);
        assert_eq!(pair("empty.example").await, None);
    }

    #[tokio::test]
    async fn s8_a_missing_helper_is_named_not_ignored() {
        let (_directory, credentials) = credentials();
        let error = credentials.of("gcr.io").await.unwrap_err().to_string();
        assert!(error.contains("gcr.io") && error.contains("install"), "{error}");
    }

    #[test]
    fn s2_1_registries_are_hosts_and_none_without_a_file() {
        let (_directory, credentials) = credentials();
        let expected = ["127.0.0.1:5000", "docker.io", "empty.example", "gcr.io", "ghcr.io"];
        assert_eq!(credentials.registries().unwrap(), expected);
        assert!(Credentials::new(None).registries().unwrap().is_empty());
    }
}
