//! What callers prove themselves with.

pub(crate) mod basic_cache;
pub(crate) mod foreign;
mod hasher;
pub(crate) mod password;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod words;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_service::Secret;

use crate::error::AuthError;

/// Longest Authorization header that is looked at. A session token has about 400 characters.
const HEADER_MAX: usize = 8 << 10;

/// A credential as it came in an Authorization header.
#[derive(Debug)]
pub(crate) enum Credential {
    /// A session token (JWT) or an API token.
    Bearer(Secret<String>),
    /// A name and password.
    Basic { name: String, password: Secret<String> },
}

impl Credential {
    /// Reads the whole value of an Authorization header.
    pub(crate) fn parse(header: &str) -> Result<Self, AuthError> {
        if header.is_empty() {
            return Err(AuthError::NoCredential);
        }
        if header.len() > HEADER_MAX {
            return Err(AuthError::MalformedCredential);
        }
        let mut words = header.split(' ');
        let (Some(scheme), Some(value), None) = (words.next(), words.next(), words.next()) else {
            return Err(AuthError::MalformedCredential);
        };
        if value.is_empty() {
            return Err(AuthError::MalformedCredential);
        }
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Ok(Self::Bearer(Secret::new(value.to_owned()))),
            "basic" => basic(value).ok_or(AuthError::MalformedCredential),
            _ => Err(AuthError::MalformedCredential),
        }
    }
}

fn basic(value: &str) -> Option<Credential> {
    let text = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some(Credential::Basic { name: name.to_owned(), password: Secret::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &str) {
        let shown = match Credential::parse(header) {
            Ok(Credential::Bearer(token)) => format!("bearer {}", token.expose()),
            Ok(Credential::Basic { name, password }) => format!("basic {name} {}", password.expose()),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(shown, expected, "{header}");
    }

    #[test]
    fn headers() {
        check("Bearer abc", "bearer abc");
        check("bearer abc", "bearer abc");
        check("Basic YWRtaW46YTpi", "basic admin a:b");
        check("Basic YWRtaW46", "basic admin ");
        check("", "NoCredential");
        check("Bearer", "MalformedCredential");
        check("Bearer ", "MalformedCredential");
        check("Bearer  abc", "MalformedCredential");
        check("Bearer a b", "MalformedCredential");
        check("Digest abc", "MalformedCredential");
        check("Basic ***", "MalformedCredential");
        check("Basic YWRtaW4=", "MalformedCredential");
        check(&format!("Bearer {}", "a".repeat(9000)), "MalformedCredential");
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?} {:?}", Credential::parse("Bearer abc"), Credential::parse("Basic YWRtaW46cHc6MQ=="));
        assert!(!shown.contains("abc") && !shown.contains("pw"), "{shown}");
    }
}
