//! Events on their way to people: from the bus into the hub, from the hub to each client.

mod bus;
mod hub;
mod sse;

pub(crate) use bus::follow;
pub(crate) use hub::{Hub, Subscription, Taken};
pub(crate) use sse::{Frame, response};
