//! A user as this API's clients see one.

use homeport_proto::auth::v1::{Principal, Role, User};
use serde::Serialize;

use crate::{problem::Problem, view};

/// The public part of a user record. What is not known is empty or null.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    id: String,
    username: String,
    email: String,
    role: &'static str,
    created_at: Option<String>,
    last_login: Option<String>,
}

impl Profile {
    /// The profile of a token that belongs to nobody.
    pub(super) fn of_token(principal: &Principal) -> Self {
        Self {
            id: principal.id.clone(),
            username: principal.name.clone(),
            email: String::new(),
            role: role(principal.role()),
            created_at: None,
            last_login: None,
        }
    }
}

impl Profile {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        Self {
            role: role(user.role()),
            created_at: view::time(user.created_at.as_ref()),
            last_login: view::time(user.last_login_at.as_ref()),
            id: user.id,
            username: user.name,
            email: user.email,
        }
    }
}

/// What a role is called here. These clients know two; whoever is no administrator is shown what `user` may do.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Operator => "user",
        Role::Viewer | Role::Unspecified => "viewer",
    }
}

/// The role that a client names; none is `user`.
pub(super) fn parse_role(text: &str) -> Result<Role, Problem> {
    match text {
        "admin" => Ok(Role::Admin),
        "" | "user" | "operator" => Ok(Role::Operator),
        "viewer" => Ok(Role::Viewer),
        _ => {
            Err(Problem::bad_request("a role is admin, user (which operates containers) or viewer (which only reads)"))
        }
    }
}
