//! Homeport's HTTP API, as far as the commands use it.

mod error;
mod events;
mod resources;
mod types;

use std::time::Duration;

use anyhow::Context as _;
use homeport_service::Secret;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(crate) use error::Error;
pub(crate) use events::{Event, EventStream};
pub(crate) use resources::{Acted, Explorer, Image, Item, Labels, Network, Pruned, Stats, Volume};
pub(crate) use types::{
    BatchStarted, Container, History, Login, NewToken, Operation, Operations, Part, RollbackStarted, Status, Token,
    UpdateStarted,
};

/// A connection that is not made by then is not going to be.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// More than the two minutes that the gateway waits until an update has begun. Most is answered at once, or the gateway says
/// itself who does not answer.
const REQUEST_LIMIT: Duration = Duration::from_secs(150);

/// Largest answer. The state of 300 containers has 2 MB.
const BODY_MAX: usize = 64 << 20;

/// Reads an address as a person types it.
pub(crate) fn parse_url(text: &str) -> anyhow::Result<Url> {
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&full).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.with_context(|| format!("{text} is no address; write it like http://127.0.0.1:8080"))
}

/// Homeport at an address.
#[derive(Debug)]
pub(crate) struct Api {
    client: Client,
    url: Url,
    token: Option<Secret<String>>,
    /// That the second factor was shown, where there is one.
    proof: Option<Secret<String>>,
}

impl Api {
    pub(crate) fn new(url: Url, token: Option<Secret<String>>, proof: Option<Secret<String>>) -> anyhow::Result<Self> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("homeport/", env!("CARGO_PKG_VERSION")));
        // Roots are loaded only where they are used: it takes longer than most requests.
        let builder = if url.scheme() == "https" {
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
            let bundled = bundled.filter_map(|root| reqwest::Certificate::from_der(root).ok());
            builder.tls_certs_merge(bundled)
        } else {
            builder.tls_certs_only([])
        };
        let builder = if is_loopback(&url) { builder.no_proxy() } else { builder };
        let client = builder.build().context("cannot prepare for HTTP")?;
        Ok(Self { client, url, token, proof })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// The same server, asked by nobody.
    pub(crate) fn without_token(&self) -> Self {
        Self { client: self.client.clone(), url: self.url.clone(), token: None, proof: None }
    }

    /// A request. `path` has been encoded.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.endless_request(method, path).timeout(REQUEST_LIMIT)
    }

    /// A request whose answer may go on for ever.
    pub(crate) fn endless_request(&self, method: Method, path: &str) -> RequestBuilder {
        let base = self.url.as_str().trim_end_matches('/');
        let request = self.client.request(method, format!("{base}{path}"));
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        match &self.proof {
            Some(proof) => request.header("x-jwt-otp", proof.expose()),
            None => request,
        }
    }

    /// The document that a GET answers.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        self.data(self.request(Method::GET, path)).await
    }

    /// The document that a POST answers.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Value, Error> {
        self.data(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a request and unwraps `data` of the envelope.
    pub(crate) async fn data(&self, request: RequestBuilder) -> Result<Value, Error> {
        let Value::Object(mut envelope) = self.raw(request).await? else { return Err(self.garbled("no object")) };
        envelope.remove("data").ok_or_else(|| self.garbled("no data"))
    }

    /// Sends a request and reads the whole answer as JSON. An empty one is null.
    pub(crate) async fn raw(&self, request: RequestBuilder) -> Result<Value, Error> {
        let response = self.send(request).await?;
        let body = self.read(response).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| self.garbled(&error.to_string()))
    }

    /// Sends a request; a refusal is an error.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| Error::unreachable(&self.url, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = self.read(response).await.unwrap_or_default();
        Err(Error::of_answer(&self.url, self.token.is_some(), status, retry_after, &body))
    }

    /// Reads a document of a known shape.
    pub(crate) fn typed<T: DeserializeOwned>(&self, document: &Value) -> Result<T, Error> {
        T::deserialize(document).map_err(|error| self.garbled(&error.to_string()))
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::unreachable(&self.url, &error))? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(self.garbled("too much"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn garbled(&self, reason: &str) -> Error {
        Error::Garbled { url: self.url.to_string(), reason: reason.to_owned() }
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
}

/// Encodes a text as one segment of a path, or as a value in a query.
pub(crate) fn encode(text: &str) -> String {
    let hex = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(parse_url("nas:8080").unwrap().as_str(), "http://nas:8080/");
        assert_eq!(parse_url("https://nas.example/homeport").unwrap().as_str(), "https://nas.example/homeport");
        for text in ["", "ftp://nas", "http://", "unix:///x"] {
            assert!(parse_url(text).unwrap_err().to_string().contains("is no address"), "{text}");
        }
    }

    #[test]
    fn segments_are_encoded() {
        assert_eq!(encode("web-1.x_y~z"), "web-1.x_y~z");
        assert_eq!(encode("a/b ?é"), "a%2Fb%20%3F%C3%A9");
    }
}
