//! A certificate with its key, as it is served.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("the certificates are not valid PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("there is no certificate in it")]
    Empty,
    #[error("there is no private key in it")]
    Key(#[source] rustls::pki_types::pem::Error),
    #[error("the key is not that of the certificate, or of a kind that is not known")]
    Pair(#[source] rustls::Error),
    #[error("the certificate is not a valid one")]
    Invalid,
}

/// A certificate, those that lead to its authority, and its key.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// Names and addresses that it is for, sorted.
    pub(super) names: Vec<String>,
}

impl Certificate {
    /// Reads certificates and key from PEM, and checks that they belong together.
    pub(super) fn parse(chain: &str, key: &str) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(CertificateError::Pem)?;
        let leaf = chain.first().ok_or(CertificateError::Empty)?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::Invalid)?;
        let time = |seconds| Timestamp::from_second(seconds).map_err(|_| CertificateError::Invalid);
        let not_before = time(parsed.validity().not_before.timestamp())?;
        let not_after = time(parsed.validity().not_after.timestamp())?;
        let names = names(&parsed);
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(CertificateError::Key)?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(CertificateError::Pair)?;
        Ok(Self { key: Arc::new(key), not_before, not_after, names })
    }

    /// When it is time for another: after two thirds of its life, as authorities recommend.
    pub(super) fn renew_at(&self) -> Timestamp {
        let life = self.not_before.duration_until(self.not_after);
        self.not_after.checked_sub(life / 3).unwrap_or(self.not_after)
    }

    /// Whether it is for these names and no others.
    pub(super) fn is_for(&self, names: &[String]) -> bool {
        self.names == sorted(names.iter().map(|name| name.to_ascii_lowercase()))
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    sorted(extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    }))
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from)).ok().map(|address| address.to_string())
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.not_before = date_time_ymd(2030, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 31);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn names_and_times_are_read() {
        let (chain, key) = made(&["nas.example", "192.0.2.7", "NAS.lan"]);
        let certificate = Certificate::parse(&chain, &key).unwrap();
        assert_eq!(certificate.names, ["192.0.2.7", "nas.example", "nas.lan"]);
        assert!(certificate.is_for(&["nas.lan", "nas.example", "192.0.2.7"].map(str::to_owned)));
        assert!(!certificate.is_for(&["nas.lan".to_owned()]));
        assert_eq!(certificate.renew_at().to_string(), "2030-01-21T00:00:00Z");
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let ((chain, key), (_, other)) = (made(&["a"]), made(&["a"]));
        let failure = |chain: &str, key: &str| Certificate::parse(chain, key).unwrap_err();
        assert!(matches!(failure(&chain, &other), CertificateError::Pair(_)));
        assert!(matches!(failure("", &key), CertificateError::Empty));
        assert!(matches!(failure(&chain, ""), CertificateError::Key(_)));
        assert!(matches!(failure("-----BEGIN CERTIFICATE-----\n***", &key), CertificateError::Pem(_)));
    }
}
