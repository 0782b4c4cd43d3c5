//! What a token may reach: path scopes, each `path`, `path:r` or `path:rw`, and with `!` before it what it may not.

use std::fmt;

/// Longest text of a scope. Paths of the APIs have about 60 characters.
const LENGTH_MAX: usize = 256;

/// Why a text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScopeError {
    #[error("a scope begins with a slash")]
    NotAbsolute,
    #[error("after the colon there is `r` (read) or `rw` (read and write)")]
    UnknownMode,
    #[error("a scope has at most {LENGTH_MAX} characters")]
    TooLong,
    #[error("a scope holds no control characters")]
    Control,
}

/// What a scope lets through at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Every method.
    Any,
    /// GET, and HEAD, which shows less than GET.
    Read,
    /// Read, and PUT, POST, PATCH, DELETE.
    ReadWrite,
}

/// A path, everything below it, and what may be done there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Clean; `/` is everything.
    path: String,
    mode: Mode,
    /// It takes away what others give.
    is_exception: bool,
}

impl Scope {
    /// Reads a scope, bringing its path into the shape that request paths are compared in.
    pub(crate) fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > LENGTH_MAX {
            return Err(ScopeError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(ScopeError::Control);
        }
        let (is_exception, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (path, mode) = match text.rsplit_once(':') {
            None => (text, Mode::Any),
            Some((path, "r")) => (path, Mode::Read),
            Some((path, "rw")) => (path, Mode::ReadWrite),
            Some(_) => return Err(ScopeError::UnknownMode),
        };
        if !path.starts_with('/') {
            return Err(ScopeError::NotAbsolute);
        }
        Ok(Self { path: clean(path), mode, is_exception })
    }

    /// Whether a request is one that this is about. The path must be [`clean`].
    fn covers(&self, method: &str, path: &str) -> bool {
        self.mode.covers(method) && self.reaches(path)
    }

    fn reaches(&self, path: &str) -> bool {
        self.path == "/" || path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl Mode {
    fn covers(self, method: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Read => matches!(method, "GET" | "HEAD"),
            Self::ReadWrite => matches!(method, "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exception {
            f.write_str("!")?;
        }
        f.write_str(&self.path)?;
        match self.mode {
            Mode::Any => Ok(()),
            Mode::Read => f.write_str(":r"),
            Mode::ReadWrite => f.write_str(":rw"),
        }
    }
}

/// Whether any of the scopes covers a request, and no exception does; no scopes cover everything.
pub(crate) fn allow(scopes: &[Scope], method: &str, path: &str) -> bool {
    if scopes.is_empty() {
        return true;
    }
    let path = clean(path);
    let mut about = scopes.iter().filter(|scope| scope.covers(method, &path)).peekable();
    about.peek().is_some() && about.all(|scope| !scope.is_exception)
}

/// The same, if a scope above the path is not enough.
pub(crate) fn name(scopes: &[Scope], method: &str, path: &str) -> bool {
    let path = clean(path);
    allow(scopes, method, &path)
        && (scopes.is_empty() || scopes.iter().any(|scope| !scope.is_exception && scope.path == path))
}

/// A path from the root, without empty segments, `.` and `..`, and without a slash at its end.
fn clean(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scopes: &[&str], request: &str, allowed: bool) {
        let parsed: Vec<Scope> = scopes.iter().map(|scope| Scope::parse(scope).unwrap()).collect();
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(allow(&parsed, method, path), allowed, "{scopes:?} {request}");
    }

    #[test]
    fn no_scopes_are_everything() {
        check(&[], "GET /", true);
        check(&[], "TRACE /anything", true);
    }

    #[test]
    fn a_scope_ends_at_a_segment() {
        check(&["/firewall"], "GET /firewall", true);
        check(&["/firewall"], "GET /firewall/x/y", true);
        check(&["/firewall"], "GET /firewalls", false);
        check(&["/firewall"], "GET /", false);
        check(&["/firewall/"], "GET /firewall", true);
        check(&["/firewall/"], "GET /firewall/x", true);
        check(&["/Firewall"], "GET /firewall", false);
        check(&["/"], "DELETE /anything", true);
    }

    #[test]
    fn paths_are_cleaned_first() {
        check(&["/plugins/a"], "GET /plugins/a/../b", false);
        check(&["/plugins/b"], "GET /plugins/a/../b", true);
        check(&["/plugins/a"], "GET //plugins//a/.", true);
        check(&["/plugins/a"], "GET /plugins/a/../../plugins/ab", false);
        check(&["/a/../plugins"], "GET /plugins/x", true);
        check(&["/plugins"], "GET /../../plugins", true);
    }

    #[test]
    fn modes() {
        for (method, any, read, write) in [
            ("GET", true, true, true),
            ("HEAD", true, true, true),
            ("PUT", true, false, true),
            ("POST", true, false, true),
            ("PATCH", true, false, true),
            ("DELETE", true, false, true),
            ("OPTIONS", true, false, false),
            ("TRACE", true, false, false),
            ("get", true, false, false),
        ] {
            check(&["/api"], &format!("{method} /api/x"), any);
            check(&["/api:r"], &format!("{method} /api/x"), read);
            check(&["/api:rw"], &format!("{method} /api/x"), write);
        }
    }

    #[test]
    fn any_scope_that_covers_is_enough() {
        check(&["/api:r", "/api/update:rw"], "POST /api/update", true);
        check(&["/api:r", "/api/update:rw"], "POST /api/rollback", false);
        check(&["/api/update:rw", "/api:r"], "GET /api/status", true);
    }

    #[test]
    fn an_exception_takes_away_whatever_the_order() {
        check(&["/v1", "!/v1/reboot"], "POST /v1/reboot", false);
        check(&["!/v1/reboot", "/v1"], "POST /v1/reboot/now", false);
        check(&["/v1", "!/v1/reboot"], "POST /v1/update", true);
        check(&["/v1", "!/v1/device/host-config:r"], "PATCH /v1/device/host-config", true);
        check(&["/v1", "!/v1/device/host-config:r"], "GET /v1/device/host-config", false);
        check(&["!/v1/reboot"], "POST /v1/reboot", false);
        check(&["!/v1/reboot"], "GET /other", false);
    }

    #[test]
    fn what_must_be_named_is_not_covered_from_above() {
        let named = |texts: &[&str], path: &str| {
            let scopes: Vec<Scope> = texts.iter().map(|text| Scope::parse(text).unwrap()).collect();
            name(&scopes, "GET", path)
        };
        assert!(named(&[], "/ws"));
        assert!(named(&["/status", "/ws:r"], "/ws") && named(&["/ws/"], "/ws"));
        assert!(!named(&["/"], "/ws") && !named(&["/ws_events_all"], "/ws") && !named(&["/ws"], "/ws/x"));
    }

    #[test]
    fn texts_that_are_no_scopes() {
        assert_eq!(Scope::parse(""), Err(ScopeError::NotAbsolute));
        assert_eq!(Scope::parse("api"), Err(ScopeError::NotAbsolute));
        assert_eq!(Scope::parse(":r"), Err(ScopeError::NotAbsolute));
        assert_eq!(Scope::parse("/api:w"), Err(ScopeError::UnknownMode));
        assert_eq!(Scope::parse("/api:"), Err(ScopeError::UnknownMode));
        assert_eq!(Scope::parse("/a\nb"), Err(ScopeError::Control));
        assert_eq!(Scope::parse(&format!("/{}", "a".repeat(256))), Err(ScopeError::TooLong));
    }

    #[test]
    fn the_clean_form_is_shown() {
        assert_eq!(Scope::parse("/a//b/:rw").unwrap().to_string(), "/a/b:rw");
        assert_eq!(Scope::parse("/").unwrap().to_string(), "/");
        assert_eq!(Scope::parse("!/a/:r").unwrap().to_string(), "!/a:r");
    }
}
