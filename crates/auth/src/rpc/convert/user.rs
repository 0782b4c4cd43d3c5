//! Users, sessions, and what is taken over.

use homeport_proto::auth::v1 as proto;
use homeport_service::Secret;
use jiff::Timestamp;

use super::{role, timestamp, token_kind};
use crate::{
    auth::{Import, ImportedToken, ImportedUser, NewUser, UserChange},
    role::Role,
    store::{User, session::Listed},
};

impl From<proto::CreateUserRequest> for NewUser {
    fn from(request: proto::CreateUserRequest) -> Self {
        Self {
            role: role(request.role()).unwrap_or(Role::Operator),
            name: request.name,
            password: Secret::new(request.password),
            email: request.email,
        }
    }
}

impl From<proto::UpdateUserRequest> for UserChange {
    fn from(request: proto::UpdateUserRequest) -> Self {
        let role = request.role.is_some().then(|| role(request.role())).flatten();
        Self { role, email: request.email, disabled: request.disabled }
    }
}

impl From<proto::ImportRequest> for Import {
    fn from(request: proto::ImportRequest) -> Self {
        Self {
            replace: request.replace,
            users: request.users.into_iter().map(ImportedUser::from).collect(),
            tokens: request.tokens.into_iter().map(ImportedToken::from).collect(),
        }
    }
}

impl From<proto::ImportedUser> for ImportedUser {
    fn from(user: proto::ImportedUser) -> Self {
        Self {
            role: role(user.role()).unwrap_or(Role::Operator),
            id: user.id,
            name: user.name,
            email: user.email,
            hash: Secret::new(user.password_hash),
            password: Secret::new(user.password),
        }
    }
}

impl From<proto::ImportedToken> for ImportedToken {
    fn from(token: proto::ImportedToken) -> Self {
        // What is beyond all times is as good as never, or long over: one odd token must not end the import.
        let beyond = |seconds: i64| if seconds > 0 { Timestamp::MAX } else { Timestamp::MIN };
        let expires_at =
            token.expires_at.map(|at| Timestamp::new(at.seconds, at.nanos).unwrap_or_else(|_| beyond(at.seconds)));
        Self {
            kind: token_kind(token.kind()),
            name: token.name,
            secret: Secret::new(token.secret),
            scopes: token.scopes,
            expires_at,
            user: token.user_id,
        }
    }
}

impl From<User> for proto::User {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name,
            email: user.email,
            role: proto::Role::from(user.role).into(),
            disabled: user.disabled,
            created_at: Some(timestamp(user.created_at)),
            updated_at: user.updated_at.map(timestamp),
            last_login_at: user.last_login_at.map(timestamp),
            must_change_password: user.must_change_password,
        }
    }
}

impl From<Listed> for proto::Session {
    fn from(session: Listed) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: Some(timestamp(session.created_at)),
            last_activity_at: Some(timestamp(session.last_activity_at)),
            expires_at: Some(timestamp(session.expires_at)),
            user_agent: session.user_agent,
            client_address: session.address,
        }
    }
}
