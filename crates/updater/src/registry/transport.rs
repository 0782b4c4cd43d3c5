//! What carries a request to a registry and its answer back.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use reqwest::{Certificate, Client, Identity, Request, Response};

use super::{RegistryConfig, SetupError, http};

/// Carries requests. The network is behind it; simulations put a registry of their own there.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and waits for the head of its answer.
    async fn send(&self, request: Request) -> Result<Response, reqwest::Error>;
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: Request) -> Result<Response, reqwest::Error> {
        self.execute(request).await
    }
}

/// The client for a registry that has certificates of its own, where Docker looks for them too: `<registry>/` in the
/// directory, in it `*.crt` to trust, and `*.cert` with `*.key` to be known by. None: it has none.
pub(super) fn of_registry(registry: &str, config: &RegistryConfig) -> Result<Option<Arc<dyn Transport>>, SetupError> {
    let Some(directory) = config.certs_dir.as_ref().map(|base| base.join(registry)) else { return Ok(None) };
    // `..` and slashes cannot be in the name of a registry; this is for one that is not there.
    let Ok(entries) = std::fs::read_dir(&directory) else { return Ok(None) };
    let (mut trusted, mut identity) = (Vec::new(), None);
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => trusted.extend(certificates(&path)?),
            Some("cert") if identity.is_none() => identity = Some(own(&path)?),
            _ => {}
        }
    }
    if trusted.is_empty() && identity.is_none() {
        return Ok(None);
    }
    let client = http::client_with(config, trusted, identity)?;
    Ok(Some(Arc::new(client)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, SetupError> {
    let pem = read(path)?;
    Certificate::from_pem_bundle(&pem).map_err(|source| SetupError::Certificates { path: path.to_owned(), source })
}

/// The certificate at a path with the key beside it.
fn own(path: &Path) -> Result<Identity, SetupError> {
    let mut pem = read(path)?;
    pem.push(b'\n');
    pem.extend(read(&path.with_extension("key"))?);
    Identity::from_pem(&pem).map_err(|source| SetupError::Certificates { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    std::fs::read(path).map_err(|source| SetupError::CaFile { path: path.to_owned(), source })
}
