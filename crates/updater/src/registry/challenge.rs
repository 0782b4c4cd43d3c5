//! What a registry asks for: the `WWW-Authenticate` header.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token from a service of its choice.
    Bearer {
        /// Address of the service.
        realm: String,
        /// What the service shall take the registry for.
        service: Option<String>,
        /// What the token shall be good for.
        scope: Option<String>,
    },
    /// Name and password.
    Basic,
}

impl Challenge {
    /// The first challenge that can be met; a token is preferred.
    pub(super) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<_> = texts.flat_map(parse).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Self::Bearer { .. }));
        bearer.or_else(|| challenges.first()).cloned()
    }
}

fn parse(text: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, behind)) = token(rest) else { break };
        match (behind.strip_prefix('='), found.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, behind) = parameter(value);
                parameters.insert(name.to_ascii_lowercase(), value);
                rest = behind;
            }
            (Some(_), None) => break,
            (None, _) => {
                found.push((name.to_ascii_lowercase(), BTreeMap::new()));
                rest = behind;
            }
        }
    }
    found.into_iter().filter_map(|(scheme, parameters)| challenge(&scheme, parameters)).collect()
}

fn challenge(scheme: &str, mut parameters: BTreeMap<String, String>) -> Option<Challenge> {
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: parameters.remove("realm")?,
            service: parameters.remove("service"),
            scope: parameters.remove("scope"),
        }),
        _ => None,
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |next: char| next.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(next);
    let length = text.find(|next| !is_token(next)).unwrap_or(text.len());
    (length > 0).then(|| text.split_at(length))
}

/// The value of a parameter, quoted or not, and what is behind it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let length = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..length].to_owned(), &text[length..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, next) in quoted.char_indices() {
        match next {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (value, &quoted[at + 1..]),
            next => {
                value.push(next);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&str], expected: Option<&Challenge>) {
        let headers: HeaderMap = headers.iter().map(|value| (WWW_AUTHENTICATE, value.parse().unwrap())).collect();
        assert_eq!(Challenge::of_headers(&headers).as_ref(), expected);
    }

    #[test]
    fn tokens_are_preferred_to_passwords() {
        let hub = Challenge::Bearer {
            realm: "https://auth.docker.io/token".to_owned(),
            service: Some("registry.docker.io".to_owned()),
            scope: Some("repository:library/nginx:pull".to_owned()),
        };
        let text = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
                    scope=\"repository:library/nginx:pull\"";
        check(&[text], Some(&hub));
        check(&["Basic realm=\"x, y\"", text], Some(&hub));
        check(&[&format!("Basic realm=\"x\", {text}")], Some(&hub));
        check(&["basic realm=x"], Some(&Challenge::Basic));
        check(
            &["BEARER Realm=\"a\\\"b\""],
            Some(&Challenge::Bearer { realm: "a\"b".to_owned(), service: None, scope: None }),
        );
    }

    #[test]
    fn what_cannot_be_met_is_none() {
        for text in ["", "Negotiate", "Bearer", "Bearer service=\"x\"", "=x", "realm=\"x\""] {
            check(&[text], None);
        }
        check(&[], None);
    }
}
