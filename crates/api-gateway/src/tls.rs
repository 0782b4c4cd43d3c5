//! HTTPS: where the certificate comes from, and how it stays fresh.
//!
//! A [`Source`] is chosen from the settings. [`Keeper`] asks it for certificates, when it is time for another, and puts
//! each into [`Served`], from where handshakes take it. Connections that are open keep the one that they began with.

mod acme;
mod authority;
mod certificate;
mod challenge;
mod files;
mod keeper;
mod served;

use std::{path::PathBuf, sync::Arc};

use homeport_service::Context;
use rustls::{ServerConfig, crypto::aws_lc_rs};

pub(crate) use challenge::Challenges;
pub(crate) use keeper::Keeper;

use crate::config::Config;
use acme::{Acme, AcmeError};
use authority::{Authority, AuthorityError};
use certificate::CertificateError;
use files::Files;
use served::Served;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("tls.certificate and tls.key belong together; set both or none")]
    Pair,
    #[error("acme.names needs acme.terms_agreed = true: read the authority's terms of service first")]
    Terms,
    #[error("{what} is set, but HTTPS is off; set tls.listen too")]
    Off { what: &'static str },
    #[error("cannot read or write {path}")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the certificate in {path} cannot be used")]
    Certificate {
        path: PathBuf,
        #[source]
        source: CertificateError,
    },
    #[error("Homeport's own authority made no certificate")]
    Authority(#[from] AuthorityError),
    #[error("the ACME server gave no certificate")]
    Acme(#[from] AcmeError),
    #[error("a task ended without a result")]
    Task(#[from] tokio::task::JoinError),
    #[error("the versions of TLS cannot be served")]
    Versions(#[source] rustls::Error),
}

/// Where certificates come from.
#[derive(Debug)]
enum Source {
    /// Files that somebody else keeps fresh.
    Files(Files),
    /// An authority that gives them out by itself.
    Acme(Box<Acme>),
    /// An authority of our own.
    Authority(Authority),
}

/// HTTPS as the settings want it.
#[derive(Debug)]
pub(crate) struct Tls {
    /// How handshakes are done.
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) keeper: Keeper,
    /// The certificate of Homeport's own authority as PEM, if it is the one that vouches for ours.
    pub(crate) root: Option<String>,
}

/// Reads the settings. None: HTTPS is off.
pub(crate) async fn prepare(
    config: &Config,
    context: &Context,
    challenges: &Arc<Challenges>,
) -> Result<Option<Tls>, TlsError> {
    if config.tls.listen.is_none() {
        return refuse_rest(config).map(|()| None);
    }
    let source = source(config, context, challenges).await?;
    let root = match &source {
        Source::Authority(authority) => Some(authority.root().to_owned()),
        _ => None,
    };
    let served = Arc::new(Served::default());
    let server = server(Arc::clone(&served))?;
    let keeper = Keeper::start(source, served).await?;
    Ok(Some(Tls { server, keeper, root }))
}

/// What is set has to have an effect.
fn refuse_rest(config: &Config) -> Result<(), TlsError> {
    let tls = &config.tls;
    let set = [
        (tls.certificate.is_some(), "tls.certificate"),
        (tls.redirect_listen.is_some(), "tls.redirect_listen"),
        (!config.acme.names.is_empty(), "acme.names"),
    ];
    set.into_iter().find(|(is_set, _)| *is_set).map_or(Ok(()), |(_, what)| Err(TlsError::Off { what }))
}

async fn source(config: &Config, context: &Context, challenges: &Arc<Challenges>) -> Result<Source, TlsError> {
    let directory = context.state_dir();
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => Ok(Source::Files(Files::new(certificate.clone(), key.clone(), &config.tls))),
        (None, None) if config.acme.names.is_empty() => {
            Ok(Source::Authority(Authority::open(&directory.join("authority"), &config.tls.names).await?))
        }
        (None, None) if !config.acme.terms_agreed => Err(TlsError::Terms),
        (None, None) => {
            let acme = Acme::new(config.acme.clone(), directory.join("acme"), Arc::clone(challenges))?;
            Ok(Source::Acme(Box::new(acme)))
        }
        _ => Err(TlsError::Pair),
    }
}

fn server(served: Arc<Served>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut server = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?
        .with_no_client_auth()
        .with_cert_resolver(served);
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

/// Makes a directory that only this process may look into.
fn private_directory(path: &std::path::Path) -> Result<(), TlsError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// Replaces a file that only this process may read.
fn write_private(path: &std::path::Path, content: &str) -> Result<(), TlsError> {
    let written = homeport_service::file::replace(path, content.as_bytes(), 0o600);
    written.map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// The content of a file. None: there is none.
fn read_if_there(path: &std::path::Path) -> Result<Option<String>, TlsError> {
    match std::fs::read_to_string(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::File { path: path.to_owned(), source }),
    }
}
