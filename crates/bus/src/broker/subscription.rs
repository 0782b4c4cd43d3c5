//! One subscriber's end of its queue.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::Stream;

use crate::broker::{Broker, Event, Published, queue::Queue};

/// A stream of events. It ends when the broker drains; dropping it ends the subscription at once.
#[derive(Debug)]
pub struct Subscription {
    broker: Broker,
    queue: Arc<Queue>,
}

impl Subscription {
    pub(crate) const fn new(broker: Broker, queue: Arc<Queue>) -> Self {
        Self { broker, queue }
    }

    /// Notes that an event is larger than this subscriber takes, and was not handed over.
    pub fn oversize(&self, event: &Event) {
        self.broker.oversize(event);
    }

    /// Whether the stream ended because the queue of a subscription made by [`Broker::subscribe_until_full`] was full.
    pub fn overflowed(&self) -> bool {
        self.queue.overflowed()
    }

    /// Whether an event was refused since the last one was taken out.
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }
}

impl Stream for Subscription {
    type Item = Arc<Published>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll_pop(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.broker.unsubscribe(&self.queue);
    }
}
