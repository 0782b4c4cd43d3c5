//! Auth, reduced to what a test must see.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use homeport_proto::auth::v1::{
    self as auth, audit_service_server::AuditService, auth_service_server::AuthService, principal,
    token_service_server::TokenService, user_service_server::UserService,
};
use tokio_stream::wrappers::BroadcastStream;
use tonic::{Request, Status};

use super::{Fake, Reply, reply};

/// The proof of a second factor that is taken.
const PROOF: &str = "e30.e30.c2ln";

fn user() -> auth::Principal {
    auth::Principal {
        kind: principal::Kind::User.into(),
        name: "admin".to_owned(),
        id: "admin".to_owned(),
        scopes: vec![],
        role: auth::Role::Admin.into(),
        user_id: "admin".to_owned(),
        credential_id: "session".to_owned(),
    }
}

/// Somebody who signed in and may do less.
fn lesser(name: &str, role: auth::Role) -> auth::Principal {
    let id = name.to_owned();
    auth::Principal { name: id.clone(), id: id.clone(), user_id: id, role: role.into(), ..user() }
}

fn token(name: &str, scopes: &[&str]) -> auth::Principal {
    auth::Principal {
        kind: principal::Kind::Token.into(),
        name: name.to_owned(),
        id: name.to_owned(),
        role: auth::Role::Admin.into(),
        user_id: String::new(),
        credential_id: name.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    }
}

/// Says who it is that may not do this.
fn denied(principal: &auth::Principal) -> Status {
    let mut status = Status::permission_denied("not allowed");
    let who = tonic::metadata::MetadataValue::from_bytes(&prost::Message::encode_to_vec(principal));
    status.metadata_mut().insert_bin("principal-bin", who);
    status
}

#[tonic::async_trait]
impl AuthService for Fake {
    async fn login(&self, request: Request<auth::LoginRequest>) -> Reply<auth::LoginResponse> {
        let request = request.into_inner();
        match (request.username.as_str(), request.password.as_str()) {
            ("admin", "right") => reply(auth::LoginResponse {
                token: "good".to_owned(),
                expires_at: Some(prost_types::Timestamp { seconds: 1_800_000_000, nanos: 0 }),
                principal: Some(user()),
                must_change_password: true,
            }),
            ("locked", _) => {
                let mut status = Status::resource_exhausted("too many wrong passwords");
                status.metadata_mut().insert("retry-after-seconds", 300.into());
                Err(status)
            }
            _ => Err(Status::unauthenticated("wrong")),
        }
    }

    async fn authorize(&self, request: Request<auth::AuthorizeRequest>) -> Reply<auth::AuthorizeResponse> {
        if let Some(trace) = request.metadata().get("traceparent") {
            self.0.traces.lock().unwrap().push(trace.to_str().unwrap().to_owned());
        }
        let request = request.into_inner();
        self.0.authorized.fetch_add(1, Ordering::SeqCst);
        self.0.paths.lock().unwrap().push(format!("{} {}", request.method, request.path));
        self.0.clients.lock().unwrap().push(request.client_address.clone());
        self.0.ways.lock().unwrap().push(request.way());
        if request.authorization.starts_with("Basic ") {
            self.0.passwords.lock().unwrap().push(request.authorization.clone());
        }
        let revoked = self.0.revoked_credentials.lock().unwrap().contains(&request.authorization);
        if revoked || self.0.revoked.load(Ordering::SeqCst) {
            return Err(Status::unauthenticated("the token was revoked"));
        }
        let is_shown = |token: &&auth::Token| request.authorization == format!("Bearer {}-and-the-rest", token.prefix);
        let page = self
            .0
            .tokens
            .lock()
            .unwrap()
            .iter()
            .filter(|token| token.kind() == auth::TokenKind::Ui)
            .find(is_shown)
            .cloned();
        let principal = match request.authorization.as_str() {
            // The first "Basic" is admin:right.
            // The last is admin:with:colons.
            "Bearer good" | "Basic YWRtaW46cmlnaHQ=" | "Basic YWRtaW46d2l0aDpjb2xvbnM=" => user(),
            // Basic otp:right and otp:with:colons, of somebody who wants the second factor always.
            "Basic b3RwOnJpZ2h0" | "Basic b3RwOndpdGg6Y29sb25z" if request.second_factor == PROOF => {
                lesser("otp", auth::Role::Admin)
            }
            "Basic b3RwOnJpZ2h0" | "Basic b3RwOndpdGg6Y29sb25z" => {
                let mut status = Status::unauthenticated("the second factor is missing");
                status.metadata_mut().insert("second-factor", "missing".parse().unwrap());
                return Err(status);
            }
            "Bearer follower" if request.path == "/ws_events_all" || request.path == "/events" => {
                token("follower", &["/ws_events_all", "/events"])
            }
            "Bearer viewer" => lesser("viewer", auth::Role::Viewer),
            "Bearer operator" => lesser("operator", auth::Role::Operator),
            // Told from what it is asked for: whether a scope above the path is enough is auth's to say.
            "Bearer root" if request.way() != auth::Way::Unspecified => {
                return Err(Status::permission_denied("the token's scopes do not name this path"));
            }
            "Bearer root" => token("root", &["/"]),
            "Bearer all" => token("all", &[]),
            "Bearer scoped" if request.path == "/api/status" || request.path == "/tokens" => {
                token("widget", &["/api/status:r", "/tokens"])
            }
            "Bearer scoped" => {
                let mut status = denied(&token("widget", &["/api/status:r", "/tokens"]));
                status.metadata_mut().insert("out-of-scope", "true".parse().unwrap());
                return Err(status);
            }
            _ => match page {
                Some(auth::Token { id, .. }) => {
                    let kind = principal::Kind::Plugin.into();
                    auth::Principal { kind, credential_id: id, ..token("page", &["/plugins/page"]) }
                }
                None => return Err(Status::unauthenticated("unknown credential")),
            },
        };
        let needed = match request.verb() {
            auth::Verb::Unspecified if request.method == "GET" => auth::Role::Viewer,
            auth::Verb::Read => auth::Role::Viewer,
            auth::Verb::Unspecified | auth::Verb::Operate => auth::Role::Operator,
            auth::Verb::Administer => auth::Role::Admin,
        };
        if principal.role < needed as i32 {
            return Err(denied(&principal));
        }
        let needs_factor = request.factor_need() == auth::FactorNeed::Required;
        if needs_factor && self.0.factor.load(Ordering::SeqCst) {
            if principal.kind() != principal::Kind::User {
                return Err(Status::unauthenticated("this takes a person"));
            }
            if request.second_factor != "shown" {
                let mut status = Status::unauthenticated("this takes the second factor");
                status.metadata_mut().insert("second-factor", "missing".parse().unwrap());
                return Err(status);
            }
        }
        reply(auth::AuthorizeResponse { principal: Some(principal), expires_at: None })
    }

    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<auth::WatchRevocationsResponse, Status>> + Send>>;

    async fn watch_revocations(
        &self,
        _request: Request<auth::WatchRevocationsRequest>,
    ) -> Reply<Self::WatchRevocationsStream> {
        let first = auth::WatchRevocationsResponse { everything: true, ..Default::default() };
        let revoked = BroadcastStream::new(self.0.revocations.subscribe());
        let told = revoked.filter_map(|revoked| std::future::ready(revoked.ok()));
        let world = Arc::clone(&self.0);
        let beats = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(250)).await;
            Some((auth::WatchRevocationsResponse::default(), ()))
        })
        // An auth that hangs says nothing.
        .filter(move |_| std::future::ready(!world.silent.load(Ordering::SeqCst)));
        let stream = futures::stream::select(told, beats);
        reply(Box::pin(futures::stream::iter([first]).chain(stream).map(Ok)))
    }

    async fn logout(&self, request: Request<auth::LogoutRequest>) -> Reply<auth::LogoutResponse> {
        assert_eq!(request.into_inner().token, "good");
        self.0.revoked.store(true, Ordering::SeqCst);
        reply(auth::LogoutResponse {})
    }

    async fn change_password(
        &self,
        request: Request<auth::ChangePasswordRequest>,
    ) -> Reply<auth::ChangePasswordResponse> {
        let request = request.into_inner();
        match (request.current_password.as_str(), request.new_password.as_str()) {
            ("right", "weak") => Err(Status::invalid_argument("the new password is too short")),
            ("right", _) => {
                self.0.first_password.store(false, Ordering::SeqCst);
                reply(auth::ChangePasswordResponse {})
            }
            _ => Err(Status::unauthenticated("wrong")),
        }
    }
}

/// Whether a token is the one that a request names. Secrets here begin with their prefix.
fn is_named(token: &auth::Token, name: Option<&auth::TokenName>) -> bool {
    let Some(name) = name else { return false };
    let secret = format!("{}-and-the-rest", token.prefix);
    let user = name.user_id.is_empty() || name.user_id == token.user_id;
    user && if !name.id.is_empty() {
        token.id == name.id
    } else if name.secret.is_empty() {
        token.kind == name.kind && token.subject == name.subject
    } else {
        secret == name.secret
    }
}

#[tonic::async_trait]
impl TokenService for Fake {
    async fn create_token(&self, request: Request<auth::CreateTokenRequest>) -> Reply<auth::CreateTokenResponse> {
        let request = request.into_inner();
        let mut tokens = self.0.tokens.lock().unwrap();
        let number = tokens.len();
        let prefix = match request.kind() {
            auth::TokenKind::Ui => format!("sprui1_{number}"),
            _ => format!("secret{number}"),
        };
        let token = auth::Token {
            id: format!("id{number}"),
            name: request.name,
            prefix,
            scopes: request.scopes,
            created_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            expires_at: request.expires_at,
            kind: request.kind,
            user_id: request.user_id,
            role: request.role,
            subject: request.subject,
            ..auth::Token::default()
        };
        tokens.push(token.clone());
        reply(auth::CreateTokenResponse { secret: format!("{}-and-the-rest", token.prefix), token: Some(token) })
    }

    async fn list_tokens(&self, request: Request<auth::ListTokensRequest>) -> Reply<auth::ListTokensResponse> {
        let request = request.into_inner();
        let kind = |kind: i32| kind.max(auth::TokenKind::Api.into());
        let wanted = |token: &&auth::Token| {
            kind(token.kind) == kind(request.kind) && (request.user_id.is_empty() || token.user_id == request.user_id)
        };
        let tokens = self.0.tokens.lock().unwrap().iter().filter(wanted).cloned().collect();
        reply(auth::ListTokensResponse { tokens })
    }

    async fn rescope_token(&self, request: Request<auth::RescopeTokenRequest>) -> Reply<auth::RescopeTokenResponse> {
        let request = request.into_inner();
        let mut tokens = self.0.tokens.lock().unwrap();
        let token = tokens.iter_mut().find(|token| is_named(token, request.token.as_ref()));
        let token = token.ok_or_else(|| Status::not_found("no such token"))?;
        token.scopes = request.scopes;
        reply(auth::RescopeTokenResponse { token: Some(token.clone()) })
    }

    async fn refresh_token(&self, request: Request<auth::RefreshTokenRequest>) -> Reply<auth::RefreshTokenResponse> {
        let name = request.into_inner().token;
        let mut tokens = self.0.tokens.lock().unwrap();
        let token = tokens.iter_mut().find(|token| is_named(token, name.as_ref()));
        let token = token.ok_or_else(|| Status::not_found("no such token"))?;
        token.prefix.push('+');
        let secret = format!("{}-and-the-rest", token.prefix);
        reply(auth::RefreshTokenResponse { token: Some(token.clone()), secret })
    }

    async fn delete_token(&self, request: Request<auth::DeleteTokenRequest>) -> Reply<auth::DeleteTokenResponse> {
        let request = request.into_inner();
        let name = request.token.unwrap_or(auth::TokenName { id: request.id, ..Default::default() });
        let mut tokens = self.0.tokens.lock().unwrap();
        let before = tokens.len();
        tokens.retain(|token| !is_named(token, Some(&name)));
        if tokens.len() == before {
            return Err(Status::not_found("no such token"));
        }
        drop(self.0.revocations.send(auth::WatchRevocationsResponse { everything: true, ..Default::default() }));
        reply(auth::DeleteTokenResponse {})
    }
}

/// People are looked after by the real auth in tests of the binary; here they are only shown.
#[tonic::async_trait]
impl UserService for Fake {
    async fn get_user(&self, request: Request<auth::GetUserRequest>) -> Reply<auth::GetUserResponse> {
        let id = request.into_inner().id;
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let user = auth::User {
            name: id.clone(),
            id,
            role: auth::Role::Admin.into(),
            must_change_password: self.0.first_password.load(Ordering::SeqCst),
            created_at: at(1_700_000_000),
            last_login_at: at(1_790_000_000),
            ..auth::User::default()
        };
        reply(auth::GetUserResponse { user: Some(user) })
    }

    async fn list_users(&self, _: Request<auth::ListUsersRequest>) -> Reply<auth::ListUsersResponse> {
        Err(elsewhere())
    }

    async fn create_user(&self, _: Request<auth::CreateUserRequest>) -> Reply<auth::CreateUserResponse> {
        Err(elsewhere())
    }

    async fn update_user(&self, _: Request<auth::UpdateUserRequest>) -> Reply<auth::UpdateUserResponse> {
        Err(elsewhere())
    }

    async fn reset_password(&self, _: Request<auth::ResetPasswordRequest>) -> Reply<auth::ResetPasswordResponse> {
        Err(elsewhere())
    }

    async fn delete_user(&self, _: Request<auth::DeleteUserRequest>) -> Reply<auth::DeleteUserResponse> {
        Err(elsewhere())
    }

    async fn import(&self, _: Request<auth::ImportRequest>) -> Reply<auth::ImportResponse> {
        Err(elsewhere())
    }

    async fn list_stars(&self, _: Request<auth::ListStarsRequest>) -> Reply<auth::ListStarsResponse> {
        Err(elsewhere())
    }

    async fn set_star(&self, _: Request<auth::SetStarRequest>) -> Reply<auth::SetStarResponse> {
        Err(elsewhere())
    }
}

fn elsewhere() -> Status {
    Status::unimplemented("this is tried with the real auth")
}

#[tonic::async_trait]
impl AuditService for Fake {
    async fn append_audit(&self, request: Request<auth::AppendAuditRequest>) -> Reply<auth::AppendAuditResponse> {
        // Fails only when the sender is gone, which is here.
        drop(self.0.audit_stands.subscribe().wait_for(|stands| !stands).await);
        self.0.audit.lock().unwrap().extend(request.into_inner().entries);
        reply(auth::AppendAuditResponse {})
    }

    async fn list_audit(&self, _request: Request<auth::ListAuditRequest>) -> Reply<auth::ListAuditResponse> {
        Err(elsewhere())
    }

    async fn verify_audit(&self, _request: Request<auth::VerifyAuditRequest>) -> Reply<auth::VerifyAuditResponse> {
        Err(elsewhere())
    }
}
