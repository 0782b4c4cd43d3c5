//! The way to a token.

use reqwest::{
    RequestBuilder, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION},
};

use super::{Host, Question};
use crate::registry::{
    Credential, RegistryError,
    challenge::Challenge,
    endpoint::{Transport, is_loopback, rewritten},
    token::{Token, TokenAnswer},
};

/// A token with all its wrapping; the largest in use have some 4 KiB.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// What a token service is asked for.
struct Wanted<'w> {
    realm: Url,
    service: Option<&'w str>,
    scope: &'w str,
}

impl Host {
    /// Meets a challenge. None: it cannot be met, or only with credentials that are not there.
    pub(super) async fn authorize(
        &self,
        question: &Question<'_>,
        challenge: Option<Challenge>,
    ) -> Result<Option<Token>, RegistryError> {
        let credential = self.credentials.credential(&self.endpoint.registry).await?;
        match challenge {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(credential.as_ref().and_then(Token::basic)),
            Some(Challenge::Bearer { realm, service, scope }) => {
                let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", question.repository));
                let wanted =
                    Wanted { realm: self.realm(question, &realm)?, service: service.as_deref(), scope: &scope };
                self.fetch(question, &wanted, credential.as_ref()).await.map(Some)
            }
        }
    }

    /// The address of the token service. Credentials must not go there in clear, unless the registry itself is spoken
    /// to so.
    fn realm(&self, question: &Question<'_>, text: &str) -> Result<Url, RegistryError> {
        let mut url: Url = text
            .parse()
            .map_err(|_| self.malformed(question, "the address of its token service is wrong".to_owned()))?;
        let may_be_plain = self.endpoint.transport != Transport::Tls || is_loopback(url.authority());
        if url.scheme() != "https" && !(url.scheme() == "http" && may_be_plain) {
            return Err(self.malformed(question, "its token service does not use TLS".to_owned()));
        }
        if let Some(authority) = rewritten(url.authority(), &self.config) {
            let moved = url.as_str().replacen(url.authority(), authority, 1);
            url = moved.parse().unwrap_or(url);
        }
        Ok(url)
    }

    async fn fetch(
        &self,
        question: &Question<'_>,
        wanted: &Wanted<'_>,
        credential: Option<&Credential>,
    ) -> Result<Token, RegistryError> {
        let request = match credential {
            Some(credential) if credential.username.is_empty() => self.exchange(wanted, credential),
            _ => self.ask_for(wanted, credential),
        };
        let response = self.carry(request).await.map_err(|error| self.unreachable(error))?;
        let question = &Question { max_bytes: MAX_TOKEN_BYTES, known: None, ..question.clone() };
        let anonymous = credential.is_none();
        let answer = match response.status() {
            // Also a wrong password, which some services answer so.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                return Err(self.unauthorized(question, anonymous));
            }
            StatusCode::NOT_FOUND => {
                return Err(self.malformed(question, "its token service is not there".to_owned()));
            }
            _ => self.answer(question, response, anonymous).await?,
        };
        let token: TokenAnswer = serde_json::from_slice(&answer.body)
            .map_err(|_| self.malformed(question, "its token service's answer is no JSON".to_owned()))?;
        token
            .into_token(anonymous)
            .ok_or_else(|| self.malformed(question, "its token service gave no token".to_owned()))
    }

    /// Asks with name and password, or without.
    fn ask_for(&self, wanted: &Wanted<'_>, credential: Option<&Credential>) -> RequestBuilder {
        let scopes = wanted.scope.split_whitespace().map(|scope| ("scope", scope));
        let query: Vec<_> = wanted.service.map(|service| ("service", service)).into_iter().chain(scopes).collect();
        let request = self.http.get(wanted.realm.clone()).query(&query).header(ACCEPT, "application/json");
        match credential.and_then(Token::basic) {
            Some(token) => request.header(AUTHORIZATION, token.header()),
            None => request,
        }
    }

    /// Exchanges an identity token.
    fn exchange(&self, wanted: &Wanted<'_>, credential: &Credential) -> RequestBuilder {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "homeport"),
            ("service", wanted.service.unwrap_or_default()),
            ("scope", wanted.scope),
            ("refresh_token", credential.secret.expose()),
        ];
        self.http.post(wanted.realm.clone()).form(&form).header(ACCEPT, "application/json")
    }
}
