//! An OpenID provider: its document, its keys, the page where people sign in, and the exchange of the code.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

pub(crate) const CLIENT: &str = "homeport";
pub(crate) const SECRET: &str = "provider's secret";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:8080/auth/oidc/callback";

/// What the provider does otherwise than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    None,
    OtherNonce,
    OtherAudience,
    OtherIssuer,
    Expired,
    OtherKey,
    Unsigned,
    NoIdentity,
}

/// The provider, and who is signed in there.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) person: Mutex<Map<String, Value>>,
    /// What the access token shows of the person.
    pub(crate) more: Mutex<Value>,
    pub(crate) trick: Mutex<Trick>,
    key: Key,
    other: Key,
    codes: Mutex<HashMap<String, Asked>>,
}

/// What the provider signs with.
pub(crate) enum Kind {
    Elliptic,
    Rsa,
}

/// Makes a signature of a text.
type Sign = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

struct Key {
    /// As headers and keys name it.
    algorithm: &'static str,
    sign: Box<Sign>,
    /// As the provider shows it.
    public: Value,
}

/// What a code was given out for.
struct Asked {
    nonce: String,
    challenge: String,
}

impl Key {
    fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Elliptic => Self::elliptic(),
            Kind::Rsa => Self::rsa(),
        }
    }

    fn elliptic() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        let public = json!({ "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256", "x": x, "y": y });
        let sign = move |text: &[u8]| pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec();
        Self { algorithm: "ES256", sign: Box::new(sign), public }
    }

    fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let (n, e) = (BASE64.encode(n), BASE64.encode(e));
        let public = json!({ "kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": n, "e": e });
        let sign = move |text: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
            signature
        };
        Self { algorithm: "RS256", sign: Box::new(sign), public }
    }
}

impl Provider {
    /// Starts it on a port of its own.
    pub(crate) async fn start(person: Value) -> Arc<Self> {
        Self::signing(Kind::Elliptic, person).await
    }

    /// The same with keys of a kind.
    pub(crate) async fn signing(kind: Kind, person: Value) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let Value::Object(person) = person else { panic!("a person has claims") };
        let provider = Arc::new(Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            person: Mutex::new(person),
            more: Mutex::new(Value::Null),
            trick: Mutex::new(Trick::None),
            key: Key::new(&kind),
            other: Key::new(&kind),
            codes: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(user_info))
            .with_state(Arc::clone(&provider));
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    pub(crate) fn set(&self, claim: &str, value: Value) {
        self.person.lock().unwrap().insert(claim.to_owned(), value);
    }

    fn sign(&self, nonce: &str) -> String {
        let trick = *self.trick.lock().unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let mut claims = self.person.lock().unwrap().clone();
        let either = |is: Trick, one: &str, other: &str| Value::from(if trick == is { one } else { other });
        claims.insert("iss".to_owned(), either(Trick::OtherIssuer, "https://evil.example", &self.issuer));
        claims.insert("aud".to_owned(), either(Trick::OtherAudience, "somebody else", CLIENT));
        claims.insert("nonce".to_owned(), either(Trick::OtherNonce, "another", nonce));
        claims.insert("iat".to_owned(), (now - 100).into());
        claims.insert("exp".to_owned(), if trick == Trick::Expired { now - 50 } else { now + 300 }.into());
        let part = |value: &Value| BASE64.encode(value.to_string());
        if trick == Trick::Unsigned {
            return format!("{}.{}.", part(&json!({ "alg": "none" })), part(&Value::Object(claims)));
        }
        let key = if trick == Trick::OtherKey { &self.other } else { &self.key };
        let header = json!({ "typ": "JWT", "alg": key.algorithm, "kid": "1" });
        let text = format!("{}.{}", part(&header), part(&Value::Object(claims)));
        format!("{text}.{}", BASE64.encode((key.sign)(text.as_bytes())))
    }
}

async fn document(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [provider.key.algorithm],
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    Json(json!({ "keys": [provider.key.public] }))
}

/// The page where people sign in; whoever comes is signed in already.
async fn authorize(State(provider): State<Arc<Provider>>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|given| given == value);
    let fits = is("response_type", "code") && is("client_id", CLIENT) && is("redirect_uri", REDIRECT);
    let openid = asked.get("scope").is_some_and(|scope| scope.split(' ').any(|word| word == "openid"));
    if !fits || !openid || !is("code_challenge_method", "S256") {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let code = format!("{:032x}", rand::random::<u128>());
    let (nonce, challenge) = (asked["nonce"].clone(), asked["code_challenge"].clone());
    provider.codes.lock().unwrap().insert(code.clone(), Asked { nonce, challenge });
    let mut back = Url::parse(REDIRECT).unwrap();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &asked["state"]);
    (StatusCode::FOUND, [(header::LOCATION, back.to_string())]).into_response()
}

async fn token(State(provider): State<Arc<Provider>>, headers: HeaderMap, body: String) -> Response {
    let given: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    // Both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
    let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT}:{secret}")));
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != expected.as_str()) {
        return refuse("invalid_client");
    }
    let Some(asked) = provider.codes.lock().unwrap().remove(&given["code"]) else { return refuse("invalid_grant") };
    let verifier = BASE64.encode(Sha256::digest(&given["code_verifier"]));
    if verifier != asked.challenge || given["redirect_uri"] != REDIRECT || given["grant_type"] != "authorization_code" {
        return refuse("invalid_grant");
    }
    let mut answer = json!({ "access_token": "access", "token_type": "Bearer", "expires_in": 60 });
    if *provider.trick.lock().unwrap() != Trick::NoIdentity {
        answer["id_token"] = provider.sign(&asked.nonce).into();
    }
    Json(answer).into_response()
}

async fn user_info(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value != "Bearer access") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(provider.more.lock().unwrap().clone()).into_response()
}
