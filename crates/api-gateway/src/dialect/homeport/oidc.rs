//! `/auth/oidc/…`: signing in at another place that knows the people here. The browser goes there and comes back; a cookie
//! that lasts ten minutes says that it is the same one.

mod page;

use std::sync::Arc;

use axum::{
    Extension, Json as Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use homeport_proto::auth::v1::{
    BeginOidcLoginRequest, FinishOidcLoginRequest, GetOidcStatusRequest, LoginResponse, Principal,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{
    app::App,
    extract::Params,
    gate::Caller,
    middleware::{ClientAddress, Scheme},
    problem::{Kind, Problem},
    upstream::of_auth,
    view,
};

/// Name of the cookie. It says which browser began, and is good for nothing else.
const COOKIE: &str = "homeport_oidc";

/// A session that began.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    success: bool,
    token: String,
    username: String,
    expires_at: Option<String>,
}

/// What is known of the provider.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    configured: bool,
    issuer: String,
    redirect_url: String,
    /// Null: it answers.
    problem: Option<String>,
}

/// `GET /auth/oidc/login`: sends the browser to the provider.
pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(scheme): Extension<Scheme>,
    Extension(client): Extension<ClientAddress>,
) -> Result<Response, Problem> {
    let request = BeginOidcLoginRequest { client_address: client.to_string() };
    let begun = of_auth(app.upstream.oidc().begin_oidc_login(request).await)?;
    let location = HeaderValue::try_from(begun.url)
        .map_err(|_| Problem::new(Kind::Internal, "the provider's address is none; the settings of auth name it"))?;
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    set_cookie(&mut response, scheme, &begun.binding, 600);
    Ok(response)
}

/// `GET /auth/oidc/callback`: the browser is back.
pub(super) async fn callback(
    State(app): State<Arc<App>>,
    Extension(scheme): Extension<Scheme>,
    Extension(client): Extension<ClientAddress>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    if let Some(error) = params.text("error") {
        return Err(Problem::new(Kind::Forbidden, format!("the provider did not sign you in: {}", harmless(error))));
    }
    let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
    let request = FinishOidcLoginRequest {
        state: text("state"),
        code: text("code"),
        binding: cookie(&headers).unwrap_or_default().to_owned(),
        client_address: client.to_string(),
        user_agent: headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    };
    let mut oidc = app.upstream.oidc();
    let login = app.finish(async move { of_auth(oidc.finish_oidc_login(request).await) }).await?.login;
    let LoginResponse { token, expires_at, principal, .. } = login.unwrap_or_default();
    let Principal { name: username, .. } = principal.unwrap_or_default();
    let signed_in = SignedIn { success: true, token, username, expires_at: view::time(expires_at.as_ref()) };
    let mut response = if wants_page(&headers) { page::signed_in(&signed_in) } else { Body(signed_in).into_response() };
    set_cookie(&mut response, scheme, "", 0);
    Ok(response)
}

/// `GET /auth/oidc/status`.
pub(super) async fn status(State(app): State<Arc<App>>, caller: Caller) -> Result<Body<Status>, Problem> {
    caller.require_unscoped()?;
    let status = of_auth(app.upstream.oidc().get_oidc_status(GetOidcStatusRequest {}).await)?;
    let problem = Some(status.problem).filter(|problem| !problem.is_empty());
    let (issuer, redirect_url) = (status.issuer, status.redirect_url);
    Ok(Body(Status { configured: status.configured, issuer, redirect_url, problem }))
}

/// `Lax`, because the provider sends the browser here from its own page.
fn set_cookie(response: &mut Response, scheme: Scheme, value: &str, seconds: u32) {
    let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/auth/oidc; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Browsers ask for a page, programs for JSON or for anything.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().starts_with("text/html"))
}

/// What the provider says, as far as it can be shown: its codes are words with underscores.
fn harmless(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = |value: &'static str| HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(value))]);
        assert_eq!(cookie(&headers("a=b; homeport_oidc=xyz; c=d")), Some("xyz"));
        assert_eq!(cookie(&headers("homeport_oidc2=xyz")), None);
        assert_eq!(cookie(&HeaderMap::new()), None);
    }

    #[test]
    fn only_words_are_shown() {
        assert_eq!(harmless("access_denied"), "access_denied");
        assert_eq!(harmless("<script>alert(1)"), "scriptalert1");
    }
}
