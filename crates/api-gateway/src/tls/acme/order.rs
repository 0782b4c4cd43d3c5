//! One order: prove each name, hand in a request, take the certificate.

use std::{sync::Arc, time::Duration};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::{
    super::challenge::{Answer, Challenges},
    AcmeError,
};

/// How long the authority may take for each of its two parts.
const PATIENCE: Duration = Duration::from_secs(120);

/// The certificates and their key, as PEM.
pub(super) async fn place(
    account: &Account,
    names: &[String],
    challenges: &Arc<Challenges>,
) -> Result<String, AcmeError> {
    let identifiers: Vec<Identifier> = names.iter().map(|name| identifier(name)).collect();
    let placed = account.new_order(&NewOrder::new(&identifiers)).await;
    let mut order = placed.map_err(AcmeError::of("placing the order"))?;
    let answers = prove(&mut order, challenges).await?;
    let retries = RetryPolicy::new().timeout(PATIENCE);
    let status = order.poll_ready(&retries).await;
    if !matches!(status, Ok(OrderStatus::Ready | OrderStatus::Valid)) {
        return Err(refusal(&mut order).await.unwrap_or_else(|| match status {
            Err(error) => AcmeError::of("proving that the names are ours")(error),
            Ok(status) => AcmeError::Refused { name: names.join(", "), detail: format!("the order is {status:?}") },
        }));
    }
    drop(answers);
    let (key, request) = request(names)?;
    order.finalize_csr(&request).await.map_err(AcmeError::of("handing in the request"))?;
    let chain = order.poll_certificate(&retries).await.map_err(AcmeError::of("fetching the certificate"))?;
    Ok(format!("{}\n{key}", chain.trim_end()))
}

fn identifier(name: &str) -> Identifier {
    name.parse().map_or_else(|_| Identifier::Dns(name.to_ascii_lowercase()), Identifier::Ip)
}

/// Lets the authority look at each name that it has not seen to be ours yet.
async fn prove(order: &mut Order, challenges: &Arc<Challenges>) -> Result<Vec<Answer>, AcmeError> {
    let mut answers = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(AcmeError::of("asking what is to be proved"))?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let name = authorization.identifier().to_string();
        let mut challenge = authorization.challenge(ChallengeType::Http01).ok_or(AcmeError::NoChallenge { name })?;
        answers.push(challenges.answer(challenge.token.clone(), challenge.key_authorization().as_str().to_owned()));
        challenge.set_ready().await.map_err(AcmeError::of("asking the authority to look"))?;
    }
    Ok(answers)
}

/// What the authority did not like, in its own words.
async fn refusal(order: &mut Order) -> Option<AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.ok()?;
        let state = authorization.refresh().await.ok()?;
        let detail = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()?.detail.clone());
        if let Some(detail) = detail {
            return Some(AcmeError::Refused { name: authorization.identifier().to_string(), detail });
        }
    }
    None
}

fn request(names: &[String]) -> Result<(String, Vec<u8>), AcmeError> {
    let key = KeyPair::generate().map_err(AcmeError::Key)?;
    let mut params = CertificateParams::new(names).map_err(AcmeError::Key)?;
    // The names are in the extension; a common name would only repeat one of them.
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(AcmeError::Key)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}
