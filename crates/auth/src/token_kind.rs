//! The kinds of tokens: how each is written, and who shows it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use homeport_service::Secret as Hidden;

use crate::events::Kind as Who;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TokenKind {
    /// An application or a script.
    Api,
    /// A person's own applications.
    Key,
    /// A plugin.
    Plugin,
    /// A plugin's page, for a few minutes.
    Ui,
    /// A person's device.
    Device,
    /// The device supervisor.
    Supervisor,
    /// One project of it.
    Project,
}

impl TokenKind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Api, Self::Key, Self::Plugin, Self::Ui, Self::Device, Self::Supervisor, Self::Project];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Key => "key",
            Self::Plugin => "plugin",
            Self::Ui => "ui",
            Self::Device => "device",
            Self::Supervisor => "supervisor",
            Self::Project => "project",
        }
    }

    pub(crate) fn of_str(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Who shows it.
    pub(crate) const fn principal(self) -> Who {
        match self {
            Self::Api | Self::Key => Who::Token,
            Self::Plugin | Self::Ui => Who::Plugin,
            Self::Device => Who::Device,
            Self::Supervisor | Self::Project => Who::Project,
        }
    }

    /// Whether each belongs to a subject, of which it is the only one.
    pub(crate) const fn has_subject(self) -> bool {
        matches!(self, Self::Plugin | Self::Ui | Self::Project | Self::Supervisor)
    }

    /// A new secret: 256 random bits, in the form that the clients of this kind know.
    pub(crate) fn random(self) -> Hidden<String> {
        let bits = rand::random::<[u8; 32]>();
        let text = || BASE64_URL_SAFE_NO_PAD.encode(bits);
        Hidden::new(match self {
            Self::Api | Self::Plugin | Self::Device => text(),
            Self::Ui => format!("sprui1_{}", text()),
            Self::Key => format!("hlr_{}", hex::encode(bits)),
            Self::Supervisor | Self::Project => hex::encode(bits),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_the_form_that_clients_know() {
        for (kind, beginning, length) in [
            (TokenKind::Api, "", 43),
            (TokenKind::Key, "hlr_", 68),
            (TokenKind::Ui, "sprui1_", 50),
            (TokenKind::Supervisor, "", 64),
        ] {
            let (one, two) = (kind.random(), kind.random());
            assert!(one.expose().starts_with(beginning) && one.expose().len() == length, "{kind:?}");
            assert_ne!(one.expose(), two.expose());
        }
        let key = TokenKind::Project.random();
        assert!(key.expose().bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in TokenKind::ALL {
            assert_eq!(TokenKind::of_str(kind.as_str()), Some(kind));
        }
        assert_eq!(TokenKind::of_str(""), None);
    }
}
