//! HTTP to the provider.

use std::{future::Future, path::Path, pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Certificate, Client, redirect};

use super::OidcError;

/// Longest time for one request.
const LIMIT: Duration = Duration::from_secs(8);
/// Longest answer. Documents have a few kilobytes.
const ANSWER_MAX: usize = 1 << 20;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the answer is longer than {ANSWER_MAX} bytes")]
    Long,
    #[error("the answer cannot be read")]
    Answer(#[from] ::http::Error),
}

/// A client that trusts the public roots and one more, and follows no redirects: a provider does not move between its
/// document and its keys.
#[derive(Debug, Clone)]
pub(super) struct Http(Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Http {
    pub(super) fn new(root: Option<&Path>) -> Result<Self, OidcError> {
        let wrong = |reason: String| OidcError::Setting { what: "root", reason };
        let mut roots: Vec<_> =
            webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
        if let Some(path) = root {
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            roots.extend(Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?);
        }
        let client = Client::builder()
            .tls_certs_merge(roots)
            .user_agent(concat!("homeport/", env!("CARGO_PKG_VERSION")))
            .timeout(LIMIT)
            .redirect(redirect::Policy::none())
            .build();
        client.map(Self).map_err(|error| wrong(error.to_string()))
    }

    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut built = ::http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            built = built.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(HttpError::Long);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(built.body(body)?)
    }
}
