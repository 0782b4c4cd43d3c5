//! Why a request came to nothing, and the exit code of each reason.

use reqwest::{StatusCode, Url};
use serde_json::Value;

/// Longest text of an answer that is passed on to a person.
const TEXT_MAX: usize = 500;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "Homeport does not answer at {url} ({reason}); is it running there? --url or HOMEPORT_URL name another address"
    )]
    Unreachable { url: String, reason: String },
    #[error("the user name or the password is wrong")]
    WrongPassword,
    #[error("not signed in at {url}; run `homeport login`")]
    NotSignedIn { url: String },
    #[error("{url} refuses this credential ({message}); run `homeport login`, or check HOMEPORT_TOKEN")]
    Refused { url: String, message: String },
    #[error("this takes the second factor; run `homeport auth verify` and then this again")]
    SecondFactor,
    #[error("not allowed: {message}")]
    Forbidden { message: String },
    #[error("{message}; try again in {after_s} s")]
    TooMany { message: String, after_s: u64 },
    /// Something behind the gateway is away, and may be back in a moment.
    #[error("{message}")]
    Unavailable { message: String },
    #[error("{message}")]
    Failed { message: String },
    #[error("what {url} answers is not from Homeport: {reason}")]
    Garbled { url: String, reason: String },
}

impl Error {
    /// Nobody answered. The last cause says why; the ones before it say only where in the library it happened.
    pub(super) fn unreachable(url: &Url, error: &reqwest::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let reason = if error.is_timeout() { "no answer in time".to_owned() } else { cause.to_string() };
        Self::Unreachable { url: url.to_string(), reason }
    }

    /// Reads a refusal in any of the forms that the API has.
    pub(super) fn of_answer(
        url: &Url,
        had_token: bool,
        status: StatusCode,
        retry_after: Option<u64>,
        body: &[u8],
    ) -> Self {
        let url = url.to_string();
        let message = message(body).unwrap_or_else(|| status.to_string());
        match (status, retry_after) {
            // Where a browser would be sent to show it.
            (StatusCode::FOUND, _) => Self::SecondFactor,
            (StatusCode::UNAUTHORIZED, _) if had_token => Self::Refused { url, message },
            (StatusCode::UNAUTHORIZED, _) => Self::NotSignedIn { url },
            (StatusCode::FORBIDDEN, _) => Self::Forbidden { message },
            (StatusCode::TOO_MANY_REQUESTS, Some(after_s)) => Self::TooMany { message, after_s },
            (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT, _) => {
                Self::Unavailable { message }
            }
            _ => Self::Failed { message },
        }
    }

    /// Whether the same request can succeed in a moment.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }

    /// What the process ends with.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed { .. } | Self::TooMany { .. } | Self::Unavailable { .. } => 1,
            Self::WrongPassword
            | Self::NotSignedIn { .. }
            | Self::Refused { .. }
            | Self::SecondFactor
            | Self::Forbidden { .. } => 3,
            Self::Unreachable { .. } | Self::Garbled { .. } => 4,
        }
    }
}

/// The text for people in an error document, or the text that the whole answer is.
fn message(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let found = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(document)) => ["details", "error", "message"]
            .iter()
            .find_map(|key| document.get(*key)?.as_str().filter(|text| !text.is_empty()))
            .map(str::to_owned),
        Ok(Value::String(text)) => Some(text),
        Ok(_) => None,
        // A page of some proxy says nothing to a person at a terminal.
        Err(_) => Some(text.to_owned()).filter(|text| !text.starts_with('<') && text.len() < TEXT_MAX),
    };
    found.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, had_token: bool, body: &str, code: u8, text: &str) {
        let url = Url::parse("http://nas:8080").unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let error = Error::of_answer(&url, had_token, status, Some(7), body.as_bytes());
        assert_eq!((error.exit_code(), error.to_string().as_str()), (code, text));
    }

    #[test]
    fn answers() {
        check(401, false, "", 3, "not signed in at http://nas:8080/; run `homeport login`");
        let refused =
            "http://nas:8080/ refuses this credential (session ended); run `homeport login`, or check HOMEPORT_TOKEN";
        check(401, true, r#"{"success":false,"error":"session ended"}"#, 3, refused);
        let factor = "this takes the second factor; run `homeport auth verify` and then this again";
        check(302, true, "a proof is missing", 3, factor);
        check(403, true, "Forbidden", 3, "not allowed: Forbidden");
        check(404, true, r#"{"error":"no container nginx"}"#, 1, "no container nginx");
        let both = r#"{"error":"Too many","details":"too many guesses"}"#;
        check(429, false, both, 1, "too many guesses; try again in 7 s");
        check(502, true, "<html>", 1, "502 Bad Gateway");
        check(500, true, "{}", 1, "500 Internal Server Error");
    }
}
