//! The first message of a websocket: `token`, `user:password` or `user:password:jwt`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use homeport_proto::auth::v1::{FactorNeed, Verb, Way};
use homeport_service::Secret;
use http::Method;

use crate::{
    app::App,
    gate::{Caller, Wish},
    middleware::ClientAddress,
    problem::{Kind, Problem},
};

/// Decides whether whoever sent this text may open the websocket at this path.
pub(super) async fn admit(app: &App, text: &str, path: &str, client: ClientAddress) -> Result<Caller, Problem> {
    let mut refusal = Problem::new(Kind::Unauthorized, "Unauthorized");
    for (reading, second_factor) in readings(text) {
        let (verb, need, way) = (Verb::Read, FactorNeed::Unspecified, Way::Websocket);
        let wish = Wish { method: &Method::GET, path, client, verb, need, second_factor, way };
        match app.gate.admit(&app.upstream, reading, wish).await {
            // Only a wrong password says that the text may have meant another one.
            Err(problem) if problem.kind() == Kind::Unauthorized => refusal = problem,
            decided => return decided,
        }
    }
    Err(refusal)
}

/// What a text can mean, as values of an `Authorization` header, the likeliest first, each with the proof of a second factor.
/// Passwords may hold colons; a proof holds none, so where the end looks like one, it is what follows the last colon.
fn readings(text: &str) -> Vec<(Secret<String>, Secret<String>)> {
    let basic = |user: &str, password: &str, proof: &str| {
        let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        (Secret::new(header), Secret::new(proof.to_owned()))
    };
    match text.split_once(':') {
        None if text.is_empty() => vec![],
        None => vec![(Secret::new(format!("Bearer {text}")), Secret::default())],
        Some((user, rest)) => {
            let proven = rest.rsplit_once(':').filter(|(_, end)| looks_like_a_proof(end));
            let three = proven.or_else(|| rest.split_once(':'));
            let three = three.map(|(password, proof)| basic(user, password, proof));
            three.into_iter().chain([basic(user, rest, "")]).collect()
        }
    }
}

/// Whether a text has the three parts of a JWT.
fn looks_like_a_proof(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    text.split('.').count() == 3 && text.split('.').all(is_part)
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
        check("admin:p:a:ss:a.b.c", &["basic admin:p:a:ss", "basic admin:p:a:ss:a.b.c"]);
    }

    #[test]
    fn what_follows_the_password_is_the_proof() {
        let proofs =
            |text: &str| readings(text).into_iter().map(|(_, proof)| proof.expose().clone()).collect::<Vec<_>>();
        assert_eq!(proofs("admin:pass:jwt"), ["jwt", ""]);
        assert_eq!(proofs("admin:pass:e30.e30.c2ln"), ["e30.e30.c2ln", ""]);
        assert_eq!(proofs("admin:p:a:ss:e30.e30.c2ln"), ["e30.e30.c2ln", ""]);
        assert_eq!(proofs("admin:p:a..b"), ["a..b", ""]);
    }
}
