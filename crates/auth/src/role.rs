//! What somebody may do, whatever the path: a role covers verbs, a route needs one.

use std::str::FromStr;

/// What somebody is. Each may do what the one before it may, and more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// Reads.
    Viewer,
    /// Also works on containers, applications and updates.
    Operator,
    /// Everything, users and tokens as well.
    Admin,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Read,
    Operate,
    Administer,
}

/// Why a text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer, operator or admin, not {0:?}")]
pub(crate) struct RoleError(String);

impl Role {
    /// Whether it covers a verb.
    pub(crate) const fn may(self, verb: Verb) -> bool {
        matches!(
            (self, verb),
            (Self::Admin, _) | (Self::Operator, Verb::Read | Verb::Operate) | (Self::Viewer, Verb::Read)
        )
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "operator" => Ok(Self::Operator),
            "admin" => Ok(Self::Admin),
            other => Err(RoleError(other.to_owned())),
        }
    }
}

impl Verb {
    /// What a request does of which nothing but the method is known.
    pub(crate) fn of_method(method: &str) -> Self {
        if matches!(method, "GET" | "HEAD" | "OPTIONS") { Self::Read } else { Self::Operate }
    }

    /// What it is called to somebody who may not do it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_below_it_may() {
        let may = |role: Role| [Verb::Read, Verb::Operate, Verb::Administer].map(|verb| role.may(verb));
        assert_eq!(may(Role::Viewer), [true, false, false]);
        assert_eq!(may(Role::Operator), [true, true, false]);
        assert_eq!(may(Role::Admin), [true, true, true]);
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for role in [Role::Viewer, Role::Operator, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("superking".parse::<Role>().is_err() && "Admin".parse::<Role>().is_err());
    }

    #[test]
    fn methods_read_or_operate() {
        assert_eq!(["GET", "HEAD", "OPTIONS"].map(Verb::of_method), [Verb::Read; 3]);
        assert_eq!(["POST", "DELETE", "get", "TRACE"].map(Verb::of_method), [Verb::Operate; 4]);
    }
}
