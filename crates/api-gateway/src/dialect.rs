//! The APIs that are served side by side, each at its own documented paths, with its own error body.

pub(crate) mod docksmith;
pub(crate) mod homelabarr;
pub(crate) mod homeport;
pub(crate) mod selfprivacy;
pub(crate) mod spr;
pub(crate) mod supervisor;

use homeport_service::Secret;
use http::request::Parts;

use crate::{gate, openapi::Section, route::Route};

/// Where HomelabARR's clients ask, also below `/api`.
const HOMELABARR: [&str; 3] = ["/auth", "/enhanced-mount", "/stream"];

/// Whose client is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Docksmith,
    HomelabArr,
    SelfPrivacy,
    Spr,
    Supervisor,
}

impl Dialect {
    pub(crate) const ALL: [Self; 5] =
        [Self::Docksmith, Self::HomelabArr, Self::SelfPrivacy, Self::Spr, Self::Supervisor];

    /// The name for documents.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Docksmith => "Docksmith",
            Self::HomelabArr => "HomelabARR",
            Self::SelfPrivacy => "SelfPrivacy",
            Self::Spr => "SPR",
            Self::Supervisor => "Supervisor",
        }
    }

    /// The dialect that a path belongs to, whether or not there is anything at it. SPR's plain text, which every
    /// client can show, serves all that no other dialect claims.
    pub(crate) fn of(path: &str) -> Self {
        let below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if below("/auth/tokens") || below("/auth/new_device") || below("/auth/recovery_token") || path == "/api/version"
        {
            Self::SelfPrivacy
        } else if below("/v1") || below("/v2") || path == "/ping" {
            Self::Supervisor
        } else if HOMELABARR.iter().any(|path| below(path) || below(&format!("/api{path}"))) || path == "/containers" {
            Self::HomelabArr
        } else if below("/api") {
            Self::Docksmith
        } else {
            Self::Spr
        }
    }
}

impl Dialect {
    /// The credential of a request, written as an `Authorization` header, however clients of this dialect carry it.
    pub(crate) fn credential(self, request: &Parts) -> Option<Secret<String>> {
        let header = || gate::authorization(&request.headers);
        match self {
            Self::Supervisor => supervisor::credential(request),
            // A token alone is as good as one with its scheme.
            Self::SelfPrivacy => header().map(|value| match value.split_once(' ') {
                Some(_) => Secret::new(value.to_owned()),
                None => Secret::new(format!("Bearer {value}")),
            }),
            Self::HomelabArr => {
                header().map(|value| Secret::new(value.to_owned())).or_else(|| homelabarr::credential(request))
            }
            Self::Docksmith | Self::Spr => header().map(|value| Secret::new(value.to_owned())),
        }
    }

    /// What clients are told who send no credential.
    pub(crate) const fn missing(self) -> &'static str {
        match self {
            Self::SelfPrivacy => "Missing Authorization header",
            _ => "Unauthorized",
        }
    }

    /// What clients are told whose credential is not good, where they expect the same words always.
    pub(crate) const fn unknown(self) -> Option<&'static str> {
        match self {
            Self::SelfPrivacy => Some("Invalid token"),
            Self::Supervisor => Some("Unauthorized"),
            Self::Docksmith | Self::HomelabArr | Self::Spr => None,
        }
    }

    /// Whether a credential that is for something else is answered as one that is good for nothing.
    pub(crate) const fn hides_scopes(self) -> bool {
        matches!(self, Self::Spr | Self::Supervisor)
    }
}

/// The tables of all dialects. What is served is what stands in one of them, and so is what is documented.
pub(crate) fn sections() -> Vec<Section> {
    let mut sections = docksmith::sections();
    sections.push(Section {
        name: "HomelabARR",
        description: "Signing in and out, and one's own account.",
        routes: homelabarr::routes(),
    });
    sections.push(Section {
        name: "SPR",
        description: "Tokens, event streams, and what the machine is.",
        routes: spr::routes(),
    });
    sections.push(Section {
        name: "SelfPrivacy",
        description: "Devices, and the words that let others in. Parameters may be in a JSON object, a form or the query.",
        routes: selfprivacy::routes(),
    });
    sections.push(Section {
        name: "Supervisor",
        description: "Keys of the device supervisor's API.",
        routes: supervisor::routes(),
    });
    sections.push(Section {
        name: "Homeport",
        description: "Homeport's own: health, metrics, events, and this document.",
        routes: homeport::routes(),
    });
    sections
}

/// Shapes that examples refer to by name.
pub(crate) fn shapes() -> Vec<(&'static str, &'static str)> {
    [docksmith::SHAPES, homelabarr::SHAPES, spr::SHAPES].concat()
}

/// Every route of the gateway's own, the proxied paths of plugins apart.
pub(crate) fn routes() -> Vec<Route> {
    sections().into_iter().flat_map(|section| section.routes).collect()
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
        assert_eq!(Dialect::of("/auth/tokens"), Dialect::SelfPrivacy);
        assert_eq!(Dialect::of("/auth/new_device/authorize"), Dialect::SelfPrivacy);
        assert_eq!(Dialect::of("/auth/tokens_x"), Dialect::HomelabArr);
        assert_eq!(Dialect::of("/api/stream/progress"), Dialect::HomelabArr);
        assert_eq!(Dialect::of("/containers"), Dialect::HomelabArr);
        assert_eq!(Dialect::of("/api/containers"), Dialect::Docksmith);
        assert_eq!(Dialect::of("/v1/device"), Dialect::Supervisor);
        assert_eq!(Dialect::of("/plugins/api/"), Dialect::Spr);
    }
}
