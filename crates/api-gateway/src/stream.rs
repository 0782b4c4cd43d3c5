//! Events on their way to people: from the bus into the hub, from the hub to each client. Only who asks for the past reads
//! the bus himself.

mod bus;
mod hub;
mod kept;
mod sse;
mod topics;
mod ws;

pub(crate) use bus::follow;
pub(crate) use hub::{Event, Form, Hub, Limits, Subscription, Taken};
pub(crate) use kept::kept;
pub(crate) use sse::{Frame, last_event_id, response};
pub(crate) use topics::{Channel, Interest, Prefixes};
pub(crate) use ws::{End, Opening, Socket};
