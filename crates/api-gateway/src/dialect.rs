//! The APIs that are served side by side, each at its own documented paths, with its own error body.

pub(crate) mod docksmith;
pub(crate) mod homelabarr;
pub(crate) mod homeport;
pub(crate) mod spr;

use crate::route::Route;

/// Whose client is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Docksmith,
    HomelabArr,
    Spr,
}

impl Dialect {
    /// The dialect that a path belongs to, whether or not there is anything at it. SPR's plain text, which every
    /// client can show, serves all that no other dialect claims.
    pub(crate) fn of(path: &str) -> Self {
        let below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below("/auth") || below("/api/auth") {
            Self::HomelabArr
        } else if below("/api") {
            Self::Docksmith
        } else {
            Self::Spr
        }
    }
}

/// Every route of the gateway's own, the proxied paths of plugins apart.
pub(crate) fn routes() -> Vec<Route> {
    [homeport::routes(), docksmith::routes(), homelabarr::routes(), spr::routes()].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_ends_at_a_segment() {
        assert_eq!(Dialect::of("/api/status"), Dialect::Docksmith);
        assert_eq!(Dialect::of("/api"), Dialect::Docksmith);
        assert_eq!(Dialect::of("/apis"), Dialect::Spr);
        assert_eq!(Dialect::of("/api/auth/login"), Dialect::HomelabArr);
        assert_eq!(Dialect::of("/auth/login"), Dialect::HomelabArr);
        assert_eq!(Dialect::of("/plugins/api/"), Dialect::Spr);
    }
}
