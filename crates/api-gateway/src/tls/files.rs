//! A certificate that somebody else keeps fresh, in files.

use std::{path::PathBuf, time::Duration};

use super::{TlsError, certificate::Certificate};
use crate::config::{TlsConfig, ms};

/// Two files, looked at now and then. Their content is compared, not their times: a link may change its target, and a
/// file system may have coarse times.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    pub(super) period: Duration,
    seen: Option<(String, String)>,
}

impl Files {
    pub(super) fn new(certificate: PathBuf, key: PathBuf, config: &TlsConfig) -> Self {
        Self { certificate, key, period: ms(config.reload_ms).max(Duration::from_millis(50)), seen: None }
    }

    /// The certificate, if the files have changed since the last one that could be used.
    pub(super) async fn changed(&mut self) -> Result<Option<Certificate>, TlsError> {
        let (chain, key) = (read(&self.certificate).await?, read(&self.key).await?);
        if self.seen.as_ref().is_some_and(|seen| seen.0 == chain && seen.1 == key) {
            return Ok(None);
        }
        let certificate = Certificate::parse(&chain, &key)
            .map_err(|source| TlsError::Certificate { path: self.certificate.clone(), source })?;
        self.seen = Some((chain, key));
        Ok(Some(certificate))
    }
}

async fn read(path: &PathBuf) -> Result<String, TlsError> {
    tokio::fs::read_to_string(path).await.map_err(|source| TlsError::File { path: path.clone(), source })
}
