//! A certificate from an authority that gives them out by itself (RFC 8555), which looks at port 80 of each name.

mod http;
mod order;

use std::{path::PathBuf, sync::Arc, time::Duration};

use instant_acme::{Account, AccountCredentials, NewAccount};
use sha2::{Digest as _, Sha256};

use super::{Challenges, TlsError, certificate::Certificate, private_directory, read_if_there, write_private};
use crate::config::AcmeConfig;
use http::Http;

/// Longest time for one order, from the directory to the certificate.
const ORDER_LIMIT: Duration = Duration::from_secs(300);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcmeError {
    #[error("{doing} failed")]
    Protocol {
        doing: &'static str,
        #[source]
        source: instant_acme::Error,
    },
    #[error("the authority does not look at port 80 of {name}, which is the only proof that is known here")]
    NoChallenge { name: String },
    #[error("{name} is not ours in the eyes of the authority: {detail}")]
    Refused { name: String, detail: String },
    #[error("the kept account cannot be read; move account-*.json away to register anew")]
    Account(#[source] serde_json::Error),
    #[error("acme.root cannot be used")]
    Root(#[source] rustls::pki_types::pem::Error),
    #[error("TLS to the authority cannot be set up")]
    Tls(#[source] rustls::Error),
    #[error("making the key failed")]
    Key(#[source] rcgen::Error),
    #[error("the order took longer than {} s", ORDER_LIMIT.as_secs())]
    Slow,
}

impl AcmeError {
    fn of(doing: &'static str) -> impl FnOnce(instant_acme::Error) -> Self {
        move |source| Self::Protocol { doing, source }
    }
}

/// An account at an authority, and what is ordered there.
#[derive(Debug)]
pub(super) struct Acme {
    config: AcmeConfig,
    directory: PathBuf,
    challenges: Arc<Challenges>,
    http: Http,
}

impl Acme {
    pub(super) fn new(config: AcmeConfig, directory: PathBuf, challenges: Arc<Challenges>) -> Result<Self, TlsError> {
        private_directory(&directory)?;
        let http = Http::new(config.root.as_deref())?;
        Ok(Self { config, directory, challenges, http })
    }

    /// The certificate of the last order, if it is for the names of today. One that has ended is better than none.
    pub(super) async fn kept(&self) -> Result<Option<Certificate>, TlsError> {
        let path = self.directory.join("certificate.pem");
        let kept = tokio::task::spawn_blocking(move || read_if_there(&path)).await??;
        let certificate = kept.and_then(|pem| Certificate::parse(&pem, &pem).ok());
        Ok(certificate.filter(|certificate| certificate.is_for(&self.config.names)))
    }

    /// Orders another certificate, and keeps it.
    pub(super) async fn obtain(&self) -> Result<Certificate, TlsError> {
        let order = async {
            let account = self.account().await?;
            Ok::<_, TlsError>(order::place(&account, &self.config.names, &self.challenges).await?)
        };
        let pem = tokio::time::timeout(ORDER_LIMIT, order).await.map_err(|_| AcmeError::Slow)??;
        let path = self.directory.join("certificate.pem");
        let certificate =
            Certificate::parse(&pem, &pem).map_err(|source| TlsError::Certificate { path: path.clone(), source })?;
        self.write(path, pem).await?;
        Ok(certificate)
    }

    /// The account that was made at the first order. Another directory has another one.
    async fn account(&self) -> Result<Account, TlsError> {
        let name = hex::encode(&Sha256::digest(&self.config.directory)[..8]);
        let path = self.directory.join(format!("account-{name}.json"));
        let there = path.clone();
        let builder = Account::builder_with_http(Box::new(self.http.clone()));
        if let Some(kept) = tokio::task::spawn_blocking(move || read_if_there(&there)).await?? {
            let credentials: AccountCredentials = serde_json::from_str(&kept).map_err(AcmeError::Account)?;
            return Ok(builder.from_credentials(credentials).await.map_err(AcmeError::of("opening the account"))?);
        }
        let contact = self.config.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: self.config.terms_agreed,
            only_return_existing: false,
        };
        let made = builder.create(&wanted, self.config.directory.clone(), None).await;
        let (account, credentials) = made.map_err(AcmeError::of("registering"))?;
        let text = serde_json::to_string(&credentials).map_err(AcmeError::Account)?;
        self.write(path, text).await?;
        Ok(account)
    }

    async fn write(&self, path: PathBuf, content: String) -> Result<(), TlsError> {
        tokio::task::spawn_blocking(move || write_private(&path, &content)).await?
    }
}
