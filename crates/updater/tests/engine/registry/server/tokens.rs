//! A token service: gives whoever asks a token for what it asks for.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, extract::Query, routing::get};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, SigningKey as _};
use serde_json::{Value, json};

/// How long a token is good for, in seconds.
const LIFETIME: i64 = 300;

/// A token service on a port of its own.
pub(crate) struct TokenService {
    address: SocketAddr,
    signer: Arc<Signer>,
    server: tokio::task::JoinHandle<()>,
}

struct Signer {
    key: KeyPair,
    certificate: rcgen::Certificate,
    given: AtomicUsize,
}

impl TokenService {
    #[expect(clippy::disallowed_methods, reason = "ends with the test")]
    pub(crate) async fn start() -> Self {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let signer = Arc::new(Signer { key, certificate, given: AtomicUsize::new(0) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = signer.clone();
        let router = Router::new().route(
            "/token",
            get(move |Query(asked): Query<Vec<(String, String)>>| async move { Json(shared.answer(&asked)) }),
        );
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, signer, server }
    }

    /// Where tokens are to be had.
    pub(crate) fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// By what the registry knows its signatures, as PEM.
    pub(crate) fn certificate(&self) -> String {
        self.signer.certificate.pem()
    }

    /// How many tokens it gave.
    pub(crate) fn given(&self) -> usize {
        self.signer.given.load(Ordering::SeqCst)
    }
}

impl Drop for TokenService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Signer {
    fn answer(&self, asked: &[(String, String)]) -> Value {
        self.given.fetch_add(1, Ordering::SeqCst);
        let value = |name: &str| asked.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let mut scope = value("scope").splitn(3, ':');
        let (kind, name) = (scope.next().unwrap_or(""), scope.next().unwrap_or(""));
        let now = jiff::Timestamp::now().as_second();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [STANDARD.encode(self.certificate.der())] });
        let claims = json!({
            "iss": "token.test", "sub": "", "aud": value("service"), "jti": "1",
            "iat": now, "nbf": now - 10, "exp": now + LIFETIME,
            "access": [{ "type": kind, "name": name, "actions": ["pull"] }],
        });
        let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).unwrap());
        json!({ "token": format!("{signed}.{signature}"), "expires_in": LIFETIME })
    }
}
