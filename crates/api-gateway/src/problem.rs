//! What went wrong, as a client reads it: one type, and one body for each dialect.
//!
//! A handler returns a [`Problem`]. It travels to [`render`] inside the response, because only the request's path says
//! which dialect the client speaks.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use homeport_proto::auth::v1::Principal;
use http::{HeaderValue, StatusCode, header};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::dialect::{Dialect, docksmith::envelope};

/// How long a client should wait before it asks a service again that cannot be reached.
const RETRY_AFTER_SECONDS: u32 = 2;
/// Trailer of a gRPC status that says how long a locked-out client must wait.
const RETRY_AFTER_TRAILER: &str = "retry-after-seconds";
/// Trailer of a gRPC status that says that the credential is for something else.
const SCOPE_TRAILER: &str = "out-of-scope";
/// Trailer of a gRPC status that says that the second factor is missing.
const FACTOR_TRAILER: &str = "second-factor";
/// Where existing clients of SPR's API ask for the second factor.
const FACTOR_PAGE: &str = "/auth/validate";

/// Trailer of a gRPC status that says who was refused.
const PRINCIPAL_TRAILER: &str = "principal-bin";

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: Kind,
    /// What a person may read: what, to what, what to do. Never a path of this machine or a secret.
    message: String,
    retry_after_seconds: Option<u32>,
    /// What was done all the same, for a client that can show it.
    data: Option<Value>,
    /// Who was refused, as far as auth knows.
    who: Option<Box<Principal>>,
}

/// Kinds of problems, chosen by what the client should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    Unauthorized,
    /// The credential is good, and the second factor missing.
    SecondFactor,
    Forbidden,
    /// The credential is good, for other paths.
    OutOfScope,
    NotFound,
    MethodNotAllowed,
    BodyTimeout,
    Conflict,
    /// The application holds an update lock.
    Locked,
    TooLarge,
    TooManyRequests,
    Internal,
    NotImplemented,
    BadGateway,
    Unavailable,
    GatewayTimeout,
    NoSpace,
}

impl Kind {
    /// The status of HTTP.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::SecondFactor => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::OutOfScope => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Locked => StatusCode::LOCKED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The name for programs.
    const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::SecondFactor => "SECOND_FACTOR",
            Self::Forbidden | Self::OutOfScope => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::BodyTimeout => "REQUEST_TIMEOUT",
            Self::Conflict => "CONFLICT",
            Self::Locked => "LOCKED",
            Self::TooLarge => "TOO_LARGE",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::Internal => "INTERNAL",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::BadGateway => "BAD_GATEWAY",
            Self::Unavailable => "UNAVAILABLE",
            Self::GatewayTimeout => "GATEWAY_TIMEOUT",
            Self::NoSpace => "NO_SPACE",
        }
    }
}

impl Problem {
    /// A problem of a kind.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let retry_after_seconds = (kind == Kind::Unavailable).then_some(RETRY_AFTER_SECONDS);
        Self { kind, message: message.into(), retry_after_seconds, data: None, who: None }
    }

    /// The request itself is wrong.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Kind::BadRequest, message)
    }

    /// There is nothing of that name.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// What a service answered, or that it did not. The one place where a gRPC code becomes an HTTP status.
    pub(crate) fn of_status(service: &str, status: &Status) -> Self {
        let retry_after = retry_after(status);
        let kind = match status.code() {
            Code::Ok | Code::Internal | Code::Unknown | Code::DataLoss => Kind::Internal,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => Kind::BadRequest,
            Code::Unauthenticated if status.metadata().contains_key(FACTOR_TRAILER) => Kind::SecondFactor,
            Code::Unauthenticated => Kind::Unauthorized,
            Code::PermissionDenied if status.metadata().contains_key(SCOPE_TRAILER) => Kind::OutOfScope,
            Code::PermissionDenied => Kind::Forbidden,
            Code::NotFound => Kind::NotFound,
            Code::AlreadyExists | Code::Aborted => Kind::Conflict,
            Code::ResourceExhausted if retry_after.is_some() => Kind::TooManyRequests,
            Code::ResourceExhausted => Kind::NoSpace,
            Code::Unimplemented => Kind::NotImplemented,
            Code::Unavailable => Kind::Unavailable,
            // What tonic's client calls its own deadline.
            Code::DeadlineExceeded | Code::Cancelled => Kind::GatewayTimeout,
        };
        let message = match kind {
            Kind::Internal => format!("an internal error of {service}; its log has the details"),
            Kind::NotImplemented => format!("{service} does not know this request; it is older than the gateway"),
            Kind::GatewayTimeout => format!("{service} did not answer in time; try again"),
            // The transport's own words, not those of the service.
            Kind::Unavailable if std::error::Error::source(status).is_some() => {
                format!("{service} cannot be reached; it may be starting, try again in a moment")
            }
            _ => status.message().to_owned(),
        };
        let mut problem = Self::new(kind, message);
        problem.retry_after_seconds = retry_after.or(problem.retry_after_seconds);
        problem.who = principal(status);
        problem
    }

    /// The same problem, with a text of the caller's.
    #[must_use]
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The same problem as another kind, where a dialect knows better what its clients expect.
    #[must_use]
    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same problem, with what was done all the same.
    #[must_use]
    pub(crate) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// What a person may read.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Who was refused. `None`: nobody knows.
    pub(crate) fn who(&self) -> Option<&Principal> {
        self.who.as_deref()
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.kind.status()
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Content type and body for a client of a dialect.
    pub(crate) fn body(&self, dialect: Dialect) -> (&'static str, String) {
        match dialect {
            Dialect::Docksmith => {
                (JSON, envelope::failure(&self.message, self.kind.code(), self.data.as_ref()).to_string())
            }
            // Some clients show the one, some the other.
            Dialect::HomelabArr if self.kind == Kind::Conflict => {
                (JSON, json!({ "error": self.message, "details": self.message }).to_string())
            }
            Dialect::HomelabArr => (JSON, json!({ "error": self.title(), "details": self.message }).to_string()),
            Dialect::SelfPrivacy => (JSON, json!({ "error": self.message }).to_string()),
            Dialect::Supervisor if self.kind == Kind::OutOfScope => {
                (JSON, json!({ "status": "failed", "message": "Unauthorized" }).to_string())
            }
            Dialect::Supervisor => ("text/plain; charset=utf-8", self.message.clone()),
            Dialect::Spr => ("text/plain; charset=utf-8", format!("{}\n", self.message)),
        }
    }

    /// The few words that do not depend on the case.
    fn title(&self) -> &'static str {
        self.kind.status().canonical_reason().unwrap_or("Error")
    }
}

const JSON: &str = "application/json";

/// How long the caller is locked out.
fn retry_after(status: &Status) -> Option<u32> {
    status.metadata().get(RETRY_AFTER_TRAILER)?.to_str().ok()?.parse().ok()
}

/// Who was refused.
fn principal(status: &Status) -> Option<Box<Principal>> {
    let bytes = status.metadata().get_bin(PRINCIPAL_TRAILER)?.to_bytes().ok()?;
    Principal::decode(bytes).ok().map(Box::new)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.kind.status();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives a response that carries a problem the body that the dialect has for it.
pub(crate) fn render(mut response: Response, dialect: Dialect) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (content_type, body) = problem.body(dialect);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(seconds) = problem.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.kind == Kind::SecondFactor && dialect == Dialect::Spr {
        headers.insert(header::LOCATION, HeaderValue::from_static(FACTOR_PAGE));
        *response.status_mut() = StatusCode::FOUND;
        return response.map(|_| Body::from(body));
    }
    let hides_scope = dialect.hides_scopes() && problem.kind == Kind::OutOfScope;
    if matches!(problem.kind, Kind::Unauthorized | Kind::SecondFactor) || hides_scope {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"homeport\""));
    }
    if hides_scope {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response.map(|_| Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, expected: StatusCode) {
        let problem = Problem::of_status("updater", &Status::new(code, "text"));
        assert_eq!(problem.into_response().status(), expected, "{code:?}");
    }

    #[test]
    fn codes_become_statuses() {
        check(Code::InvalidArgument, StatusCode::BAD_REQUEST);
        check(Code::FailedPrecondition, StatusCode::BAD_REQUEST);
        check(Code::Unauthenticated, StatusCode::UNAUTHORIZED);
        check(Code::PermissionDenied, StatusCode::FORBIDDEN);
        check(Code::NotFound, StatusCode::NOT_FOUND);
        check(Code::Aborted, StatusCode::CONFLICT);
        check(Code::ResourceExhausted, StatusCode::INSUFFICIENT_STORAGE);
        check(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE);
        check(Code::DeadlineExceeded, StatusCode::GATEWAY_TIMEOUT);
        check(Code::Internal, StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_lockout_says_for_how_long() {
        let mut status = Status::resource_exhausted("locked out");
        status.metadata_mut().insert(RETRY_AFTER_TRAILER, 300.into());
        let response = render(Problem::of_status("auth", &status).into_response(), Dialect::HomelabArr);
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "300");
    }

    #[test]
    fn a_credential_for_something_else_is_as_good_as_none_to_some() {
        let mut status = Status::permission_denied("the scope of widget does not cover GET /status");
        status.metadata_mut().insert(SCOPE_TRAILER, "true".parse().unwrap());
        for (dialect, expected) in [
            (Dialect::Spr, StatusCode::UNAUTHORIZED),
            (Dialect::Supervisor, StatusCode::UNAUTHORIZED),
            (Dialect::Docksmith, StatusCode::FORBIDDEN),
            (Dialect::HomelabArr, StatusCode::FORBIDDEN),
            (Dialect::SelfPrivacy, StatusCode::FORBIDDEN),
        ] {
            let problem = Problem::of_status("auth", &status);
            assert_eq!(render(problem.into_response(), dialect).status(), expected, "{dialect:?}");
        }
    }

    #[test]
    fn an_internal_text_stays_inside() {
        let problem = Problem::of_status("updater", &Status::internal("/state/updater/updater.db is corrupt"));
        assert!(!problem.message.contains("/state"), "{}", problem.message);
    }
}
