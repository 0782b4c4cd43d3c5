//! What is said to the provider, and what its answer proves.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use homeport_service::{Secret, telemetry::chain};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _,
    core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata},
};
use serde_json::{Map, Value};

use super::{
    OidcConfig,
    flows::Flow,
    http::{Http, HttpError},
};

/// Longest name of an account.
const NAME_MAX: usize = 64;
/// Groups of one person that are looked at.
const GROUPS_MAX: usize = 1000;

/// Why the provider proved nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the provider cannot be reached, or is none: {reason}")]
    Discovery { reason: String },
    #[error("the provider did not exchange the code: {reason}")]
    Exchange { reason: String },
    #[error("the provider's answer has no identity in it")]
    NoIdentity,
    #[error("the provider's answer is not for us, or not from it: {reason}")]
    Identity { reason: String },
    #[error("the provider does not say more about who this is: {reason}")]
    UserInfo { reason: String },
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// The provider of the settings.
#[derive(Debug)]
pub(super) struct Provider {
    config: OidcConfig,
    http: Http,
}

/// Who the provider says somebody is.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) subject: String,
    claims: Map<String, Value>,
}

impl Provider {
    pub(super) const fn new(config: OidcConfig, http: Http) -> Self {
        Self { config, http }
    }

    /// The provider's document with its keys. Asked for at each step: they change, and people sign in rarely.
    pub(super) async fn discover(&self) -> Result<CoreProviderMetadata, ProviderError> {
        let failed = |reason: String| ProviderError::Discovery { reason };
        let issuer = IssuerUrl::new(self.config.issuer.clone()).map_err(|error| failed(error.to_string()))?;
        CoreProviderMetadata::discover_async(issuer, &self.http).await.map_err(|error| failed(chain(&error)))
    }

    async fn client(&self) -> Result<(Client, CoreProviderMetadata), ProviderError> {
        let document = self.discover().await?;
        let redirect = RedirectUrl::new(self.config.redirect_url.clone())
            .map_err(|error| ProviderError::Discovery { reason: error.to_string() })?;
        let secret = self.config.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().clone()));
        let id = ClientId::new(self.config.client_id.clone());
        let client = CoreClient::from_provider_metadata(document.clone(), id, secret).set_redirect_uri(redirect);
        Ok((client, document))
    }

    /// Where the browser has to go, the state that it brings back, and what the answer has to fit.
    pub(super) async fn begin(&self) -> Result<(String, String, Flow), ProviderError> {
        let (client, _) = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in &self.config.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        Ok((url.to_string(), state.secret().clone(), Flow { nonce, verifier }))
    }

    /// Exchanges the code, and checks what the provider says.
    pub(super) async fn finish(&self, code: &Secret<String>, flow: Flow) -> Result<Answer, ProviderError> {
        let (client, document) = self.client().await?;
        let failed = |reason: String| ProviderError::Exchange { reason };
        let exchange = client
            .exchange_code(AuthorizationCode::new(code.expose().clone()))
            .map_err(|error| failed(error.to_string()))?
            .set_pkce_verifier(flow.verifier)
            .request_async(&self.http);
        let tokens = exchange.await.map_err(|error| failed(chain(&error)))?;
        let identity = tokens.id_token().ok_or(ProviderError::NoIdentity)?;
        let wrong = |reason: String| ProviderError::Identity { reason };
        let verifier = client.id_token_verifier().set_allowed_algs(algorithms());
        let subject =
            identity.claims(&verifier, &flow.nonce).map_err(|error| wrong(chain(&error)))?.subject().to_string();
        let mut answer = Answer { subject, claims: claims(identity).ok_or(ProviderError::NoIdentity)? };
        if !answer.claims.contains_key(&self.config.groups_claim)
            && let Some(url) = document.userinfo_endpoint()
        {
            answer.add(self.user_info(url.url(), tokens.access_token().secret()).await?)?;
        }
        Ok(answer)
    }

    /// What the provider says to whoever has the access token.
    async fn user_info(&self, url: &url::Url, token: &str) -> Result<Map<String, Value>, ProviderError> {
        let failed = |reason: String| ProviderError::UserInfo { reason };
        let request = ::http::Request::get(url.as_str())
            .header(::http::header::AUTHORIZATION, format!("Bearer {token}"))
            .header(::http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| failed(error.to_string()))?;
        let answer = self.http.send(request).await.map_err(|error: HttpError| failed(chain(&error)))?;
        if !answer.status().is_success() {
            return Err(failed(format!("it answered {}", answer.status())));
        }
        serde_json::from_slice(answer.body()).map_err(|error| failed(error.to_string()))
    }
}

impl Answer {
    /// Adds what the provider said elsewhere about the same person. What is signed counts first.
    fn add(&mut self, more: Map<String, Value>) -> Result<(), ProviderError> {
        if more.get("sub").and_then(Value::as_str) != Some(&self.subject) {
            return Err(ProviderError::UserInfo { reason: "it speaks of somebody else".to_owned() });
        }
        for (name, value) in more {
            self.claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// A claim that is a text.
    pub(super) fn text(&self, claim: &str) -> Option<String> {
        self.claims.get(claim)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The groups, which some providers write as one text.
    pub(super) fn groups(&self, claim: &str) -> Vec<String> {
        match self.claims.get(claim) {
            Some(Value::Array(groups)) => {
                groups.iter().take(GROUPS_MAX).filter_map(|group| group.as_str().map(str::to_owned)).collect()
            }
            Some(Value::String(group)) => vec![group.clone()],
            _ => Vec::new(),
        }
    }

    /// What the account is called here.
    pub(super) fn name(&self, claim: &str) -> Option<String> {
        let name = self.text(claim).or_else(|| self.text("email")).unwrap_or_else(|| self.subject.clone());
        let fits = (1..=NAME_MAX).contains(&name.chars().count());
        (fits && !name.chars().any(|letter| letter.is_control() || letter == ':')).then_some(name)
    }
}

/// Signatures of keys that the provider publishes. Not those of a shared secret, and not none.
fn algorithms() -> [CoreJwsSigningAlgorithm; 9] {
    use CoreJwsSigningAlgorithm as Algorithm;
    [
        Algorithm::RsaSsaPkcs1V15Sha256,
        Algorithm::RsaSsaPkcs1V15Sha384,
        Algorithm::RsaSsaPkcs1V15Sha512,
        Algorithm::RsaSsaPssSha256,
        Algorithm::RsaSsaPssSha384,
        Algorithm::RsaSsaPssSha512,
        Algorithm::EcdsaP256Sha256,
        Algorithm::EcdsaP384Sha384,
        Algorithm::EdDsa,
    ]
}

/// All claims of an identity whose signature has been checked: the library knows the usual ones only.
fn claims(identity: &CoreIdToken) -> Option<Map<String, Value>> {
    let text = identity.to_string();
    let payload = text.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(claims: Value) -> Answer {
        let Value::Object(claims) = claims else { panic!("no object") };
        Answer { subject: "s-1".to_owned(), claims }
    }

    #[test]
    fn names_and_groups_are_found() {
        let anne = answer(json!({ "preferred_username": " anne ", "email": "a@b", "groups": ["x", 1, "y"] }));
        assert_eq!(anne.name("preferred_username").as_deref(), Some("anne"));
        assert_eq!(anne.name("nickname").as_deref(), Some("a@b"));
        assert_eq!(anne.groups("groups"), ["x", "y"]);
        assert_eq!(answer(json!({ "groups": "one" })).groups("groups"), ["one"]);
        assert_eq!(answer(json!({})).name("preferred_username").as_deref(), Some("s-1"));
        assert_eq!(answer(json!({ "n": "a:b" })).name("n"), None);
        assert_eq!(answer(json!({ "n": "x".repeat(65) })).name("n"), None);
    }

    #[test]
    fn only_the_same_person_is_told_more_of() {
        let mut anne = answer(json!({ "groups": ["a"] }));
        anne.add(Map::from_iter([("sub".to_owned(), json!("s-1")), ("groups".to_owned(), json!(["b"]))])).unwrap();
        assert_eq!(anne.groups("groups"), ["a"], "what is signed counts");
        assert!(anne.add(Map::from_iter([("sub".to_owned(), json!("s-2"))])).is_err());
    }
}
