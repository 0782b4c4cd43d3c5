//! What a credential lets its holder do: a role, which says what, and path scopes, which say where.

use crate::{
    role::{Role, Verb},
    scope::{self, Scope},
};

/// What may be done, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) role: Role,
    /// Empty: everywhere.
    pub(crate) scopes: Vec<Scope>,
}

/// What a grant does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacking {
    Scope,
    Role,
}

impl Grant {
    /// What a role may do, everywhere.
    pub(crate) const fn of(role: Role) -> Self {
        Self { role, scopes: Vec::new() }
    }

    /// The same, for somebody whose role is no more than this.
    pub(crate) fn within(mut self, most: Role) -> Self {
        self.role = self.role.min(most);
        self
    }

    /// Whether a request is covered, and what is lacking if not.
    pub(crate) fn covers(&self, method: &str, path: &str, verb: Verb) -> Result<(), Lacking> {
        self.judge(scope::allow(&self.scopes, method, path), verb)
    }

    /// The same where a scope above the path is not enough.
    pub(crate) fn names(&self, method: &str, path: &str, verb: Verb) -> Result<(), Lacking> {
        self.judge(scope::name(&self.scopes, method, path), verb)
    }

    fn judge(&self, in_scope: bool, verb: Verb) -> Result<(), Lacking> {
        if !in_scope {
            return Err(Lacking::Scope);
        }
        if self.role.may(verb) { Ok(()) } else { Err(Lacking::Role) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_must_cover() {
        let grant = Grant { role: Role::Operator, scopes: vec![Scope::parse("/api:rw").unwrap()] };
        assert_eq!(grant.covers("POST", "/api/update", Verb::Operate), Ok(()));
        assert_eq!(grant.covers("POST", "/auth/users", Verb::Operate), Err(Lacking::Scope));
        assert_eq!(grant.covers("PUT", "/api/settings", Verb::Administer), Err(Lacking::Role));
        let viewer = grant.within(Role::Viewer);
        assert_eq!(viewer.covers("POST", "/api/update", Verb::Operate), Err(Lacking::Role));
        assert_eq!(viewer.clone().within(Role::Admin), viewer);
    }
}
