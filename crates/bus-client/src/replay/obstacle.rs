//! Stepping over an event that cannot be received, so that a reader does not wait before it for ever.

use homeport_proto::bus::v1::{Gap, GetStatisticsRequest, gap::Reason};
use homeport_service::clock::{Clock as _, SystemClock};
use tonic::{Code, Status};

use super::{Cursor, Reader};

/// Subscriptions in a row that fail at one place before it is stepped over. A bus that is being restarted fails fewer.
pub(super) const PATIENCE: u32 = 3;

/// Whether a subscription that ended so may have met such an event: too large, unreadable, or one that the bus fails over.
pub(super) fn may_be(status: &Status) -> bool {
    matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted | Code::Internal | Code::DataLoss)
}

impl Reader {
    /// Goes to behind what cannot be received, and tells from where to where. None: it cannot be said where that is.
    pub(super) async fn step_over(&mut self) -> Option<Gap> {
        let (place, begin, end): (fn(u64) -> Cursor, _, _) = match self.cursor {
            Cursor::After(id) => (Cursor::After, id, self.last_id().await?),
            Cursor::Earliest => (Cursor::After, 0, self.last_id().await?),
            Cursor::Time(at) => {
                let now = u64::try_from(SystemClock.now().as_millisecond()).ok()?;
                (|at| Cursor::Time(at.cast_signed()), u64::try_from(at).ok()?, now)
            }
            // What was published before does not come again.
            Cursor::Live => return None,
        };
        // Reading from the first fails, from the second it works.
        let (mut fails, mut works) = (begin, end);
        if works <= fails || !self.can_read(place(works)).await {
            return None;
        }
        while works - fails > 1 {
            let middle = fails + (works - fails) / 2;
            if self.can_read(place(middle)).await {
                works = middle;
            } else {
                fails = middle;
            }
        }
        self.cursor = place(works);
        let gap = match self.cursor {
            Cursor::After(last_id) => Gap { after_id: begin, last_id, reason: Reason::Unspecified.into() },
            // Their ids are not known.
            _ => Gap::default(),
        };
        tracing::warn!(
            bus.after_id = gap.after_id,
            bus.last_id = gap.last_id,
            "an event cannot be received: it is left out"
        );
        Some(gap)
    }

    async fn last_id(&mut self) -> Option<u64> {
        Some(self.client.get_statistics(GetStatisticsRequest {}).await.ok()?.into_inner().last_id)
    }

    async fn can_read(&mut self, from: Cursor) -> bool {
        match self.subscribe(from).await {
            Ok(mut events) => matches!(events.message().await, Ok(Some(_))),
            Err(_) => false,
        }
    }
}
