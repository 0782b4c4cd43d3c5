//! Clients on this very machine that know of no credentials, as those of Docksmith are: a token that lies in a file stands
//! for them. Off unless a setting names that file.

use std::{
    io,
    path::{Path, PathBuf},
};

use homeport_service::Secret;
use http::{HeaderMap, HeaderName, header, request::Parts, uri::Authority};

use super::has_credential;
use crate::{
    dialect::Dialect,
    middleware::{ClientAddress, Scheme, cross_site},
};

/// Headers of proxies. Whoever is behind one is not on this machine, whatever the connection says.
const FORWARDED: [HeaderName; 6] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// The token that stands for them.
#[derive(Debug)]
pub(crate) struct Loopback(Secret<String>);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoopbackError {
    #[error("cannot read {}, which docksmith.loopback_token_file names", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "{} holds no token; `homeport token create widget --scope /api/status:r` makes one, of which the line goes into it",
        path.display()
    )]
    NoToken { path: PathBuf },
}

impl Loopback {
    /// Reads the token.
    pub(crate) async fn read(path: &Path) -> Result<Self, LoopbackError> {
        let text = tokio::fs::read_to_string(path).await;
        let text = text.map_err(|source| LoopbackError::Read { path: path.to_owned(), source })?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(LoopbackError::NoToken { path: path.to_owned() });
        }
        tracing::warn!(
            "Docksmith's API needs no credential from this machine itself: docksmith.loopback_token_file is set"
        );
        Ok(Self(Secret::new(format!("Bearer {token}"))))
    }

    /// What stands for the sender of a request without a credential, if that is a client on this machine.
    pub(crate) fn credential(&self, dialect: Dialect, request: &Parts) -> Option<Secret<String>> {
        let ClientAddress(client) = request.extensions.get()?;
        let is_near = client.ip().to_canonical().is_loopback();
        let may = dialect == Dialect::Docksmith
            && is_near
            && !has_credential(&request.headers)
            && !FORWARDED.iter().any(|name| request.headers.contains_key(name))
            && is_named_locally(request)
            && cross_site::refusal(&request.headers, request.extensions.get::<Scheme>().copied()).is_none();
        may.then(|| self.0.clone())
    }
}

/// Whether a request was sent to this machine by a name that only it has. A page of a stranger whose name leads here
/// comes from this machine, too: from its browser.
fn is_named_locally(request: &Parts) -> bool {
    let authority = request.uri.authority().cloned().or_else(|| host(&request.headers));
    authority.is_some_and(|authority| {
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    })
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(client: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(ClientAddress(client.parse().unwrap()));
        let dialect = Dialect::of(parts.uri.path());
        Loopback(Secret::new("Bearer x".to_owned())).credential(dialect, &parts).is_some()
    }

    #[test]
    fn s1_only_what_comes_from_the_machine_itself_needs_no_credential() {
        let host = ("host", "localhost:8080");
        assert!(is_let_in("127.0.0.1:5", "/api/status", &[host]));
        assert!(is_let_in("127.8.0.1:5", "/api/update", &[("host", "127.0.0.1")]));
        assert!(is_let_in("[::1]:5", "/api/status", &[("host", "[::1]:8080")]));
        assert!(is_let_in("[::ffff:127.0.0.1]:5", "http://localhost/api/status", &[]));
        assert!(is_let_in("127.0.0.1:5", "/api/status", &[host, ("origin", "http://localhost:8080")]));
        assert!(!is_let_in("192.168.1.2:5", "/api/status", &[host]), "another machine");
        assert!(!is_let_in("127.0.0.1:5", "/api/status", &[("host", "evil.example:8080")]), "a name that leads here");
        assert!(!is_let_in("127.0.0.1:5", "/api/status", &[]));
        assert!(!is_let_in("127.0.0.1:5", "/tokens", &[host]), "another API");
        assert!(!is_let_in("127.0.0.1:5", "/api/auth/users", &[host]), "another API");
        for header in [
            ("authorization", "Bearer wrong"),
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("via", "1.1 proxy"),
        ] {
            assert!(!is_let_in("127.0.0.1:5", "/api/status", &[host, header]), "{header:?}");
        }
    }
}
