//! What a registry answered.

use std::time::Duration;

use reqwest::{
    Response, StatusCode, Url,
    header::{HeaderMap, RETRY_AFTER},
};

use super::{Host, Question};
use crate::registry::{
    RegistryError,
    budget::{believed, read as limits, until},
};

/// What a registry is given that has had enough and does not say for how long.
const USUAL_PATIENCE: Duration = Duration::from_secs(60);

/// A good answer, read to its end.
#[derive(Debug)]
pub(in crate::registry) struct Answer {
    pub(in crate::registry) status: StatusCode,
    pub(in crate::registry) url: Url,
    pub(in crate::registry) headers: HeaderMap,
    pub(in crate::registry) body: Vec<u8>,
}

impl Host {
    /// Tells good answers from bad ones, and reads the good ones.
    pub(super) async fn answer(
        &self,
        question: &Question<'_>,
        response: Response,
        anonymous: bool,
    ) -> Result<Answer, RegistryError> {
        let registry = || self.endpoint.registry.clone();
        let what = || question.what.to_owned();
        match response.status() {
            status if status.is_success() => self.read(question, response).await,
            StatusCode::NOT_MODIFIED if question.known.is_some() => self.read(question, response).await,
            StatusCode::UNAUTHORIZED => Err(self.unauthorized(question, anonymous)),
            StatusCode::FORBIDDEN => Err(RegistryError::Forbidden { registry: registry(), what: what(), anonymous }),
            StatusCode::NOT_FOUND => Err(RegistryError::NotFound { registry: registry(), what: what() }),
            StatusCode::TOO_MANY_REQUESTS => Err(RegistryError::RateLimited {
                registry: registry(),
                retry_after: Some(patience(response.headers())),
            }),
            status if status.is_server_error() => {
                Err(RegistryError::Failed { registry: registry(), status: status.as_u16() })
            }
            status => Err(self.malformed(question, format!("it has status {}", status.as_u16()))),
        }
    }

    async fn read(&self, question: &Question<'_>, mut response: Response) -> Result<Answer, RegistryError> {
        let (status, url, headers) = (response.status(), response.url().clone(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > question.max_bytes {
                return Err(self.malformed(question, format!("it is longer than {} bytes", question.max_bytes)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, url, headers, body })
    }
}

/// How long to leave a registry alone that has had enough.
fn patience(headers: &HeaderMap) -> Duration {
    let reset = || limits(headers).and_then(|limits| limits.reset.or(limits.window));
    retry_after(headers).or_else(reset).unwrap_or(USUAL_PATIENCE)
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(believed(seconds));
    }
    Some(until(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_say_gets_a_minute() {
        let wait = |headers: &[(&'static str, &'static str)]| {
            patience(&headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect())
        };
        assert_eq!(wait(&[]), Duration::from_secs(60));
        assert_eq!(wait(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600")]).as_secs(), 21_600);
        assert_eq!(wait(&[("retry-after", "5"), ("ratelimit", "limit=1, remaining=0, reset=9")]).as_secs(), 5);
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let read = |text: &str| retry_after(&[(RETRY_AFTER, text.parse().unwrap())].into_iter().collect());
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        // No longer than that is believed.
        assert_eq!(read("Fri, 21 Oct 2185 07:28:00 GMT"), Some(Duration::from_hours(24)));
        assert_eq!(read("18446744073709551615"), Some(Duration::from_hours(24)));
        assert_eq!(read("soon"), None);
    }
}
