//! Between protobuf and the domain: fallible inwards, total outwards.

mod audit;
mod factor;
mod user;

pub(super) use audit::head;
pub(super) use factor::{recovery_key, time};
use homeport_proto::auth::v1::{self as proto, principal};
use homeport_service::Secret;
use jiff::Timestamp;

use crate::{
    auth::{Authorized, Entrance, FactorNeed, Login, NewToken, Principal, TokenName},
    error::AuthError,
    events::Kind,
    role::{Role, Verb},
    scope::Scope,
    store::{Token, UserId},
    token_kind::TokenKind,
};

/// What a request does.
pub(super) fn verb(verb: proto::Verb, method: &str) -> Verb {
    match verb {
        proto::Verb::Unspecified => Verb::of_method(method),
        proto::Verb::Read => Verb::Read,
        proto::Verb::Operate => Verb::Operate,
        proto::Verb::Administer => Verb::Administer,
    }
}

/// When a request needs the second factor.
pub(super) const fn factor_need(need: proto::FactorNeed) -> FactorNeed {
    match need {
        proto::FactorNeed::Unspecified => FactorNeed::Usual,
        proto::FactorNeed::Required => FactorNeed::Required,
        proto::FactorNeed::Never => FactorNeed::Never,
    }
}

/// What a request opens.
pub(super) const fn entrance(way: proto::Way) -> Entrance {
    match way {
        proto::Way::Unspecified => Entrance::Request,
        proto::Way::Websocket => Entrance::Websocket,
        proto::Way::OpenWebsocket => Entrance::OpenWebsocket,
    }
}

pub(super) const fn token_kind(kind: proto::TokenKind) -> TokenKind {
    match kind {
        proto::TokenKind::Unspecified | proto::TokenKind::Api => TokenKind::Api,
        proto::TokenKind::Key => TokenKind::Key,
        proto::TokenKind::Plugin => TokenKind::Plugin,
        proto::TokenKind::Ui => TokenKind::Ui,
        proto::TokenKind::Device => TokenKind::Device,
        proto::TokenKind::Supervisor => TokenKind::Supervisor,
        proto::TokenKind::Project => TokenKind::Project,
    }
}

/// A role, where there is one.
const fn role(role: proto::Role) -> Option<Role> {
    match role {
        proto::Role::Unspecified => None,
        proto::Role::Viewer => Some(Role::Viewer),
        proto::Role::Operator => Some(Role::Operator),
        proto::Role::Admin => Some(Role::Admin),
    }
}

/// An id, where there is one.
pub(super) fn user_id(id: &str) -> Option<UserId> {
    (!id.is_empty()).then(|| UserId::from(id.to_owned()))
}

/// Which token is meant, and whose it must be.
pub(super) fn named(name: Option<proto::TokenName>) -> (TokenName, Option<UserId>) {
    let name = name.unwrap_or_default();
    let (kind, user) = (token_kind(name.kind()), user_id(&name.user_id));
    let proto::TokenName { id, subject, secret, .. } = name;
    let meant = if !id.is_empty() {
        TokenName::Id(id.into())
    } else if secret.is_empty() {
        TokenName::Subject(kind, subject)
    } else {
        TokenName::Secret(Secret::new(secret))
    };
    (meant, user)
}

impl TryFrom<proto::CreateTokenRequest> for NewToken {
    type Error = AuthError;

    fn try_from(request: proto::CreateTokenRequest) -> Result<Self, AuthError> {
        let expires_at = request.expires_at.map(|at| Timestamp::new(at.seconds, at.nanos)).transpose();
        let kind = token_kind(request.kind());
        Ok(Self {
            kind,
            // There is one device supervisor, and its key has no other name.
            subject: Some(request.subject.clone()).filter(|text| !text.is_empty() || kind == TokenKind::Supervisor),
            user: user_id(&request.user_id),
            role: role(request.role()).unwrap_or(Role::Admin),
            name: request.name,
            scopes: request.scopes,
            unscoped: request.unscoped,
            expires_at: expires_at.map_err(|_| AuthError::TokenExpiry)?,
        })
    }
}

impl From<Login> for proto::LoginResponse {
    fn from(login: Login) -> Self {
        Self {
            token: login.token.expose().clone(),
            expires_at: Some(timestamp(login.expires_at)),
            principal: Some(login.principal.into()),
            must_change_password: login.must_change_password,
        }
    }
}

impl From<Authorized> for proto::AuthorizeResponse {
    fn from(authorized: Authorized) -> Self {
        Self { principal: Some(authorized.principal.into()), expires_at: authorized.expires_at.map(timestamp) }
    }
}

impl From<Kind> for principal::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User,
            Kind::Token => Self::Token,
            Kind::Device => Self::Device,
            Kind::Plugin => Self::Plugin,
            Kind::Project => Self::Project,
        }
    }
}

impl From<Role> for proto::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}

impl From<Principal> for proto::Principal {
    fn from(principal: Principal) -> Self {
        Self {
            kind: principal::Kind::from(principal.kind).into(),
            name: principal.name,
            id: principal.id,
            scopes: principal.grant.scopes.iter().map(Scope::to_string).collect(),
            role: proto::Role::from(principal.grant.role).into(),
            user_id: principal.user.map(|user| user.to_string()).unwrap_or_default(),
            credential_id: principal.credential.unwrap_or_default(),
        }
    }
}

impl From<TokenKind> for proto::TokenKind {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::Api => Self::Api,
            TokenKind::Key => Self::Key,
            TokenKind::Plugin => Self::Plugin,
            TokenKind::Ui => Self::Ui,
            TokenKind::Device => Self::Device,
            TokenKind::Supervisor => Self::Supervisor,
            TokenKind::Project => Self::Project,
        }
    }
}

impl From<Token> for proto::Token {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            prefix: token.prefix,
            scopes: token.grant.scopes.iter().map(Scope::to_string).collect(),
            // One in a file was made at a time that nobody knows.
            created_at: (!token.in_file).then(|| timestamp(token.created_at)),
            expires_at: token.expires_at.map(timestamp),
            last_used_at: token.last_used_at.map(timestamp),
            kind: proto::TokenKind::from(token.kind).into(),
            user_id: token.user.map(|user| user.to_string()).unwrap_or_default(),
            role: proto::Role::from(token.grant.role).into(),
            subject: token.subject.unwrap_or_default(),
            suffix: token.suffix,
            in_file: token.in_file,
        }
    }
}

pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}
