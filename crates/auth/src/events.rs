//! Who got in and who did not, told to the bus and to the log.
//!
//! `auth:success`, `auth:failure` and `auth:logout` carry an [`AuthEvent`]. The first two change nothing, so they may get
//! lost; the last one is told with the change, in [`changes`](crate::changes).

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

use homeport_bus_client::Publisher;
use jiff::Timestamp;
use serde::Serialize;

use crate::address::host;

/// Different events that are told within a minute. What comes then is in no event, only refused or served.
const PER_MINUTE_MAX: usize = 2_000;

/// Longest name that is passed on; callers can write anything there.
const NAME_MAX: usize = 64;

/// What a caller came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A name and password, or a session.
    User,
    /// An application's token.
    Token,
    /// The token of a person's device.
    Device,
    /// The token of a plugin or its page.
    Plugin,
    /// The key of the device supervisor or one of its projects.
    Project,
}

/// Payload of `auth:success`, `auth:failure` and `auth:logout`.
#[derive(Debug, Serialize)]
pub(crate) struct AuthEvent<'a> {
    r#type: Kind,
    /// Name of the user or token, at most 64 characters. Empty: a token that is not known.
    name: &'a str,
    /// The same, for users only.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    /// Where the caller is and how it came (`192.0.2.7:4711:api`), or why it was refused.
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: String,
    /// Address of the caller as the gateway saw it, with the port where that is known. Empty: not known.
    ip: &'a str,
}

impl<'a> AuthEvent<'a> {
    pub(crate) fn new(who: Who<'a>, reason: String) -> Self {
        let name = short(who.name);
        let username = (who.kind == Kind::User).then_some(name);
        Self { r#type: who.kind, name, username, reason, ip: who.address }
    }
}

/// The way a caller came.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// With a request.
    Api,
    /// By opening a websocket.
    Websocket,
    /// By signing in.
    Login,
}

/// Who called, and from where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) address: &'a str,
}

/// Tells who got in and who did not.
#[derive(Debug)]
pub(crate) struct Events {
    publisher: Publisher,
    recent: Recent,
}

impl Events {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self { publisher, recent: Recent::default() }
    }

    /// Somebody got in: once a minute for each user or token, but each signing in and each websocket.
    pub(crate) fn success(&self, who: Who<'_>, way: Way, now: Timestamp) {
        match way {
            Way::Login => tracing::info!(user.name = who.name, client.address = who.address, "signed in"),
            Way::Websocket => {}
            Way::Api if self.recent.is_first(("success", who.kind, who.name), now) => {}
            Way::Api => return,
        }
        let way = match way {
            Way::Api => "api",
            Way::Websocket => "websocket",
            Way::Login => "login",
        };
        self.tell("auth:success", who, format!("{}:{way}", who.address));
    }

    /// Somebody was refused: once a minute for each name, address and reason.
    pub(crate) fn failure(&self, who: Who<'_>, reason: &str, now: Timestamp) {
        if self.recent.is_first(("failure", who.kind, who.name, host(who.address), reason), now) {
            let name = short(who.name);
            tracing::warn!(user.name = name, client.address = who.address, reason, "credentials refused");
            self.tell("auth:failure", who, reason.to_owned());
        }
    }

    fn tell(&self, topic: &str, who: Who<'_>, reason: String) {
        self.publisher.publish(topic, &AuthEvent::new(who, reason));
    }
}

fn short(name: &str) -> &str {
    name.char_indices().nth(NAME_MAX).map_or(name, |(end, _)| &name[..end])
}

/// What was told within the present minute.
#[derive(Debug, Default)]
struct Recent {
    hashes: RandomState,
    told: Mutex<(i64, HashSet<u64>)>,
}

impl Recent {
    /// Whether this comes for the first time in the present minute.
    fn is_first(&self, what: impl Hash, now: Timestamp) -> bool {
        let minute = now.as_second().div_euclid(60);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0 != minute {
            *told = (minute, HashSet::new());
        }
        told.1.len() < PER_MINUTE_MAX && told.1.insert(self.hashes.hash_one(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    #[test]
    fn once_a_minute_and_bounded() {
        let recent = Recent::default();
        assert!(recent.is_first("a", NOW));
        assert!(!recent.is_first("a", NOW));
        assert!(recent.is_first("b", NOW));
        let next = NOW + jiff::SignedDuration::from_secs(60);
        assert!(recent.is_first("a", next));
        assert_eq!((0..3000).filter(|number| recent.is_first(number, next)).count(), PER_MINUTE_MAX - 1);
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(short("admin"), "admin");
        assert_eq!(short(&"é".repeat(100)), "é".repeat(64));
    }

    #[test]
    fn the_payload_is_as_documented() {
        let event = AuthEvent {
            r#type: Kind::Token,
            name: "ci",
            username: None,
            reason: "192.0.2.7:1:api".to_owned(),
            ip: "192.0.2.7:1",
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(json, r#"{"type":"token","name":"ci","reason":"192.0.2.7:1:api","ip":"192.0.2.7:1"}"#);
    }
}
