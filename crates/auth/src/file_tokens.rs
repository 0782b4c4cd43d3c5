//! Tokens in clear in `auth/auth_tokens.json` below the settings, as SPR keeps them. They are read, never written: whoever
//! edits the file changes what is good, within a second.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use homeport_service::Secret;
use jiff::Timestamp;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{
    credential::token::{SecretHash, prefix, suffix},
    grant::Grant,
    revocation::{Revocations, Revoked},
    role::Role,
    scope::Scope,
    store::{Token, TokenId},
    token_kind::TokenKind,
};

/// Between two looks at the file. Cheaper than a watch, and true on every file system.
const INTERVAL: Duration = Duration::from_millis(400);

/// Largest file that is read.
const BYTES_MAX: u64 = 4 << 20;

/// Tokens that one file can hold.
const TOKENS_MAX: usize = 10_000;

/// Where SPR keeps them, and where it used to.
const PLACES: [&str; 2] = ["auth/auth_tokens.json", "base/auth_tokens.json"];

type Tokens = HashMap<[u8; 32], Token>;

/// Tokens of a file, as they were when it was last read.
#[derive(Debug)]
pub(crate) struct FileTokens {
    places: Vec<PathBuf>,
    tokens: RwLock<Arc<Tokens>>,
    seen: RwLock<Option<Stamp>>,
}

/// What tells one state of the files from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp(Vec<Option<(u64, u64, i64, i64)>>);

/// A record as SPR writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(default)]
    name: String,
    token: Secret<String>,
    /// Unix seconds; 0 is never.
    #[serde(default)]
    expire: i64,
    #[serde(default)]
    scoped_paths: Option<Vec<String>>,
}

impl FileTokens {
    /// Reads the files below the directory of settings.
    pub(crate) fn read(configs: &Path) -> Self {
        let places = PLACES.iter().map(|place| configs.join(place)).collect();
        let files = Self { places, tokens: RwLock::default(), seen: RwLock::new(None) };
        files.look();
        files
    }

    /// The token with this secret.
    pub(crate) fn get(&self, hash: &SecretHash) -> Option<Token> {
        self.tokens().get(hash.as_bytes()).cloned()
    }

    pub(crate) fn list(&self) -> Vec<Token> {
        self.tokens().values().cloned().collect()
    }

    /// Whether a token of this name stands in the file.
    pub(crate) fn has_name(&self, kind: TokenKind, name: &str) -> bool {
        kind == TokenKind::Api && self.tokens().values().any(|token| token.name == name)
    }

    /// Looks at the files again and again until the service drains.
    pub(crate) async fn follow(&self, revocations: &Revocations, drain: CancellationToken) {
        let mut interval = tokio::time::interval(INTERVAL);
        while drain.run_until_cancelled(interval.tick()).await.is_some() {
            if self.look() {
                // Whose scopes changed and who is gone is not worth telling apart.
                revocations.tell(Revoked::everything());
            }
        }
    }

    /// Reads the files if they changed, and tells whether they did.
    fn look(&self) -> bool {
        let stamp = Stamp(self.places.iter().map(|place| stamp(place)).collect());
        if self.seen.read().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&stamp) {
            return false;
        }
        let mut tokens = Tokens::new();
        for place in &self.places {
            match load(place) {
                Ok(found) => tokens.extend(found.into_iter().map(|(hash, token)| (*hash.as_bytes(), token))),
                // Nothing in it is good as long as it cannot be read.
                Err(error) => {
                    tracing::error!(file.path = %place.display(), error = %error, "tokens in a file are not taken");
                }
            }
        }
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Some(stamp);
        true
    }

    fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn stamp(place: &Path) -> Option<(u64, u64, i64, i64)> {
    let file = fs::metadata(place).ok()?;
    Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
}

fn load(place: &Path) -> io::Result<Vec<(SecretHash, Token)>> {
    match fs::metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Ok(file) if file.len() > BYTES_MAX => {
            return Err(io::Error::other(format!("it is larger than {BYTES_MAX} bytes")));
        }
        _ => {}
    }
    let text = fs::read(place)?;
    let records: Vec<Record> = if text.iter().all(u8::is_ascii_whitespace) {
        Vec::new()
    } else {
        // The error of the parser could quote a secret.
        serde_json::from_slice::<Option<Vec<Record>>>(&text)
            .map_err(|error| io::Error::other(format!("line {} is not as SPR writes it", error.line())))?
            .unwrap_or_default()
    };
    Ok(records.into_iter().take(TOKENS_MAX).filter_map(read).collect())
}

/// A record as a token. One whose scopes cannot be read reaches nothing.
fn read(record: Record) -> Option<(SecretHash, Token)> {
    let Record { name, token: secret, expire, scoped_paths } = record;
    let hash = SecretHash::from_caller(&secret);
    let scopes = scoped_paths.unwrap_or_default().iter().map(|text| Scope::parse(text)).collect::<Result<_, _>>();
    let expires_at = match expire {
        0 => Some(None),
        second => Timestamp::from_second(second).ok().map(Some),
    };
    let (Some(hash), Ok(scopes), Some(expires_at)) = (hash, scopes, expires_at) else {
        tracing::error!(
            token.name = name,
            "a token in a file is not taken: its secret, scopes or expiry cannot be read"
        );
        return None;
    };
    let token = Token {
        id: TokenId::from(format!("file-{}", hash.short())),
        kind: TokenKind::Api,
        subject: None,
        user: None,
        name,
        prefix: prefix(&secret),
        suffix: suffix(&secret),
        grant: Grant { role: Role::Admin, scopes },
        created_at: Timestamp::UNIX_EPOCH,
        expires_at,
        last_used_at: None,
        in_file: true,
    };
    Some((hash, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> SecretHash {
        SecretHash::of(&Secret::new(text.to_owned()))
    }

    fn write(configs: &Path, text: &str) {
        fs::create_dir_all(configs.join("auth")).unwrap();
        homeport_service::file::replace(&configs.join(PLACES[0]), text.as_bytes(), 0o600).unwrap();
    }

    #[test]
    fn changes_are_seen_and_what_cannot_be_read_is_not_good() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = ("A".repeat(43), "B".repeat(43));
        let files = FileTokens::read(directory.path());
        assert!(files.list().is_empty() && !files.look());
        write(
            directory.path(),
            &format!(
                r#"[{{"Name":"a","Token":"{one}","Expire":0,"ScopedPaths":["/status:r"]}},
                    {{"Name":"b","Token":"{two}","Expire":1,"ScopedPaths":null}},
                    {{"Name":"c","Token":"{}","Expire":0,"ScopedPaths":["status"]}},
                    {{"Name":"d","Token":"short"}}]"#,
                "C".repeat(43)
            ),
        );
        assert!(files.look());
        let token = files.get(&hash(&one)).unwrap();
        assert_eq!((token.name.as_str(), token.prefix.as_str(), token.expires_at), ("a", "AAAAAAAA", None));
        assert_eq!(token.grant.scopes[0].to_string(), "/status:r");
        assert!(files.get(&hash(&two)).unwrap().expires_at.is_some() && files.has_name(TokenKind::Api, "b"));
        assert_eq!(files.list().len(), 2, "what cannot be read in full reaches nothing");
        write(directory.path(), "[{");
        assert!(files.look());
        assert!(files.list().is_empty());
        write(directory.path(), "null");
        assert!(files.look() && !files.look());
    }
}
