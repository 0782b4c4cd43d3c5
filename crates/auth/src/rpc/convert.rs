//! Between protobuf and the domain: fallible inwards, total outwards.

use homeport_proto::auth::v1::{self as proto, principal};
use jiff::Timestamp;

use crate::{
    audit::Kind,
    auth::{Authorized, Login, NewToken, Principal},
    error::AuthError,
    scope::Scope,
    store::Token,
};

impl TryFrom<proto::CreateTokenRequest> for NewToken {
    type Error = AuthError;

    fn try_from(request: proto::CreateTokenRequest) -> Result<Self, AuthError> {
        let expires_at = request.expires_at.map(|at| Timestamp::new(at.seconds, at.nanos)).transpose();
        Ok(Self {
            name: request.name,
            scopes: request.scopes,
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

impl From<Principal> for proto::Principal {
    fn from(principal: Principal) -> Self {
        let kind = match principal.kind {
            Kind::User => principal::Kind::User,
            Kind::Token => principal::Kind::Token,
        };
        Self {
            kind: kind.into(),
            name: principal.name,
            id: principal.id,
            scopes: principal.scopes.iter().map(Scope::to_string).collect(),
        }
    }
}

impl From<Token> for proto::Token {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            prefix: token.prefix,
            scopes: token.scopes.iter().map(Scope::to_string).collect(),
            created_at: Some(timestamp(token.created_at)),
            expires_at: token.expires_at.map(timestamp),
            last_used_at: token.last_used_at.map(timestamp),
        }
    }
}

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}
