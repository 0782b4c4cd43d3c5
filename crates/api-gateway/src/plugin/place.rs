//! Which plugin path a request means. Plugins are reached below `/plugins/`, by a name of their own, and, what is static of
//! their pages, below the path that the frame around a page uses.

/// Below it are a plugin's static files.
const STATIC: &str = "/static/";
/// Where the frame around a plugin's page finds its static files.
const FRAME: &str = "/admin/custom_plugin/";
/// Where plugins are.
pub(super) const PLUGINS: &str = "/plugins/";

/// How a request came to a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Below `/plugins/`.
    Prefix,
    /// From the frame around a page: static files, for everybody.
    Frame,
    /// By a name of its own: static files are for everybody.
    Host,
}

/// A path below `/plugins/`, which is the one that is authorised, however it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) door: Door,
}

impl Place {
    /// The place that a clean path, asked of a host, means. None: no plugin is meant.
    pub(crate) fn of(host: Option<&str>, domain: &str, path: &str) -> Option<Self> {
        if let Some(uri) = host.and_then(|host| uri_of_host(host, domain)) {
            return Some(Self { path: format!("{PLUGINS}{uri}{path}"), door: Door::Host });
        }
        if path.starts_with(PLUGINS) {
            return Some(Self { path: path.to_owned(), door: Door::Prefix });
        }
        let rest = path.strip_prefix(FRAME)?;
        Some(Self { path: format!("{PLUGINS}{rest}"), door: Door::Frame })
    }
}

impl Door {
    /// Whether a plugin's own path is for everybody, if the plugin has a page.
    pub(crate) fn is_open_for(self, path: &str) -> bool {
        self != Self::Prefix && path.starts_with(STATIC)
    }
}

/// Whether a plugin's own path is a static file, which its plugin may let be kept.
pub(crate) fn is_static(path: &str) -> bool {
    path.starts_with(STATIC)
}

/// `<URI>` of `<URI>.plugins.<domain>`, with or without a port. Names know no slash, so these are plugins of one segment.
pub(crate) fn uri_of_host<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let rest = name.strip_suffix('.').unwrap_or(name);
    let at = rest.len().checked_sub(domain.len()).filter(|at| rest.is_char_boundary(*at))?;
    let (front, end) = rest.split_at(at);
    let uri = front.strip_suffix(".plugins.").filter(|_| end.eq_ignore_ascii_case(domain))?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!matches!(uri, "" | "." | "..") && uri.bytes().all(letter)).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, path: &str, expected: Option<(&str, Door)>) {
        let found = Place::of(Some(host), "spr.lan", path);
        assert_eq!(found, expected.map(|(path, door)| Place { path: path.to_owned(), door }), "{host} {path}");
    }

    #[test]
    fn three_doors_lead_to_a_plugin() {
        check("nas", "/plugins/hello/x", Some(("/plugins/hello/x", Door::Prefix)));
        check("nas:8080", "/admin/custom_plugin/hello/static/a.js", Some(("/plugins/hello/static/a.js", Door::Frame)));
        check("hello.plugins.spr.lan", "/x", Some(("/plugins/hello/x", Door::Host)));
        check("hello.plugins.SPR.lan:8080", "/plugins/other/", Some(("/plugins/hello/plugins/other/", Door::Host)));
        check("nas", "/plugins", None);
        check("nas", "/api/status", None);
        check(".plugins.spr.lan", "/x", None);
        check("plugins.spr.lan", "/x", None);
        check("...plugins.spr.lan", "/x", None);
        check("a/b.plugins.spr.lan", "/x", None);
        check("hello.plugins.spr.lan.evil.example", "/x", None);
        check("hello.plugins.example", "/x", None);
    }

    #[test]
    fn only_static_files_are_open_and_not_by_every_door() {
        assert!(Door::Frame.is_open_for("/static/a.js") && Door::Host.is_open_for("/static/a.js"));
        assert!(!Door::Prefix.is_open_for("/static/a.js"));
        assert!(!Door::Frame.is_open_for("/") && !Door::Host.is_open_for("/statics/a"));
    }
}
