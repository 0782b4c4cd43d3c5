//! What requests are called in the record: the names that existing clients know, and else method and route.

use http::Method;

/// What a route does when it succeeds: its method, its template, the name, the kind of what it is done to, and the part of
/// the template that names that.
type Named = (Method, &'static str, &'static str, &'static str, &'static str);

const NAMES: &[Named] = &[
    (Method::POST, "/auth/login", "user_login", "user", ""),
    (Method::POST, "/auth/logout", "user_logout", "session", ""),
    (Method::PUT, "/logout", "user_logout", "session", ""),
    (Method::POST, "/auth/change-password", "password_changed", "user", ""),
    (Method::POST, "/auth/register", "user_created", "user", ""),
    (Method::POST, "/auth/users", "user_created", "user", ""),
    (Method::PUT, "/auth/users/{userId}", "user_updated", "user", "userId"),
    (Method::DELETE, "/auth/users/{userId}", "user_deleted", "user", "userId"),
    (Method::PUT, "/auth/users/{userId}/password", "user_password_reset", "user", "userId"),
    (Method::DELETE, "/auth/sessions/{sessionId}", "session_revoked", "session", "sessionId"),
    (Method::POST, "/auth/api-keys", "api_key_created", "api_key", ""),
    (Method::DELETE, "/auth/api-keys/{keyId}", "api_key_revoked", "api_key", "keyId"),
    (Method::POST, "/auth/import", "users_imported", "", ""),
    (Method::PUT, "/tokens", "token_created", "token", ""),
    (Method::DELETE, "/tokens", "token_deleted", "token", ""),
    (Method::PUT, "/plugins_api/{name}", "plugin_changed", "plugin", "name"),
    (Method::DELETE, "/plugins_api/{name}", "plugin_removed", "plugin", "name"),
    (Method::PUT, "/plugins_api/{name}/restart", "plugin_restarted", "plugin", "name"),
    (Method::PUT, "/plugins_api/{name}/update_container", "plugin_updated", "plugin", "name"),
    (Method::POST, "/api/containers/{name}/start", "container_started", "container", "name"),
    (Method::POST, "/api/containers/{name}/stop", "container_stopped", "container", "name"),
    (Method::POST, "/api/containers/{name}/restart", "container_restarted", "container", "name"),
    (Method::DELETE, "/api/containers/{name}", "container_deleted", "container", "name"),
    (Method::POST, "/api/update", "update_requested", "", ""),
    (Method::POST, "/api/update/batch", "update_requested", "", ""),
    (Method::POST, "/api/rollback", "rollback_requested", "", ""),
    (Method::POST, "/api/rollback/containers", "rollback_requested", "", ""),
];

/// Name, kind and id of what a request does, if its route has a name.
pub(crate) fn named(method: &Method, template: &str, path: &str) -> Option<(&'static str, &'static str, String)> {
    // The same routes below `/api/` are the same.
    let (short, path) = match template.strip_prefix("/api/auth/") {
        Some(_) => (&template[4..], path.get(4..).unwrap_or_default()),
        None => (template, path),
    };
    let (.., name, kind, part) = NAMES.iter().find(|(known, path, ..)| known == method && *path == short)?;
    let id = segment(short, path, part).unwrap_or_default().to_owned();
    Some((name, kind, id))
}

/// The segment of a path that stands for a part of its template.
fn segment<'a>(template: &str, path: &'a str, part: &str) -> Option<&'a str> {
    let is_part = |segment: &str| segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) == Some(part);
    let at = template.split('/').position(is_part)?;
    path.split('/').nth(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, template: &str, path: &str, expected: Option<(&str, &str, &str)>) {
        let found = named(method, template, path);
        let found = found.as_ref().map(|(name, kind, id)| (*name, *kind, id.as_str()));
        assert_eq!(found, expected, "{template}");
    }

    #[test]
    fn routes_have_names_and_targets() {
        let stop = "/api/containers/{name}/stop";
        check(&Method::POST, stop, "/api/containers/web/stop", Some(("container_stopped", "container", "web")));
        let user = Some(("user_deleted", "user", "u1"));
        check(&Method::DELETE, "/auth/users/{userId}", "/auth/users/u1", user);
        check(&Method::DELETE, "/api/auth/users/{userId}", "/api/auth/users/u1", user);
        check(&Method::POST, "/auth/login", "/auth/login", Some(("user_login", "user", "")));
        check(&Method::GET, "/auth/login", "/auth/login", None);
        check(&Method::POST, "/plugins/{*path}", "/plugins/a/b", None);
    }
}
