//! A user as this API's clients see one.

use homeport_proto::auth::v1::Principal;
use serde::Serialize;

/// The public part of a user record. What is not known is empty or null.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    id: String,
    username: String,
    email: &'static str,
    role: &'static str,
    created_at: Option<String>,
    last_login: Option<String>,
}

impl Profile {
    /// The profile of whoever a credential belongs to.
    pub(super) fn new(principal: &Principal, last_login: Option<String>) -> Self {
        let role = if principal.scopes.is_empty() { "admin" } else { "user" };
        Self {
            id: principal.id.clone(),
            username: principal.name.clone(),
            email: "",
            role,
            created_at: None,
            last_login,
        }
    }
}
