//! An authority of Homeport's own, for machines that no public one can reach. Whoever trusts its certificate trusts
//! what it signs, so its key never leaves the state directory.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::{TlsError, certificate::Certificate, private_directory, read_if_there, write_private};

/// Days that the authority lasts.
const AUTHORITY_DAYS: i64 = 20 * 365;
/// Days that a certificate lasts: the most that browsers accept.
const CERTIFICATE_DAYS: i64 = 397;

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    #[error("a name in tls.names cannot be part of a certificate")]
    Name(#[source] rcgen::Error),
    #[error("the key of the authority is not valid; move the directory away to begin with another one")]
    Key(#[source] rcgen::Error),
    #[error("signing failed")]
    Sign(#[source] rcgen::Error),
}

/// The authority, and the names that it vouches for.
#[derive(Debug)]
pub(super) struct Authority {
    directory: PathBuf,
    names: Vec<String>,
    key: String,
    root: String,
}

impl Authority {
    /// Opens the authority in a directory, or founds it.
    pub(super) async fn open(directory: &Path, names: &[String]) -> Result<Self, TlsError> {
        let (directory, names) = (directory.to_owned(), with_own(names));
        tokio::task::spawn_blocking(move || {
            private_directory(&directory)?;
            let (key_path, root_path) = (directory.join("key.pem"), directory.join("root.pem"));
            let kept = read_if_there(&key_path)?.zip(read_if_there(&root_path)?);
            let (key, root) = if let Some(kept) = kept {
                kept
            } else {
                let (key, root) = found()?;
                write_private(&key_path, &key)?;
                write_private(&root_path, &root)?;
                tracing::info!(path = %root_path.display(), "an authority was founded; browsers can be told to trust it");
                (key, root)
            };
            Ok(Self { directory, names, key, root })
        })
        .await?
    }

    /// Its own certificate, as PEM.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The certificate that was made last, if it is still good for the names.
    pub(super) fn kept(&self) -> Result<Option<Certificate>, TlsError> {
        let kept = read_if_there(&self.directory.join("certificate.pem"))?;
        let certificate = kept.and_then(|pem| Certificate::parse(&pem, &pem).ok());
        Ok(certificate
            .filter(|certificate| certificate.is_for(&self.names) && certificate.renew_at() > Timestamp::now()))
    }

    /// Makes another certificate, and keeps it.
    pub(super) fn issue(&self) -> Result<Certificate, TlsError> {
        let path = self.directory.join("certificate.pem");
        let pem = self.sign()?;
        write_private(&path, &pem)?;
        Certificate::parse(&pem, &pem).map_err(|source| TlsError::Certificate { path, source })
    }

    fn sign(&self) -> Result<String, AuthorityError> {
        let authority = KeyPair::from_pem(&self.key).map_err(AuthorityError::Key)?;
        let issuer = Issuer::new(root_params(), authority);
        let key = KeyPair::generate().map_err(AuthorityError::Sign)?;
        let mut params = CertificateParams::new(self.names.clone()).map_err(AuthorityError::Name)?;
        params.distinguished_name = named("Homeport");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        last(&mut params, CERTIFICATE_DAYS);
        let certificate = params.signed_by(&key, &issuer).map_err(AuthorityError::Sign)?;
        Ok(format!("{}{}{}", certificate.pem(), self.root, key.serialize_pem()))
    }
}

/// The names from the settings, and those that the machine has anyway.
fn with_own(names: &[String]) -> Vec<String> {
    let machine = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    all.push(machine);
    all.extend(names.iter().map(|name| name.to_ascii_lowercase()));
    all.retain(|name| !name.is_empty());
    all.sort();
    all.dedup();
    all
}

fn found() -> Result<(String, String), AuthorityError> {
    let key = KeyPair::generate().map_err(AuthorityError::Sign)?;
    let mut params = root_params();
    last(&mut params, AUTHORITY_DAYS);
    let root = params.self_signed(&key).map_err(AuthorityError::Sign)?;
    Ok((key.serialize_pem(), root.pem()))
}

/// What of the authority's certificate stays the same for good: it is part of what it signs.
fn root_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Homeport authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// From yesterday, for clocks that are behind, until some days from now.
fn last(params: &mut CertificateParams, days: i64) {
    let day = |offset: i64| {
        let at = Timestamp::now().saturating_add(SignedDuration::from_hours(24 * offset)).unwrap_or(Timestamp::MAX);
        let date = TimeZone::UTC.to_datetime(at).date();
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(-1);
    params.not_after = day(days - 1);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn it_is_founded_once_and_keeps_what_it_made() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("authority");
        let names = ["nas.lan".to_owned(), "192.0.2.7".to_owned()];
        let first = Authority::open(&place, &names).await.unwrap();
        assert!(first.kept().unwrap().is_none());
        let made = first.issue().unwrap();
        assert!(made.names.contains(&"nas.lan".to_owned()) && made.names.contains(&"localhost".to_owned()));
        let again = Authority::open(&place, &names).await.unwrap();
        assert_eq!(again.root(), first.root());
        assert!(again.kept().unwrap().is_some());
        let renamed = Authority::open(&place, &["other.lan".to_owned()]).await.unwrap();
        assert!(renamed.kept().unwrap().is_none(), "a certificate for other names is none");
        for file in ["key.pem", "certificate.pem"] {
            let mode = std::fs::metadata(place.join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }
}
