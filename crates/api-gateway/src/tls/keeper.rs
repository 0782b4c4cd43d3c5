//! Another certificate before the last one ends.

use std::{sync::Arc, time::Duration};

use homeport_bus_client::Publisher;
use homeport_service::telemetry::chain;
use jiff::Timestamp;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Served, Source, TlsError, certificate::Certificate};

/// Longest time between two looks at the clock: it may be set, and a machine may sleep.
const LOOK: Duration = Duration::from_secs(3600);
/// Time to the second attempt, doubled for each further one. Let's Encrypt counts five failures an hour.
const AGAIN_FIRST: Duration = Duration::from_secs(900);
const AGAIN_MOST: Duration = Duration::from_secs(6 * 3600);

/// Keeps what is served fresh.
#[derive(Debug)]
pub(crate) struct Keeper {
    source: Source,
    served: Arc<Served>,
    current: Option<Certificate>,
}

/// Payload of `service:gateway:certificate`: another certificate is served.
#[derive(Debug, Serialize)]
struct Renewed {
    /// Names and addresses that it is for.
    names: Vec<String>,
    /// When it ends, RFC 3339.
    not_after: String,
}

/// Payload of `service:gateway:certificate_failed`: no other certificate could be had; the last one is served on.
#[derive(Debug, Serialize)]
struct Failed {
    /// Why.
    error: String,
    /// When the one that is served ends, RFC 3339; null if there is none.
    not_after: Option<String>,
}

impl Keeper {
    /// Takes what is there already. Without a certificate, only ACME is allowed to begin: its server has to reach us
    /// first.
    pub(super) async fn start(source: Source, served: Arc<Served>) -> Result<Self, TlsError> {
        let mut keeper = Self { source, served, current: None };
        let first = match &mut keeper.source {
            Source::Files(files) => files.changed().await?,
            Source::Authority(authority) => Some(authority.kept()?.map_or_else(|| authority.issue(), Ok)?),
            Source::Acme(acme) => acme.kept().await?,
        };
        if let Some(certificate) = first {
            keeper.take(certificate);
        }
        Ok(keeper)
    }

    /// Goes on until the drain.
    pub(crate) async fn run(mut self, publisher: Publisher, drain: CancellationToken) {
        let mut failures: u32 = 0;
        loop {
            let pause = self.pause(failures);
            if tokio::time::timeout(pause, drain.cancelled()).await.is_ok() {
                return;
            }
            let Some(next) = drain.run_until_cancelled(self.next()).await else { return };
            match next {
                Ok(None) => failures = 0,
                Ok(Some(certificate)) => {
                    failures = 0;
                    let (names, not_after) = (certificate.names.clone(), certificate.not_after.to_string());
                    tracing::info!(tls.names = ?names, tls.not_after = not_after, "another certificate is served");
                    self.take(certificate);
                    publisher.publish("service:gateway:certificate", &Renewed { names, not_after });
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let error = chain(&error);
                    tracing::error!(error, "no other certificate could be had; the last one is served on");
                    let not_after = self.current.as_ref().map(|certificate| certificate.not_after.to_string());
                    publisher.publish("service:gateway:certificate_failed", &Failed { error, not_after });
                }
            }
        }
    }

    /// Another certificate, if it is time for one.
    async fn next(&mut self) -> Result<Option<Certificate>, TlsError> {
        let is_due = self.current.as_ref().is_none_or(|current| current.renew_at() <= Timestamp::now());
        match &mut self.source {
            Source::Files(files) => files.changed().await,
            Source::Authority(authority) if is_due => authority.issue().map(Some),
            Source::Acme(acme) if is_due => acme.obtain().await.map(Some),
            Source::Authority(_) | Source::Acme(_) => Ok(None),
        }
    }

    /// How long nothing has to be looked at.
    fn pause(&self, failures: u32) -> Duration {
        if let Source::Files(files) = &self.source {
            // Files that stay wrong are told about once a minute.
            return if failures == 0 {
                files.period
            } else {
                files.period.max(Duration::from_secs(60).min(files.period * 60))
            };
        }
        if failures > 0 {
            return again(failures);
        }
        let due = self.current.as_ref().map(|current| Timestamp::now().duration_until(current.renew_at()));
        due.map_or(Duration::ZERO, |left| Duration::try_from(left).unwrap_or_default().min(LOOK))
    }

    fn take(&mut self, certificate: Certificate) {
        self.served.put(&certificate);
        self.current = Some(certificate);
    }
}

/// Time to the attempt after so many failures.
fn again(failures: u32) -> Duration {
    AGAIN_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(AGAIN_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rare() {
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 40].map(|failures| again(failures).as_secs()),
            [900, 1800, 3600, 7200, 14400, 21600, 21600]
        );
    }
}
