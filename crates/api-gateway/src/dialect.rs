//! The APIs that are served side by side, each at its own documented paths, with its own error body.

pub(crate) mod docksmith;
pub(crate) mod homelabarr;
pub(crate) mod homeport;
pub(crate) mod spr;

use crate::{openapi::Section, route::Route};

/// Whose client is speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Docksmith,
    HomelabArr,
    Spr,
}

impl Dialect {
    pub(crate) const ALL: [Self; 3] = [Self::Docksmith, Self::HomelabArr, Self::Spr];

    /// The name for documents.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Docksmith => "Docksmith",
            Self::HomelabArr => "HomelabARR",
            Self::Spr => "SPR",
        }
    }

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
        assert_eq!(Dialect::of("/plugins/api/"), Dialect::Spr);
    }
}
