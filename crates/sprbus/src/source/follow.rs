//! Following something that breaks now and then.

use anyhow::anyhow;
use futures::stream::{self, BoxStream, StreamExt as _};
use homeport_service::telemetry::chain;

use super::{Notice, pause::Pause};

/// What can be opened again and again, and be read until it breaks.
pub(super) trait Origin: Send + Sized + 'static {
    type Open: Send;

    fn open(&mut self) -> impl Future<Output = Result<Self::Open, Failure>> + Send;

    /// What comes next; none if that is nothing to tell. An error is why it broke.
    fn read(&mut self, open: &mut Self::Open) -> impl Future<Output = Result<Option<Notice>, String>> + Send;
}

/// Why something could not be opened.
pub(super) enum Failure {
    /// Trying again can help.
    Away(anyhow::Error),
    /// It cannot.
    Refused(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Away(error.into())
    }
}

/// What it tells, through every outage, until it refuses.
pub(super) fn follow(origin: impl Origin) -> BoxStream<'static, anyhow::Result<Notice>> {
    let follower = Follower { origin, open: None, pause: Pause::new(), lost: false };
    stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        let notice = follower.next().await;
        let goes_on = notice.is_ok().then_some(follower);
        Some((notice, goes_on))
    })
    .boxed()
}

struct Follower<O: Origin> {
    origin: O,
    open: Option<O::Open>,
    pause: Pause,
    /// Whether the present outage was told.
    lost: bool,
}

impl<O: Origin> Follower<O> {
    async fn next(&mut self) -> anyhow::Result<Notice> {
        loop {
            let reason = if let Some(open) = &mut self.open {
                match self.origin.read(open).await {
                    Ok(Some(notice)) => return Ok(notice),
                    Ok(None) => continue,
                    Err(reason) => reason,
                }
            } else {
                self.pause.wait().await;
                match self.origin.open().await {
                    Ok(open) => {
                        self.open = Some(open);
                        self.pause.reset();
                        self.lost = false;
                        return Ok(Notice::Connected);
                    }
                    Err(Failure::Refused(why)) => return Err(anyhow!(why)),
                    Err(Failure::Away(error)) => chain(error.as_ref()),
                }
            };
            self.open = None;
            if !std::mem::replace(&mut self.lost, true) {
                return Ok(Notice::Lost(reason));
            }
        }
    }
}
