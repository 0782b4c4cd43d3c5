//! The certificate of the moment.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::certificate::Certificate;

/// What handshakes take their certificate from. Empty until there is a first one; then handshakes fail.
#[derive(Debug, Default)]
pub(crate) struct Served(ArcSwapOption<CertifiedKey>);

impl Served {
    pub(super) fn put(&self, certificate: &Certificate) {
        self.0.store(Some(Arc::clone(&certificate.key)));
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}
