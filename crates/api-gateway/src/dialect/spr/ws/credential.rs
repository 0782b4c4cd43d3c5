//! The first message of a websocket: `token`, `user:password` or `user:password:jwt`.

use std::net::IpAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_proto::auth::v1::{FactorNeed, Verb};
use homeport_service::Secret;
use http::Method;

use crate::{
    app::App,
    gate::{Caller, Wish},
    problem::{Kind, Problem},
};

/// Decides whether whoever sent this text may open the websocket at this path.
pub(super) async fn admit(app: &App, text: &str, path: &str, client: IpAddr) -> Result<Caller, Problem> {
    let mut refusal = Problem::new(Kind::Unauthorized, "Unauthorized");
    for (reading, second_factor) in readings(text) {
        let need = FactorNeed::Unspecified;
        let wish = Wish { method: &Method::GET, path, client, verb: Verb::Read, need, second_factor };
        match app.gate.admit(&app.upstream, reading, wish).await {
            Ok(caller) if names(&caller.principal.scopes, path) => return Ok(caller),
            Ok(_) => return Err(Problem::new(Kind::Forbidden, "the token's scopes do not name this websocket")),
            Err(problem) if matches!(problem.kind(), Kind::Unauthorized | Kind::SecondFactor) => refusal = problem,
            Err(problem) => return Err(problem),
        }
    }
    Err(refusal)
}

/// What a text can mean, as values of an `Authorization` header, the likeliest first, each with the proof of a second factor.
/// Passwords may hold colons.
fn readings(text: &str) -> Vec<(Secret<String>, Secret<String>)> {
    let basic = |user: &str, password: &str, proof: &str| {
        let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        (Secret::new(header), Secret::new(proof.to_owned()))
    };
    match text.split_once(':') {
        None if text.is_empty() => vec![],
        None => vec![(Secret::new(format!("Bearer {text}")), Secret::default())],
        Some((user, rest)) => {
            let three = rest.split_once(':').map(|(password, proof)| basic(user, password, proof));
            three.into_iter().chain([basic(user, rest, "")]).collect()
        }
    }
}

/// Whether scopes leave a websocket open: there are none, or its very path is among them. A scope above it is not
/// enough, because all events say more than most paths.
fn names(scopes: &[String], path: &str) -> bool {
    let path_of = |scope: &String| scope.split(':').next().unwrap_or_default().trim_end_matches('/') == path;
    scopes.is_empty() || scopes.iter().any(path_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|reading| match reading.split_once(' ') {
                Some(("basic", pair)) => format!("Basic {}", BASE64_STANDARD.encode(pair)),
                _ => (*reading).to_owned(),
            })
            .collect();
        let readings = readings(text);
        assert_eq!(
            readings.iter().map(|(reading, _)| reading.expose()).collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>()
        );
    }

    #[test]
    fn colons_tell_what_it_is() {
        check("token", &["Bearer token"]);
        check("", &[]);
        check("admin:pass", &["basic admin:pass"]);
        check("admin:pass:jwt", &["basic admin:pass", "basic admin:pass:jwt"]);
        check("admin:p:a:ss", &["basic admin:p", "basic admin:p:a:ss"]);
    }

    #[test]
    fn a_scope_must_name_the_websocket_itself() {
        let scopes = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(names(&[], "/ws"));
        assert!(names(&scopes(&["/status", "/ws:r"]), "/ws") && names(&scopes(&["/ws/"]), "/ws"));
        assert!(!names(&scopes(&["/"]), "/ws") && !names(&scopes(&["/ws_events_all"]), "/ws"));
    }
}
